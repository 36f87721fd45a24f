//! Stories that are told step by step: `tests/scenarios/*.txt`, each with what must come of it beside it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::path::{Path, PathBuf};

use portus_tests::sim::trace::Trace;

/// Set to write what comes of the scenarios instead of comparing it.
const BLESS: &str = "PORTUS_BLESS";

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    all.sort();
    all
}

#[test]
fn scenarios_come_out_as_they_did() {
    let all = scenarios();
    assert!(all.len() >= 6, "{all:?}");
    for file in all {
        let trace: Trace = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let (story, found) = trace.replay();
        assert!(found.broken.is_empty(), "{}: {:#?}", file.display(), found.broken);
        let story = story.join("\n") + "\n";
        let golden = file.with_extension("golden");
        if std::env::var_os(BLESS).is_some() {
            std::fs::write(&golden, &story).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert!(story == expected, "{} came out otherwise ({BLESS}=1 accepts it):\n{story}", file.display());
    }
}

#[test]
fn an_event_reads_as_it_is_written() {
    for file in scenarios() {
        let trace: Trace = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let again: Trace = trace.to_string().parse().unwrap();
        assert_eq!(trace, again, "{}", file.display());
    }
    for senseless in ["ask", "ask web", "strike 1 lightning", "pass never", "notice twice", "at 3"] {
        let parsed = senseless.parse::<Trace>();
        assert!(parsed.is_err() || senseless == "ask", "{senseless}: {parsed:?}");
    }
}
