use std::cell::RefCell;
use std::rc::Rc;

use portus_core::{BootId, Port, QuarantineUntil};

use super::*;
use crate::engine::Engine;
use crate::engine::toy::{Fault, Toy, ToyDisk, ToyWorld};

/// Where a test's trace goes.
#[derive(Debug, Clone, Default)]
struct Paper {
    written: Rc<RefCell<String>>,
    old: Rc<RefCell<Vec<String>>>,
    len_max: usize,
    fails: Rc<RefCell<bool>>,
}

impl Paper {
    fn long(len_max: usize) -> Self {
        Self { len_max, ..Self::default() }
    }

    fn text(&self) -> String {
        self.written.borrow().clone()
    }
}

impl Out for Paper {
    fn write(&mut self, lines: &str) -> io::Result<()> {
        if *self.fails.borrow() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.borrow_mut().push_str(lines);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.written.borrow().len() > self.len_max
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        let written = self.written.take();
        self.old.borrow_mut().push(written);
        Ok(())
    }
}

fn engine(toy: &Toy, paper: &Paper) -> Engine<ToyDisk, ToyWorld> {
    let out = paper.clone();
    let recorder = |_: &ToyDisk, broker: &Broker| -> Option<Box<dyn Recorder>> {
        Some(Box::new(Tracer::begin(out, "journal", broker)))
    };
    Engine::start_recorded(Policy::default(), toy.disk(), toy.world(), BootId(7), recorder).unwrap()
}

fn quarantine(number: u16) -> Command {
    let port = Port::new(number).unwrap();
    Command::Quarantine { port, until: QuarantineUntil::Revived, reason: "for a test".into() }
}

fn outcomes(text: &str) -> Vec<(u64, Outcome)> {
    text.lines().skip(1).map(|line| Record::read(line).unwrap()).map(|record| (record.round, record.outcome)).collect()
}

#[test]
fn a_trace_begins_with_the_ledger_and_tells_what_became_of_each_round() {
    let (toy, paper) = (Toy::new(), Paper::long(usize::MAX));
    let mut engine = engine(&toy, &paper);
    engine.run(vec![quarantine(4000), quarantine(4001)]);
    engine.run(vec![Command::Boot { boot: BootId(7) }]);
    toy.strike_in(1, Fault::DiskFull);
    engine.run(vec![quarantine(4002)]);
    toy.strike_in(1, Fault::UnknownKept);
    engine.run(vec![quarantine(4003)]);
    engine.run(vec![quarantine(4004)]);
    let text = paper.text();
    let header = Header::read(text.lines().next().unwrap()).unwrap();
    assert_eq!((header.journal.as_str(), header.format), ("journal", FORMAT));
    assert_eq!(header.broker().as_history(), Broker::new(Policy::default()).as_history());
    let (yes, no) = (Outcome::Committed, Outcome::RolledBack);
    let expected = [(1, yes), (2, yes), (2, yes), (3, Outcome::Unchanged), (4, no), (5, Outcome::InDoubt)];
    assert_eq!(outcomes(&text), expected, "whoever is in doubt decides nothing any more");
}

#[test]
fn a_line_says_what_was_written() {
    let (toy, paper) = (Toy::new(), Paper::long(usize::MAX));
    engine(&toy, &paper).run(vec![quarantine(4000)]);
    let text = paper.text();
    for line in text.lines().skip(1) {
        let record = Record::read(line).unwrap();
        assert_eq!(Record::read(&record.line()), Ok(record.clone()));
        assert_eq!(record.line(), line);
        assert_eq!(record.decided.read_changes().unwrap().len(), 1);
    }
    let header = text.lines().next().unwrap();
    assert_eq!(Header::read(header).unwrap().line(), header);
}

#[test]
fn what_is_no_trace_is_refused() {
    assert!(Header::read("{}").is_err() && Header::read("at 3 die").is_err() && Record::read("[]").is_err());
    let header = Header::of("journal", &Broker::new(Policy::default()));
    let other = Header { format: FORMAT + 1, ..header };
    assert!(Header::read(&other.line()).unwrap_err().to_string().contains("this build's format"));
}

#[test]
fn a_full_trace_makes_way_for_one_that_begins_where_it_ended() {
    let (toy, paper) = (Toy::new(), Paper::long(2_000));
    let mut engine = engine(&toy, &paper);
    for number in 4000..4040 {
        engine.run(vec![quarantine(number)]);
        assert!(paper.text().len() < 8_000, "it grows without end");
    }
    let old = paper.old.borrow();
    assert!(old.len() > 3);
    for pair in old.windows(2) {
        let mut ledger = Header::read(pair[0].lines().next().unwrap()).unwrap().broker();
        for line in pair[0].lines().skip(1) {
            Record::read(line).unwrap().decided.read_changes().unwrap().iter().for_each(|change| ledger.evolve(change));
        }
        let next = Header::read(pair[1].lines().next().unwrap()).unwrap();
        assert_eq!(next.broker().as_history(), ledger.as_history());
    }
}

#[test]
fn a_trace_that_cannot_be_written_ends_and_nothing_else_does() {
    let (toy, paper) = (Toy::new(), Paper::long(usize::MAX));
    let mut engine = engine(&toy, &paper);
    *paper.fails.borrow_mut() = true;
    assert!(engine.run(vec![quarantine(4000)]).answers[0].is_ok());
    *paper.fails.borrow_mut() = false;
    let before = paper.text();
    assert!(engine.run(vec![quarantine(4001)]).answers[0].is_ok());
    assert_eq!(paper.text(), before, "a trace with a gap would not replay");
}

#[test]
fn a_file_is_put_away_when_it_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    let mut file = TraceFile::create_with(&path, 10).unwrap();
    file.write("a header of any length\n").unwrap();
    assert!(!file.is_full());
    file.write("0123456789\n").unwrap();
    assert!(file.is_full());
    file.begin_anew().unwrap();
    file.write("the next\n").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the next\n");
    assert!(std::fs::read_to_string(folder.path().join("trace.1")).unwrap().ends_with("0123456789\n"));
}
