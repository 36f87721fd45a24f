//! A set of ports as a bit for each, so that a full pool is passed over 64 ports at a time.

use crate::vocabulary::{Port, PortRange};

const WORDS: usize = 1 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortSet(Box<[u64]>);

impl Default for PortSet {
    fn default() -> Self {
        Self(vec![0; WORDS].into_boxed_slice())
    }
}

impl PortSet {
    const fn place(port: Port) -> (usize, u64) {
        let number = port.number();
        ((number >> 6) as usize, 1 << (number & 63))
    }

    pub(super) fn insert(&mut self, port: Port) {
        let (word, bit) = Self::place(port);
        self.0[word] |= bit;
    }

    pub(super) fn remove(&mut self, port: Port) {
        let (word, bit) = Self::place(port);
        self.0[word] &= !bit;
    }

    pub(super) fn contains(&self, port: Port) -> bool {
        let (word, bit) = Self::place(port);
        self.0[word] & bit != 0
    }

    /// How many ports of `range` are in the set.
    pub(super) fn count_in(&self, range: PortRange) -> usize {
        let (first, last) = (range.first().number(), range.last().number());
        let (first_word, last_word) = (first >> 6, last >> 6);
        let ones = (first_word..=last_word).map(|word| {
            let mut set = self.0[usize::from(word)];
            if word == first_word {
                set &= u64::MAX << (first & 63);
            }
            if word == last_word {
                set &= u64::MAX >> (63 - (last & 63));
            }
            set.count_ones() as usize
        });
        ones.sum()
    }

    /// The ports of `range` that are not in the set, from `offset` places in, wrapping round once.
    pub(super) fn absent_from(&self, range: PortRange, offset: u64) -> impl Iterator<Item = Port> + '_ {
        let count = u64::from(range.count());
        let start = u16::try_from(offset % count).ok().and_then(|steps| range.first().checked_add(steps));
        let middle = start.unwrap_or(range.first());
        let upper = self.absent_between(middle.number(), range.last().number());
        // None of them if the middle is the first: what lies between a port and the one before it is nothing.
        upper.chain(self.absent_between(range.first().number(), middle.number() - 1))
    }

    fn absent_between(&self, first: u16, last: u16) -> impl Iterator<Item = Port> + '_ {
        let (first_word, last_word) = (first >> 6, last >> 6);
        (first_word..=last_word).flat_map(move |word| {
            let mut open = !self.0[usize::from(word)];
            if word == first_word {
                open &= u64::MAX << (first & 63);
            }
            if word == last_word {
                open &= u64::MAX >> (63 - (last & 63));
            }
            Bits { base: word << 6, open }
        })
    }
}

/// The set bits of a word, lowest first, as ports.
struct Bits {
    base: u16,
    open: u64,
}

impl Iterator for Bits {
    type Item = Port;

    fn next(&mut self) -> Option<Port> {
        loop {
            if self.open == 0 {
                return None;
            }
            let bit = self.open.trailing_zeros() as u16;
            self.open &= self.open - 1;
            if let Some(port) = Port::new(self.base + bit) {
                return Some(port);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    #[test]
    fn absent_ports_come_in_order_from_the_offset_and_wrap() {
        let mut set = PortSet::default();
        let range = PortRange::new(port(100), port(300)).unwrap();
        range.iter_from(0).filter(|p| p.number() % 50 != 0).for_each(|p| set.insert(p));
        let seen: Vec<_> = set.absent_from(range, 60).map(Port::number).collect();
        assert_eq!(seen, [200, 250, 300, 100, 150]);
        set.insert(port(200));
        assert_eq!(set.absent_from(range, 0).map(Port::number).collect::<Vec<_>>(), [100, 150, 250, 300]);
        set.remove(port(200));
        assert!(!set.contains(port(200)) && set.contains(port(201)));
    }

    #[test]
    fn words_and_their_edges_make_no_difference() {
        let members = [1, 2, 62, 63, 64, 65, 127, 128, 191, 192, 300, 65_472, 65_534, 65_535].map(port);
        let mut set = PortSet::default();
        members.into_iter().for_each(|member| set.insert(member));
        for (first, last) in [(1, 1), (1, 64), (63, 65), (64, 64), (64, 127), (60, 200), (192, 320), (65_470, 65_535)] {
            let range = PortRange::new(port(first), port(last)).unwrap();
            for offset in [0, 1, 2, 63, 64, 65, 100, u64::MAX] {
                let one_by_one: Vec<_> = range.iter_from(offset).filter(|port| !members.contains(port)).collect();
                assert_eq!(set.absent_from(range, offset).collect::<Vec<_>>(), one_by_one, "{range} from {offset}");
                assert_eq!(set.count_in(range), usize::from(last - first) + 1 - one_by_one.len(), "{range}");
            }
        }
    }

    #[test]
    fn the_whole_of_all_ports_is_walked_once() {
        let set = PortSet::default();
        for offset in [0, 1, 65_534, 40_000] {
            assert_eq!(set.absent_from(PortRange::ALL, offset).count(), 65_535);
        }
    }
}
