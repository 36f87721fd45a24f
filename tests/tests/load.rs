//! Many clients at once, and some that do not behave: the real daemon answers the others, and does not grow.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use portus_client::{CallError, Client};
use portus_core::LeaseId;
use portus_os::place::Home;
use portus_proto::{Call, Caller, Code, RenewCall, ServerFrame, Target, What};
use portus_tests::torture::{client, load};
use portus_tests::wire::Wire;
use portus_tests::{Rig, portus_binary};

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn many_at_once_are_all_answered() {
    let loaded = load::load(1_000, 200, Duration::from_secs(2));
    assert_eq!(loaded.wrongs(), [""; 0], "{}", loaded.figures());
    assert!(loaded.answered > 1_000, "{}", loaded.figures());
}

/// How many subscribers the daemon takes.
const SUBSCRIBERS: usize = 64;
/// Renewals, and so events, at a time.
const BURST: usize = 50;
/// The least that an event takes that is kept somewhere: its lease's names and times.
const EVENT_LEN_MIN: u64 = 512;

fn renew(client: &mut Client, lease: u64) {
    let caller = Caller { worktree: client::worktree_of(1), force: false };
    let call = RenewCall { target: Target::Lease(LeaseId(lease)), caller, ttl_ms: Some(60_000) };
    client.renew(call).unwrap();
}

/// Hears events until the lease has ended, and tells of each; how many times it was renewed.
fn hear(mut client: Client, told: &std::sync::mpsc::Sender<()>) -> usize {
    let mut renewed = 0;
    loop {
        match client.next_event(PATIENCE).unwrap().unwrap().what {
            What::Updated(_) => renewed += 1,
            What::Ended(_) => return renewed,
            What::Missed(missed) => panic!("{missed} events were lost"),
            _ => continue,
        }
        told.send(()).unwrap();
    }
}

#[test]
fn one_subscriber_of_sixty_four_that_does_not_read_is_dropped_and_nobody_else_notices() {
    let rig = Rig::new();
    let (home, program) = (Home::at(rig.home()), portus_binary());
    let connect = || client::connect(&home, &program).unwrap();
    let mut main = connect();
    let pid = main.welcome().pid;
    let lease = client::ask(&mut main, (1, 0)).unwrap();
    renew(&mut main, lease);
    let mut slow = Wire::connect(&home);
    slow.send(&Call::Subscribe, 1);
    assert!(matches!(slow.frame(), Some(ServerFrame::Reply(_))));
    let readers: Vec<Client> = std::iter::repeat_with(connect).take(SUBSCRIBERS - 1).collect();
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        let hearing: Vec<_> = readers
            .into_iter()
            .map(|mut reader| {
                reader.subscribe().unwrap();
                let tell = tell.clone();
                scope.spawn(move || hear(reader, &tell))
            })
            .collect();
        let mut late = connect();
        let refusal = late.subscribe().unwrap_err();
        assert!(matches!(&refusal, CallError::Refused(refusal) if refusal.code == Code::LimitReached), "{refusal:?}");
        let mut burst = || {
            (0..BURST).for_each(|_| renew(&mut main, lease));
            (0..BURST * hearing.len()).for_each(|_| told.recv_timeout(PATIENCE).unwrap());
            BURST
        };
        let mut renewed = 0;
        // When the one who does not read has lost the place, the late one gets it.
        while late.subscribe().is_err() {
            renewed += burst();
            assert!(renewed < 100_000, "it is never dropped");
        }
        assert!(renewed > 1_024, "it was dropped before its queue was full: after {renewed} events");
        drop(late);
        let (heard, told_why) = last_words(&mut slow);
        assert!(heard < renewed, "it was dropped, and heard all {renewed} events");
        // It has a second to take what was being written, and is told why then. Later it only sees the end.
        assert!(matches!(told_why, None | Some(Code::TooSlow)), "{told_why:?}");

        // Buffers have their size by now. As many events once more leave nothing behind.
        let (before, further) = (load::resident_kib(pid), renewed);
        while renewed < 2 * further {
            renewed += burst();
        }
        let after = load::resident_kib(pid);
        let kept_kib = further as u64 * EVENT_LEN_MIN / 1_024;
        assert!(after < before + kept_kib, "{further} events made it grow from {before} KiB to {after} KiB");
        client::give_back(&mut main, (1, 0), lease).unwrap();
        for hearing in hearing {
            assert_eq!(hearing.join().unwrap(), renewed, "a reader has not heard all");
        }
    });
}

/// Reads to the end of the connection: how many events came, and the reason for the goodbye, if there is one.
fn last_words(wire: &mut Wire) -> (usize, Option<Code>) {
    let (mut events, mut reason) = (0, None);
    while let Some(frame) = wire.frame() {
        assert_eq!(reason, None, "the goodbye is not the last word");
        match frame {
            ServerFrame::Goodbye(refusal) => {
                assert!(!refusal.message.is_empty() && !refusal.hint.is_empty());
                reason = Some(refusal.code);
            }
            _ => events += 1,
        }
    }
    (events, reason)
}

/// Connections that flood, each with as many calls as it may have in flight.
const FLOODS: usize = 64;
const IN_FLIGHT: usize = 256;
/// Calls of the one that waits for each of its answers.
const POLITE: usize = 20;
/// In the order of coming, each polite call would wait for all that is in flight: 16,384 calls, 327,680 in all.
const FLOOD_MAX: u64 = 160_000;

#[test]
fn a_flood_does_not_starve_others() {
    let rig = Rig::new();
    let home = Home::at(rig.home());
    let mut polite = client::connect(&home, &portus_binary()).unwrap();
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (tell, flooding) = channel();
    let meanwhile = std::thread::scope(|scope| {
        for _ in 0..4 {
            let (home, answered, over, tell) = (&home, &answered, &over, tell.clone());
            scope.spawn(move || {
                let mut wires: Vec<Wire> = std::iter::repeat_with(|| Wire::connect(home)).take(FLOODS / 4).collect();
                while !over.load(Ordering::Relaxed) {
                    wires.iter_mut().for_each(|wire| wire.send(&Call::Status, IN_FLIGHT));
                    let _ = tell.send(());
                    for _ in 0..IN_FLIGHT {
                        for wire in &mut wires {
                            assert!(matches!(wire.frame(), Some(ServerFrame::Reply(_))));
                        }
                        answered.fetch_add(wires.len() as u64, Ordering::Relaxed);
                    }
                }
            });
        }
        (0..4).for_each(|_| flooding.recv_timeout(PATIENCE).unwrap());
        let before = answered.load(Ordering::Relaxed);
        for _ in 0..POLITE {
            polite.status().unwrap();
        }
        let meanwhile = answered.load(Ordering::Relaxed) - before;
        over.store(true, Ordering::Relaxed);
        meanwhile
    });
    assert!(answered.into_inner() > 0 && meanwhile < FLOOD_MAX, "{meanwhile} calls of the flood went first");
}
