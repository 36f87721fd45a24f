//! The fuzz targets over their committed corpora, and a few made-up inputs more.
#![cfg(unix)]

use portus_tests::fuzz::{self, Maker};

/// How many inputs are made up for each target.
const MADE_UP: u32 = 150;

#[test]
fn every_input_of_the_corpora_is_survived() {
    for (name, target) in fuzz::all() {
        assert!(fuzz::seeds(name).len() >= 3, "tests/corpus/{name} is all but empty");
        for (file, input) in fuzz::corpus(name) {
            let finding = fuzz::strike(name, *target, &input);
            assert!(finding.is_none(), "{}: {finding:?}", file.display());
        }
    }
}

#[test]
fn every_shape_on_the_wire_is_read_the_same_in_both_codecs() {
    for (name, target) in fuzz::all().iter().filter(|(name, _)| ["calls", "answers"].contains(name)) {
        let seeds = fuzz::seeds(name);
        let binary = seeds.iter().filter(|seed| !seed.starts_with(b"{")).count();
        assert!(binary >= 20, "{name}: {binary} of {} are in bincode", seeds.len());
        for seed in seeds {
            let finding = fuzz::strike(name, *target, &seed);
            assert!(finding.is_none(), "{finding:?}");
        }
    }
}

#[test]
fn made_up_inputs_are_survived() {
    for (name, target) in fuzz::all() {
        let mut maker = Maker::new(fuzz::seeds(name), 0);
        for _ in 0..MADE_UP {
            let finding = fuzz::strike(name, *target, &maker.make());
            assert!(finding.is_none(), "{finding:?}");
        }
    }
}

#[test]
fn a_target_that_panics_or_complains_is_a_finding() {
    assert!(fuzz::strike("complains", |_| Err("no".to_owned()), b"").is_some());
    assert!(fuzz::strike("fine", |_| Ok(()), b"").is_none());
}
