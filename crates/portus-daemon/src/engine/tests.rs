//! Tests of the engine against the toys: what happens in which order.

mod failing;

use std::sync::Arc;

use super::toy::{Fault, Step, Toy, ToyDisk, ToyWorld};
use super::*;
use portus_core::{
    Admit, Ask, Caller, EndReason, Holder, Key, Look, Port, PortRange, ProcessIdentity, Protocol, Purpose, Requester,
    Sighting, Span, Stale, Strategy, Target,
};

type ToyEngine = Engine<ToyDisk, ToyWorld>;

const BOOT: BootId = BootId(1);

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn key(service: &str) -> Key {
    Key { project: "shop".into(), worktree: "/shop".into(), service: service.parse().unwrap() }
}

fn caller() -> Caller {
    Caller { worktree: "/shop".into(), force: false }
}

fn process(pid: u32) -> ProcessIdentity {
    ProcessIdentity { pid, birth: u64::from(pid), boot: BOOT }
}

/// A wish of a service for a port from 3000 on, guarded.
fn wish(service: &str) -> Request {
    let pool = PortRange::new(port(3000), port(3009)).unwrap();
    let ask = Ask {
        key: key(service),
        purpose: Purpose::Lease,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool,
        fallback: None,
        expand: None,
        strategy: Strategy::Sequential,
        exclude: Vec::new(),
    };
    Request {
        asks: vec![ask],
        contiguous: false,
        holder: None,
        requester: Requester::default(),
        ttl: None,
        guard: Some(Admit::Nobody),
        queued: false,
        stale: Stale::None,
    }
}

fn request(service: &str) -> Command {
    Command::Request { request: wish(service), survey: Survey::new() }
}

fn held(service: &str, pid: u32) -> Command {
    let holder = Holder { process: process(pid), command: "server".into() };
    Command::Request { request: Request { holder: Some(holder), ..wish(service) }, survey: Survey::new() }
}

fn release(service: &str) -> Command {
    Command::Release { targets: vec![Target::Key(key(service))], caller: caller() }
}

fn exited(pid: u32) -> Command {
    Command::ProcessExited { process: process(pid), sightings: Vec::new(), survivors: BTreeMap::new() }
}

fn guard(number: u16, admit: Admit) -> Effect {
    Effect::Guard { port: port(number), protocol: Protocol::Tcp, admit }
}

fn try_start(toy: &Toy) -> Result<ToyEngine, JournalError> {
    Engine::start(Policy::default(), toy.disk(), toy.world(), BOOT)
}

/// An engine that is up, and a trace that begins there.
fn start(toy: &Toy) -> ToyEngine {
    let engine = try_start(toy).unwrap();
    toy.take_trace();
    engine
}

/// The port that a command was granted, and whether it was the key's already.
fn granted(engine: &mut ToyEngine, command: Command) -> (u16, bool) {
    let batch = engine.run(vec![command]);
    match &batch.answers[..] {
        [Ok(Answer::Leased { leases, .. })] => {
            let leased = leases[0];
            (engine.broker().lease(leased.id).unwrap().port.number(), leased.reused)
        }
        other => panic!("not granted: {other:?}"),
    }
}

/// The ledger is what is written down, and the world is as the ledger says.
fn assert_sound(toy: &Toy, engine: &ToyEngine) {
    let recovered = Broker::from_history(Policy::default(), toy.committed());
    assert_eq!(engine.broker().as_history(), recovered.as_history(), "believed something else than is written");
    assert_eq!(toy.standing(), engine.broker().standing_effects(), "the world is not as it should be");
    let guarded = engine.broker().live_leases().filter(|lease| lease.guard.is_some()).map(|lease| lease.port);
    assert_eq!(toy.bound(), guarded.collect(), "ports are kept that nobody asked for");
}

/// No effect before its cause is on disk, and none undone before its end is.
fn assert_order(trace: &[Step]) {
    let mut uncommitted = false;
    for step in trace {
        match step {
            Step::Appended(_) => uncommitted = true,
            Step::Committed | Step::RolledBack => uncommitted = false,
            Step::Performed(..) | Step::Undone(_) => assert!(!uncommitted, "acted before the commit: {trace:#?}"),
            _ => {}
        }
    }
}

#[test]
fn looks_then_writes_down_then_acts() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    toy.occupy(port(3000), Look::Taken);
    assert_eq!(granted(&mut engine, held("web", 7)), (3001, false));
    let trace = toy.take_trace();
    let looked = |number, look| Step::Looked(port(number), Protocol::Tcp, look);
    assert_eq!(trace[..2], [looked(3000, Look::Taken), looked(3001, Look::Free)]);
    let acted = &trace[trace.iter().position(|step| !matches!(step, Step::Looked(..))).unwrap()..];
    assert!(matches!(acted[0], Step::Appended(_)), "{trace:?}");
    assert_eq!(acted[1], Step::Committed);
    let performed = |effect| Step::Performed(effect, Performed::Done);
    let watch = Effect::Watch { process: process(7) };
    assert_eq!(acted[2..], [performed(guard(3001, Admit::Nobody)), performed(watch), Step::Settled]);
    assert_sound(&toy, &engine);
}

#[test]
fn a_repeat_and_a_refusal_cost_no_commit() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    assert_eq!(granted(&mut engine, request("web")), (3000, false));
    toy.take_trace();
    assert_eq!(granted(&mut engine, request("web")), (3000, true));
    assert_eq!(toy.take_trace(), [Step::Settled]);
    let nobody = engine.run(vec![release("api")]);
    assert!(matches!(nobody.answers[..], [Err(Failure::Refused(Refusal::NoSuchLease { .. }))]), "{nobody:?}");
    assert_eq!((nobody.changes, toy.take_trace()), (vec![], vec![Step::Settled]));
    assert_sound(&toy, &engine);
}

#[test]
fn a_refused_request_lets_go_of_what_it_looked_at() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    toy.occupy(port(3001), Look::Taken);
    let mut two = wish("web");
    two.asks[0].range = Some(PortRange::new(port(3000), port(3001)).unwrap());
    two.asks.push(Ask { key: key("api"), ..two.asks[0].clone() });
    let batch = engine.run(vec![Command::Request { request: two, survey: Survey::new() }]);
    assert!(matches!(batch.answers[..], [Err(Failure::Refused(Refusal::NoPort { .. }))]), "{batch:?}");
    assert!(toy.take_trace().contains(&Step::Looked(port(3000), Protocol::Tcp, Look::Free)));
    assert_sound(&toy, &engine);
}

#[test]
fn one_batch_is_one_commit_and_commands_see_each_other() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    let batch = engine.run(vec![request("web"), request("api"), release("web"), request("web")]);
    assert!(batch.answers.iter().all(Result::is_ok), "{batch:?}");
    let trace = toy.take_trace();
    assert_eq!(trace.iter().filter(|step| **step == Step::Committed).count(), 1);
    assert_order(&trace);
    // The released port went to the same key again: it never was let go of.
    assert!(!trace.iter().any(|step| matches!(step, Step::Undone(_))), "{trace:?}");
    let ports: Vec<u16> = engine.broker().live_leases().map(|lease| lease.port.number()).collect();
    assert_eq!(ports, [3001, 3000]);
    assert_sound(&toy, &engine);
}

#[test]
fn effects_are_undone_only_when_no_lease_needs_them() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    engine.run(vec![held("web", 7), held("api", 7)]);
    toy.take_trace();
    engine.run(vec![release("web")]);
    let watch = Effect::Watch { process: process(7) };
    assert!(toy.standing().contains(&watch), "the other lease needs it");
    engine.run(vec![exited(7)]);
    assert!(toy.standing().is_empty(), "{:?}", toy.standing());
    assert_order(&toy.take_trace());
    assert_sound(&toy, &engine);
}

#[test]
fn a_guard_of_other_terms_replaces_the_first_without_a_gap() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    granted(&mut engine, request("web"));
    toy.take_trace();
    let holder = Holder { process: process(7), command: "server".into() };
    let adopt = Request { holder: Some(holder), guard: Some(Admit::Reuse), ..wish("web") };
    assert_eq!(granted(&mut engine, Command::Request { request: adopt, survey: Survey::new() }), (3000, true));
    let trace = toy.take_trace();
    assert!(!trace.iter().any(|step| matches!(step, Step::Undone(Effect::Guard { .. }))), "{trace:?}");
    assert!(toy.standing().contains(&guard(3000, Admit::Reuse)));
    assert_sound(&toy, &engine);
}

#[test]
fn a_suspect_port_is_looked_at() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    engine.run(vec![held("web", 7), Command::Launch { leases: vec![LeaseId(1)], hand_over: false }]);
    let suspect = || Command::Suspect {
        lease: LeaseId(1),
        certain: false,
        avoid: portus_core::QuarantineUntil::Reboot,
        survey: Survey::new(),
        sighting: Sighting { port: port(3000), listeners: Vec::new() },
    };
    assert_eq!(engine.run(vec![suspect()]).answers, [Ok(Answer::Cleared(LeaseId(1)))]);
    let guarded = |effect: &Effect| matches!(effect, Effect::Guard { .. });
    assert!(!toy.standing().iter().any(guarded), "what the program left behind may bind it yet");
    toy.occupy(port(3000), Look::Taken);
    assert_eq!(engine.run(vec![suspect()]).answers, [Ok(Answer::Abandoned { lease: LeaseId(1), by: Vec::new() })]);
    assert_sound(&toy, &engine);
}

#[test]
fn a_new_boot_ends_leases_and_keeps_numbers() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    engine.run(vec![request("web"), request("api")]);
    drop(engine);
    toy.reboot();
    let mut engine = Engine::start(Policy::default(), toy.disk(), toy.world(), BootId(2)).unwrap();
    let ends: Vec<_> = engine.broker().ended_leases().map(|lease| lease.state.clone()).collect();
    assert!(ends.iter().all(|end| matches!(end, portus_core::LeaseState::Ended { reason: EndReason::Reboot, .. })));
    assert_eq!((ends.len(), engine.broker().live_leases().len()), (2, 0));
    assert_eq!(granted(&mut engine, request("api")), (3001, false));
    assert_sound(&toy, &engine);
}

#[test]
fn looks_and_time_pass_without_a_trace_in_the_journal() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    granted(&mut engine, request("web"));
    let written = toy.committed();
    toy.pass_time(Span::from_secs(1));
    let nothing = Sighting { port: port(3000), listeners: Vec::new() };
    engine.run(vec![Command::Sighted { sightings: vec![nothing.clone()] }, Command::Tick { sightings: Vec::new() }]);
    assert_eq!(toy.committed(), written);
    toy.pass_time(Span::from_secs(300));
    engine.run(vec![Command::Tick { sightings: vec![nothing] }]);
    assert_eq!(engine.broker().live_leases().len(), 0, "its deadline has passed");
    let missing: Vec<Arc<str>> = Vec::new();
    engine.run(vec![Command::Swept { missing }]);
    assert_sound(&toy, &engine);
}

#[test]
fn a_journal_that_failed_says_what_to_do() {
    for (error, word) in [
        (JournalError::Full, "room"),
        (JournalError::ReadOnly, "writable"),
        (JournalError::Locked, "close"),
        (JournalError::Unreadable(String::new()), "aside"),
        (JournalError::Failed(String::new()), "log"),
    ] {
        assert!(error.hint().contains(word), "{error}: {}", error.hint());
    }
}
