//! Real servers and holders: who is believed to be whose, and what their end means.

use portus_core::{EndReason, Evidence, StateWord};
use portus_proto::{
    AttachCall, AwaitCall, Call, Code, ConfirmCall, Event, LaunchCall, Reply, RequestCall, Target, What,
};

use crate::rig::*;

fn subscriber(daemon: &Daemon) -> Client {
    let mut client = daemon.client();
    assert!(matches!(client.call(Call::Subscribe), Ok(Reply::Done)));
    client
}

/// The first event that `pick` takes.
fn event<T>(client: &mut Client, pick: impl Fn(Event) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(client.event()) {
            return found;
        }
    }
}

fn ended(client: &mut Client) -> portus_proto::Lease {
    event(client, |event| match event.what {
        What::Ended(lease) => Some(lease),
        _ => None,
    })
}

fn address(lease: &portus_proto::Lease) -> String {
    format!("127.0.0.1:{}", lease.port)
}

#[test]
fn the_end_of_the_holder_is_the_end_of_its_lease() {
    let daemon = Daemon::start();
    let mut events = subscriber(&daemon);
    let mut holder = Helper::start("wait", "", |_| {});
    let wish = RequestCall { holder: Some(holder.pid()), ..plain("/w", "web") };
    let lease = daemon.client().request(wish);
    assert_eq!(lease.holder.as_ref().unwrap().pid, holder.pid());
    assert_eq!(lease.expires_at, None, "a lease with a living holder has no deadline");
    holder.kill();
    let lease = ended(&mut events);
    assert_eq!(lease.ended.unwrap().reason, EndReason::HolderExited);
}

#[test]
fn a_server_in_the_worktree_is_noticed_and_so_is_its_end() {
    let daemon = Daemon::start();
    let mut events = subscriber(&daemon);
    let mut client = daemon.client();
    let folder = tempfile::tempdir().unwrap();
    let worktree = folder.path().canonicalize().unwrap();
    let lease = client.request(plain(worktree.to_str().unwrap(), "web"));
    let waiting = client.send(Call::Await(AwaitCall { target: Target::Lease(lease.id), wait_ms: 20_000 }));
    let mut server = Helper::start("listen", &address(&lease), |command| {
        command.current_dir(&worktree);
    });
    let up = leases(client.answer(waiting)).leases.remove(0);
    assert_eq!((up.state, up.evidence), (StateWord::Active, Some(Evidence::Worktree)));
    assert_eq!(up.expires_at, None);
    server.kill();
    let lapsing = event(&mut events, |event| match event.what {
        What::Lapsing(lease) => Some(lease),
        _ => None,
    });
    assert!(lapsing.expires_at.is_some());
}

#[test]
fn a_server_of_another_worktree_is_contested_until_it_leaves() {
    let daemon = Daemon::start();
    let mut events = subscriber(&daemon);
    let mut client = daemon.client();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |folder: &tempfile::TempDir| folder.path().canonicalize().unwrap().to_str().unwrap().to_owned();
    let other = client.request(plain(&path(&there), "web"));
    let lease = client.request(plain(&path(&here), "web"));
    let mut server = Helper::start("listen", &address(&lease), |command| {
        command.current_dir(path(&there));
    });
    let contested = event(&mut events, |event| match event.what {
        What::Contested(lease) => Some(lease),
        _ => None,
    });
    assert_eq!((contested.id, contested.contested), (lease.id, true));
    let confirm = || ConfirmCall { target: Target::Lease(lease.id), caller: caller(&path(&here)), pid: None };
    let refusal = client.call(Call::Confirm(confirm())).unwrap_err();
    assert_eq!(refusal.code, Code::ForeignListener);
    assert_eq!(refusal.facts.processes[0].pid, server.pid());
    server.kill();
    let free = event(&mut events, |event| match event.what {
        What::Uncontested(lease) => Some(lease),
        _ => None,
    });
    assert_eq!(free.id, lease.id);
    assert_eq!(client.call(Call::Confirm(confirm())).unwrap_err().code, Code::NoListener);
    drop(other);
}

#[test]
fn a_tree_that_carries_the_marker_outlives_its_holder() {
    let daemon = Daemon::start();
    let mut events = subscriber(&daemon);
    let mut client = daemon.client();
    let mut holder = Helper::start("wait", "", |_| {});
    let guard = Some(portus_proto::GuardWish::UntilLaunch);
    let lease = client.request(RequestCall { holder: Some(holder.pid()), guard, ..plain("/w", "web") });
    assert!(lease.guarded);
    assert!(matches!(
        client.call(Call::Launch(LaunchCall { leases: vec![lease.id], hand_over: false })),
        Ok(Reply::Done)
    ));
    let marker = format!("{}:{}", client.welcome.journal, lease.id);
    let mut server = Helper::start("listen", &address(&lease), |command| {
        command.env("PORTUS_LEASE", marker);
    });
    let attach = AttachCall { leases: vec![lease.id], pid: server.pid() };
    assert!(matches!(client.call(Call::Attach(attach)), Ok(Reply::Done)));
    let up = event(&mut events, |event| match event.what {
        What::Confirmed(lease) => Some(lease),
        _ => None,
    });
    assert_eq!(up.state, StateWord::Active);
    holder.kill();
    let orphan = event(&mut events, |event| match event.what {
        What::Orphaned(lease) => Some(lease),
        _ => None,
    });
    assert!(orphan.orphaned);
    server.kill();
    assert_eq!(ended(&mut events).ended.unwrap().reason, EndReason::HolderExited);
}

#[test]
fn a_strict_wish_for_a_taken_port_names_who_has_it() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let free = client.request(plain("/w", "web"));
    client.release(&free);
    client.call(Call::Forget(portus_proto::ForgetCall { keys: vec![key("/w", "web")] })).unwrap();
    let server = Helper::start("listen", &address(&free), |_| {});
    let refusal = client.call(Call::Request(strict("/w", free.port, None))).unwrap_err();
    assert_eq!(refusal.code, Code::PortUnavailable);
    assert_eq!(refusal.facts.processes[0].pid, server.pid());
    assert!(refusal.message.contains(&server.pid().to_string()), "{}", refusal.message);
}

#[test]
fn nobody_takes_a_port_in_the_name_of_everybodys_ancestor() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let free = client.request(plain("/w", "web"));
    client.release(&free);
    client.call(Call::Forget(portus_proto::ForgetCall { keys: vec![key("/w", "web")] })).unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let server = Helper::start("listen", &address(&free), |command| {
        command.current_dir(nowhere.path());
    });
    let by = |holder| Call::Request(RequestCall { holder: Some(holder), ..strict("/w", free.port, None) });
    for (holder, code) in [(1, Code::BadRequest), (0, Code::NoSuchProcess)] {
        assert_eq!(client.call(by(holder)).unwrap_err().code, code, "{holder}");
    }
    let other = Helper::start("wait", "", |_| {});
    assert_eq!(client.call(by(other.pid())).unwrap_err().code, Code::PortUnavailable, "it does not serve the port");
    assert_eq!(client.leases(by(server.pid())).leases[0].port, free.port);
}

#[test]
fn a_program_that_failed_to_bind_gets_another_port() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let mut holder = Helper::start("wait", "", |_| {});
    let lease = client.request(RequestCall { holder: Some(holder.pid()), ..plain("/w", "web") });
    let suspect = |certain| Call::Suspect(portus_proto::SuspectCall { lease: lease.id, certain, keep: false });
    let Ok(Reply::Suspected(portus_proto::Suspected::Cleared)) = client.call(suspect(false)) else { panic!() };
    assert!(!client.list().leases[0].guarded, "what the program left behind may bind it yet");
    let stranger = tempfile::tempdir().unwrap();
    let server = Helper::start("listen", &address(&lease), |command| {
        command.current_dir(stranger.path());
    });
    let Ok(Reply::Suspected(portus_proto::Suspected::Abandoned { by })) = client.call(suspect(false)) else { panic!() };
    assert_eq!(by[0].pid, server.pid());
    let again = client.request(RequestCall { holder: Some(holder.pid()), ..plain("/w", "web") });
    assert_ne!(again.port, lease.port);
    holder.kill();
}

#[test]
fn a_tree_that_listens_elsewhere_has_drifted() {
    let daemon = Daemon::start();
    let mut events = subscriber(&daemon);
    let server = Helper::start("listen", "127.0.0.1:0", |_| {});
    let lease = daemon.client().request(RequestCall { holder: Some(server.pid()), ..plain("/w", "web") });
    let drifted = event(&mut events, |event| match event.what {
        What::Drifted(lease) => Some(lease),
        _ => None,
    });
    assert_eq!(drifted.id, lease.id);
    assert_eq!(drifted.drifted_to.map(|port| port.to_string()), Some(server.said.clone()));
}

#[test]
fn a_deadline_ends_what_nobody_serves() {
    let policy = portus_core::Policy {
        pending: portus_core::Span::from_millis(50),
        lapsing: portus_core::Span::from_millis(50),
        ..portus_core::Policy::default()
    };
    let daemon = Daemon::start_with(portus_daemon::Settings { policy, ..settings() });
    let mut events = subscriber(&daemon);
    let mut client = daemon.client();
    client.request(plain("/never", "web"));
    assert_eq!(ended(&mut events).ended.unwrap().reason, EndReason::NeverConfirmed);

    let folder = tempfile::tempdir().unwrap();
    let worktree = folder.path().canonicalize().unwrap().to_str().unwrap().to_owned();
    // The server is there before its lease could run out.
    let mut server = Helper::start("listen", "127.0.0.1:0", |command| {
        command.current_dir(&worktree);
    });
    let lease = client.request(RequestCall { ttl_ms: Some(60_000), ..plain(&worktree, "web") });
    let confirm = |pid| ConfirmCall { target: Target::Lease(lease.id), caller: caller(&worktree), pid: Some(pid) };
    let refusal = client.call(Call::Confirm(confirm(1))).unwrap_err();
    assert_eq!(refusal.code, Code::BadRequest, "everybody descends from the first process");
    let confirm = confirm(server.pid());
    assert_eq!(client.leases(Call::Confirm(confirm)).leases[0].evidence, Some(Evidence::Confirm));
    server.kill();
    let lapsed = ended(&mut events);
    assert_eq!((lapsed.id, lapsed.ended.unwrap().reason), (lease.id, EndReason::Lapsed));
}
