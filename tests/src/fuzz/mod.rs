//! Made-up bytes against everything that reads bytes from outside.
//!
//! Inputs are mutations of a committed corpus (`tests/corpus`), driven by a seed, so that a finding can be had again. A
//! target is a plain function of bytes: any other fuzzer can drive it as well. Start reading at [`targets`].

pub mod targets;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::sim::bytes::bytes_of;
use targets::{TARGETS, Target};

/// The longest input made.
const INPUT_LEN_MAX: usize = 64 * 1_024;

/// What formats are made of, to be put into inputs.
const TOKENS: [&str; 24] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "-1",
    "0",
    "65535",
    "65536",
    "18446744073709551615",
    "1e999",
    "\\u0000",
    "\u{1b}[2J",
    "\n",
    "$(",
    "`",
    "&&",
    "'",
    "port = ",
    "[services.web]\n",
    "kill-port 3000",
];

/// What a panic said, wherever it was: hooks answer from threads of their own.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One input that broke a target.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which target.
    pub target: &'static str,
    /// What happened.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

/// Throws one input at one target.
pub fn strike(name: &'static str, target: Target, input: &[u8]) -> Option<Finding> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
            usual(info);
        }));
    });
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    let panic = PANICS.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let what = match (outcome, panic) {
        (_, Some(panic)) => panic,
        (Ok(Err(what)), None) => what,
        (Err(_), None) => "it panicked".to_owned(),
        (Ok(Ok(())), None) => return None,
    };
    Some(Finding { target: name, what, input: input.to_vec() })
}

/// The committed inputs of a target, by name.
pub fn corpus(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), std::fs::read(entry.path()).ok()?))).collect()
}

/// What a target's inputs are made of: its committed corpus, and for messages each shape that stands on the wire, in both
/// codecs. (What bincode writes is of one build, so that no corpus can keep it.)
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = corpus(name).into_values().collect();
    seeds.extend(targets::golden(name));
    let binary: Vec<Vec<u8>> = seeds.iter().filter_map(|seed| targets::in_bincode(name, seed)).collect();
    seeds.extend(binary);
    seeds
}

/// Inputs made of a corpus, one after the other, for ever.
#[derive(Debug)]
pub struct Maker {
    corpus: Vec<Vec<u8>>,
    seed: u64,
}

impl Maker {
    /// Makes inputs of these.
    pub const fn new(corpus: Vec<Vec<u8>>, seed: u64) -> Self {
        Self { corpus, seed }
    }

    /// The next input: one of the corpus, changed at a few places.
    pub fn make(&mut self) -> Vec<u8> {
        self.seed = self.seed.wrapping_add(1);
        let draws = bytes_of(self.seed, 8 + 16 * 6);
        let wide = |at: usize| draws[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let nothing = Vec::new();
        let pick = |number: usize| self.corpus.get(number % self.corpus.len().max(1)).unwrap_or(&nothing);
        let mut input = pick(wide(0)).clone();
        for change in 0..=usize::from(draws[4] % 8) {
            let at = 8 + change * 12;
            let (place, other) = (wide(at) % (input.len() + 1), wide(at + 4));
            match draws[at + 8] % 7 {
                0 => input.truncate(place),
                1 if place < input.len() => input[place] ^= 1 << (draws[at + 9] % 8),
                2 if place < input.len() => input[place] = draws[at + 9],
                3 => input.insert(place, draws[at + 9]),
                4 => drop(input.splice(place..place, TOKENS[other % TOKENS.len()].bytes())),
                5 => {
                    let from = pick(other);
                    let cut = other % (from.len() + 1);
                    input.truncate(place);
                    input.extend_from_slice(&from[cut..]);
                }
                6 => drop(input.drain(place..(place + other % 16).min(input.len()))),
                _ => input.extend_from_slice(&draws[at..at + 12]),
            }
        }
        input.truncate(INPUT_LEN_MAX);
        input
    }
}

/// Throws made-up inputs at one target for a while: how many, and the first that broke it.
pub fn run(name: &'static str, target: Target, span: Duration, seed: u64) -> (u64, Option<Finding>) {
    let seeds = seeds(name);
    for input in &seeds {
        if let Some(finding) = strike(name, target, input) {
            return (0, Some(finding));
        }
    }
    let mut maker = Maker::new(seeds, seed);
    let until = Instant::now() + span;
    let mut count = 0;
    while Instant::now() < until {
        count += 1;
        if let Some(finding) = strike(name, target, &maker.make()) {
            return (count, Some(finding));
        }
    }
    (count, None)
}

/// All targets, by name.
pub const fn all() -> &'static [(&'static str, Target)] {
    &TARGETS
}
