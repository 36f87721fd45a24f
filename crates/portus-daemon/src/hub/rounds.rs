//! Takes turns among connections, so that a flood from one does not starve another.

use std::collections::{BTreeMap, VecDeque};

use crate::server::ConnectionId;

/// What waits to be done, by connection. What one connection sent stays in its order.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    lines: BTreeMap<ConnectionId, VecDeque<T>>,
    /// Whose turn it is, each connection with a line once.
    turns: VecDeque<ConnectionId>,
}

impl<T> Default for Rounds<T> {
    fn default() -> Self {
        Self { lines: BTreeMap::new(), turns: VecDeque::new() }
    }
}

impl<T> Rounds<T> {
    /// Goes to the end of its connection's line.
    pub(crate) fn push(&mut self, connection: ConnectionId, item: T) {
        let line = self.lines.entry(connection).or_default();
        if line.is_empty() {
            self.turns.push_back(connection);
        }
        line.push_back(item);
    }

    /// Takes one from each connection in turn, and so on, until there are `max`.
    pub(crate) fn take(&mut self, max: usize) -> Vec<(ConnectionId, T)> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(connection) = self.turns.pop_front() else { break };
            let Some(line) = self.lines.get_mut(&connection) else { continue };
            taken.extend(line.pop_front().map(|item| (connection, item)));
            if line.is_empty() {
                self.lines.remove(&connection);
            } else {
                self.turns.push_back(connection);
            }
        }
        taken
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_does_not_stand_in_front_of_others() {
        let mut rounds = Rounds::default();
        let (flood, calm) = (ConnectionId(1), ConnectionId(2));
        (0..100).for_each(|number| rounds.push(flood, number));
        (0..2).for_each(|number| rounds.push(calm, number));
        let first: Vec<_> = rounds.take(5);
        assert_eq!(first, [(flood, 0), (calm, 0), (flood, 1), (calm, 1), (flood, 2)]);
        rounds.push(calm, 2);
        let second = rounds.take(3);
        assert_eq!(second, [(flood, 3), (calm, 2), (flood, 4)]);
        assert_eq!(rounds.take(1_000).len(), 95);
        assert!(rounds.is_empty() && rounds.take(1).is_empty());
    }
}
