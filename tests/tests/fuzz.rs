//! The fuzz targets over their committed corpora, and a few made-up inputs more.
#![cfg(unix)]

use portus_tests::fuzz::{self, Maker};

/// How many inputs are made up for each target.
const MADE_UP: u32 = 150;

#[test]
fn every_input_of_the_corpora_is_survived() {
    for (name, target) in fuzz::all() {
        let corpus = fuzz::corpus(name);
        assert!(corpus.len() >= 3, "tests/corpus/{name} holds {} inputs", corpus.len());
        for (file, input) in corpus {
            let finding = fuzz::strike(name, *target, &input);
            assert!(finding.is_none(), "{}: {finding:?}", file.display());
        }
    }
}

#[test]
fn made_up_inputs_are_survived() {
    for (name, target) in fuzz::all() {
        let mut maker = Maker::new(fuzz::corpus(name).into_values().collect(), 0);
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
