use super::*;
use crate::observer::{Gatherer, Worktrees};
use portus_core::LeaseId;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::channel;

fn machine() -> Machine {
    let watcher = ExitWatcher::new(|_| {}).unwrap();
    let looks = Looks::start(Gatherer::new(Worktrees::default()), |_| true).unwrap();
    Machine::new(watcher, looks)
}

/// A port that was free a moment ago.
fn free_port() -> Port {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    Port::new(listener.local_addr().unwrap().port()).unwrap()
}

/// Whether a program without `SO_REUSEADDR` could have the port: another guard is such a one.
fn is_free(port: Port) -> bool {
    Guard::take(port, Protocol::Tcp).is_ok()
}

fn guard(port: Port, protocol: Protocol, admit: Admit) -> Effect {
    Effect::Guard { port, protocol, admit }
}

#[test]
fn what_a_look_binds_is_held_until_it_settles() {
    let mut machine = machine();
    let port = free_port();
    assert_eq!(machine.look(port, Protocol::Tcp), Look::Free);
    assert!(!is_free(port), "a look lets go");
    assert_eq!(machine.look(port, Protocol::Tcp), Look::Free, "its own look stands in its way");
    assert_eq!(machine.look(port, Protocol::Both), Look::Free, "its own look stands in its way for more");
    machine.settle();
    assert!(is_free(port));
}

#[test]
fn a_guard_takes_over_what_a_look_holds() {
    let mut machine = machine();
    let port = free_port();
    machine.look(port, Protocol::Tcp);
    let effect = guard(port, Protocol::Tcp, Admit::Nobody);
    assert_eq!(machine.perform(&effect), Performed::Done);
    assert_eq!(machine.perform(&effect), Performed::Done, "twice is once");
    machine.settle();
    assert!(!is_free(port) && machine.is_guarded(port));
    assert_eq!(machine.look(port, Protocol::Tcp), Look::Free, "its own guard stands in its way");
    machine.settle();
    assert!(!is_free(port), "settling lets go of a guard");
    machine.undo(&effect);
    assert!(is_free(port) && !machine.is_guarded(port));
}

#[test]
fn a_guard_for_more_replaces_one_for_less() {
    let mut machine = machine();
    let port = free_port();
    machine.perform(&guard(port, Protocol::Tcp, Admit::Nobody));
    assert_eq!(machine.look(port, Protocol::Both), Look::Free);
    assert_eq!(machine.perform(&guard(port, Protocol::Both, Admit::Nobody)), Performed::Done);
    machine.settle();
    assert!(!is_free(port) && Guard::take(port, Protocol::Udp).is_err());
}

#[test]
fn a_guard_for_another_protocol_is_never_let_go_of_in_between() {
    let mut machine = machine();
    let port = free_port();
    let perform = |machine: &mut Machine, protocol| machine.perform(&guard(port, protocol, Admit::Reuse));
    assert_eq!(perform(&mut machine, Protocol::Tcp), Performed::Done);
    // Beside whom it let past, a guard that was let go of could not be had again.
    let _server = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
    assert_eq!(perform(&mut machine, Protocol::Both), Performed::Done);
    assert_eq!(machine.look(port, Protocol::Both), Look::Free);
    assert_eq!(perform(&mut machine, Protocol::Tcp), Performed::Done);
    assert!(Guard::take(port, Protocol::Udp).is_ok(), "more is held than is wanted");
    assert_eq!(machine.look(port, Protocol::Udp), Look::Free);
    assert_eq!(perform(&mut machine, Protocol::Both), Performed::Done);
    machine.settle();
    assert!(Guard::take(port, Protocol::Udp).is_err(), "what a look held was let go of");
}

#[test]
fn a_port_that_somebody_has_is_taken_and_its_guard_is_lost() {
    let mut machine = machine();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = Port::new(listener.local_addr().unwrap().port()).unwrap();
    assert_eq!(machine.look(port, Protocol::Tcp), Look::Taken);
    assert_eq!(machine.perform(&guard(port, Protocol::Tcp, Admit::Nobody)), Performed::Lost);
    assert!(!machine.is_guarded(port));
    assert_eq!(machine.guard_count(), 0);
}

#[test]
fn a_process_that_is_gone_already_is_told_once() {
    let mut machine = machine();
    let nobody = ProcessIdentity { pid: 4_000_000, birth: 1, boot: portus_os::place::boot_id() };
    assert_eq!(machine.perform(&Effect::Watch { process: nobody }), Performed::Done);
    assert_eq!(machine.take_gone(), [nobody]);
    assert!(machine.take_gone().is_empty() && !machine.has_unwatched());
}

#[test]
fn looks_tell_of_a_server_and_of_its_end() {
    let (sender, seen) = channel();
    let tell = move |found| sender.send(found).is_ok();
    let looks = Looks::start(Gatherer::new(Worktrees::default()), tell).unwrap();
    let mut machine = Machine::new(ExitWatcher::new(|_| {}).unwrap(), looks);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = Port::new(listener.local_addr().unwrap().port()).unwrap();
    let effect = Effect::Look { lease: LeaseId(1), port, protocol: Protocol::Tcp };
    machine.perform(&effect);
    let patience = std::time::Duration::from_secs(10);
    let told = |seen: crate::observer::Seen| match seen {
        crate::observer::Seen::Ports(seen) => {
            assert!(seen.iter().all(|(lease, _)| *lease == LeaseId(1)));
            seen.into_iter().map(|(_, sighting)| sighting).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    // The listener is of this very process, as a guard for UDP would be: it is nobody's server.
    let first = told(seen.recv_timeout(patience).unwrap());
    assert_eq!((first.len(), first[0].port, first[0].listeners.len()), (1, port, 0));
    drop(listener);
    let second = told(seen.recv_timeout(patience).unwrap());
    assert_eq!((second[0].port, second[0].listeners.len()), (port, 0));
    machine.undo(&effect);
    drop(machine);
    assert!(seen.recv().is_err(), "the thread lives on");
}
