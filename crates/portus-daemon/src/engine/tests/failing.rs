//! Disks that are full, in doubt or broken, guards that are lost, and death at every point.

use super::*;

#[test]
fn a_full_disk_changes_nothing_and_passes() {
    for (faulty, commands) in [
        (0, vec![request("web")]),
        (1, vec![request("web")]),
        (2, vec![request("web")]),
        (3, vec![request("web"), request("api")]),
        (4, vec![request("web"), request("api"), request("db")]),
        (5, vec![release("old"), request("api"), request("web")]),
    ] {
        let toy = Toy::new();
        let mut engine = start(&toy);
        granted(&mut engine, request("old"));
        let (before, written) = (engine.broker().as_history(), toy.committed());
        toy.take_trace();
        toy.strike_in(faulty, Fault::DiskFull);
        let count = commands.len();
        let batch = engine.run(commands.clone());
        let trace = toy.take_trace();
        if trace.contains(&Step::Committed) {
            continue; // It struck the machine, which has no disk.
        }
        assert_eq!(batch.answers, vec![Err(Failure::JournalFailed(JournalError::Full)); count]);
        assert_eq!((batch.changes, batch.doubt), (vec![], false));
        assert_eq!((engine.broker().as_history(), toy.committed()), (before, written), "{trace:?}");
        assert_order(&trace);
        assert_sound(&toy, &engine);
        assert!(engine.run(commands).answers.iter().all(Result::is_ok), "there is room again");
        assert_sound(&toy, &engine);
    }
}

#[test]
fn a_single_command_that_fails_needs_no_recovery() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    toy.strike_in(2, Fault::DiskFull);
    engine.run(vec![request("web")]);
    let trace = toy.take_trace();
    assert!(trace.contains(&Step::Struck(Fault::DiskFull)) && !trace.contains(&Step::Loaded), "{trace:?}");
}

#[test]
fn doubt_about_a_commit_ends_all_writing_until_recovery() {
    for (fault, ports) in [(Fault::UnknownKept, vec![port(3000)]), (Fault::UnknownLost, vec![])] {
        let toy = Toy::new();
        let mut engine = start(&toy);
        toy.strike_in(2, fault);
        let batch = engine.run(vec![request("web")]);
        assert!(batch.doubt && batch.changes.is_empty(), "{batch:?}");
        assert!(matches!(batch.answers[..], [Err(Failure::InDoubt(_))]), "{batch:?}");
        let later = engine.run(vec![request("api")]);
        assert!(later.doubt && matches!(later.answers[..], [Err(Failure::InDoubt(_))]), "{later:?}");
        assert!(toy.standing().is_empty(), "acted though it is unknown whether it is written");
        drop(engine);
        toy.bury();
        let engine = start(&toy);
        assert_eq!(engine.broker().live_leases().map(|lease| lease.port).collect::<Vec<_>>(), ports);
        assert_sound(&toy, &engine);
    }
}

/// One of everything that the engine does.
fn a_day(engine: &mut ToyEngine) -> Vec<Batch> {
    let days: Vec<Vec<Command>> = vec![
        vec![held("web", 7)],
        vec![request("api"), request("db"), release("api")],
        vec![Command::Launch { leases: vec![LeaseId(1)], hand_over: false }, request("web")],
        vec![exited(7), held("api", 8), request("mail")],
        vec![release("mail")],
    ];
    days.into_iter().map(|commands| engine.run(commands)).collect()
}

#[test]
fn whatever_the_point_at_which_it_dies_it_recovers_what_it_answered() {
    let toy = Toy::new();
    let quiet = a_day(&mut start(&toy));
    assert!(quiet.iter().flat_map(|batch| &batch.answers).all(Result::is_ok), "{quiet:#?}");
    let mut died = 0;
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for point in 0..toy.points() {
            let toy = Toy::new();
            toy.strike_at(point, fault);
            let Ok(mut engine) = try_start(&toy) else {
                assert!(toy.is_dead());
                continue;
            };
            let mut told = Vec::new();
            for batch in a_day(&mut engine) {
                let known = batch.answers.iter().any(|answer| !matches!(answer, Err(Failure::InDoubt(_))));
                assert!(known || toy.is_dead(), "{batch:?}");
                told.extend(batch.changes);
            }
            died += usize::from(toy.is_dead());
            assert_order(&toy.take_trace());
            drop(engine);
            toy.bury();
            let written = toy.committed();
            assert!(told.iter().all(|change| written.contains(change)), "told what is not written (point {point})");
            let engine = start(&toy);
            assert_sound(&toy, &engine);
        }
    }
    assert!(died > 50, "it hardly ever died: {died}");
}

#[test]
fn a_guard_that_is_lost_while_nobody_kept_it_is_written_off() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    granted(&mut engine, request("web"));
    drop(engine);
    toy.bury();
    toy.occupy(port(3000), Look::Taken);
    let engine = start(&toy);
    assert_eq!(engine.broker().lease_on(port(3000)).unwrap().guard, None);
    assert_sound(&toy, &engine);
}

#[test]
fn what_could_not_be_written_off_is_so_with_the_next_batch() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    granted(&mut engine, request("web"));
    drop(engine);
    toy.bury();
    toy.occupy(port(3000), Look::Taken);
    toy.take_trace();
    // Load, settle after the boot is known, guard, append.
    toy.strike_in(3, Fault::DiskFull);
    let mut engine = try_start(&toy).unwrap();
    let trace = toy.take_trace();
    assert!(trace.contains(&Step::Performed(guard(3000, Admit::Nobody), Performed::Lost)), "{trace:?}");
    assert_eq!(engine.broker().lease_on(port(3000)).unwrap().guard, Some(Admit::Nobody));
    let batch = engine.run(vec![request("api")]);
    assert_eq!(batch.answers.len(), 1, "only what was asked is answered: {batch:?}");
    assert_eq!(engine.broker().lease_on(port(3000)).unwrap().guard, None);
    assert_sound(&toy, &engine);
}

#[test]
fn an_unreadable_journal_is_set_aside_and_a_new_one_begun() {
    let toy = Toy::new();
    let mut engine = start(&toy);
    granted(&mut engine, request("web"));
    drop(engine);
    toy.bury();
    let written = toy.committed();
    toy.spoil();
    let mut engine = start(&toy);
    assert_eq!(toy.aside(), [written], "kept for people");
    assert_eq!(engine.broker().live_leases().len(), 0);
    assert_eq!(granted(&mut engine, request("web")), (3000, false));
    assert_sound(&toy, &engine);
}
