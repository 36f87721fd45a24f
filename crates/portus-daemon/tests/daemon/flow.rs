//! The main way: request, list, release; many calls at once; events.

use portus_core::{Port, StateWord};
use portus_proto::{
    Call, Code, Codec, PinCall, PortCall, QuarantineCall, Reply, Scope, ScopeCall, Target, What, build_id,
};

use crate::rig::*;
use portus_daemon::Settings;

#[test]
fn a_lease_comes_is_kept_and_goes() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    assert_eq!((lease.state, lease.reused, lease.guarded), (StateWord::Pending, false, false));
    let Ok(Reply::Status(status)) = client.call(Call::Status) else { panic!() };
    assert!(status.pool.contains(lease.port), "{} is not in {}", lease.port, status.pool);
    assert_eq!((lease.project.as_str(), lease.worktree.as_str(), lease.service.as_str()), ("shop", "/w", "web"));
    assert!(lease.expires_at.is_some_and(|at| at > lease.granted_at));
    assert_eq!(lease.requester.pid, Some(std::process::id()), "who asked is known from the socket");

    let again = client.request(plain("/w", "web"));
    assert_eq!((again.id, again.port, again.reused), (lease.id, lease.port, true));

    let other = client.request(plain("/v", "web"));
    assert_ne!(other.port, lease.port);
    let listed = client.list();
    assert_eq!(listed.leases.iter().map(|lease| lease.id).collect::<Vec<_>>(), [lease.id, other.id]);
    assert!(!listed.leases[0].reused, "only the answer to the request says so");

    client.release(&lease);
    assert_eq!(client.list().leases.len(), 1);
    let same = client.request(plain("/w", "web"));
    assert_eq!(same.port, lease.port, "the number stays the key's own");
    assert!(same.id > lease.id, "ids are never used again");
}

#[test]
fn one_commit_for_all_or_nothing() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let three = request(["web", "api", "db"].map(|service| ask(key("/w", service))).into());
    assert_eq!(client.leases(Call::Request(three)).leases.len(), 3);

    let taken = client.request(plain("/v", "web")).port;
    let mut asks = vec![ask(key("/u", "web")), ask(key("/u", "api"))];
    (asks[1].preferred, asks[1].strict) = (Some(taken), true);
    let refusal = client.call(Call::Request(request(asks))).unwrap_err();
    assert_eq!(refusal.code, Code::PortUnavailable);
    assert!(refusal.message.contains("`web` of shop (/v)"), "{}", refusal.message);
    assert_eq!(refusal.facts.lease.unwrap().port, taken);
    assert_eq!(client.list().leases.len(), 4, "a refusal changes nothing");
}

#[test]
fn calls_may_be_pipelined_and_each_gets_its_own_answer() {
    let daemon = Daemon::start_with(Settings { pool: range(18_000, 19_999), ..Settings::default() });
    for codec in [Codec::Json, Codec::Bincode] {
        let mut client = Client::connect_with(daemon.folder.path(), build_id(), codec);
        assert_eq!(client.welcome.codec, codec);
        let worktree = format!("/{codec:?}");
        let sent: Vec<_> = (0..200)
            .map(|number| (client.send(Call::Request(plain(&worktree, &format!("s{number}")))), number))
            .collect();
        let mut ports: Vec<Port> = Vec::new();
        for (id, number) in sent {
            let lease = leases(client.answer(id)).leases.remove(0);
            assert_eq!(lease.service.as_str(), format!("s{number}"));
            ports.push(lease.port);
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 200, "a port was given twice");
    }
}

#[test]
fn subscribers_hear_what_happens_with_the_lease_as_it_stands() {
    let daemon = Daemon::start();
    let (mut client, mut subscriber) = (daemon.client(), daemon.client());
    assert!(matches!(subscriber.call(Call::Subscribe), Ok(Reply::Done)));
    let lease = client.request(plain("/w", "web"));
    assert!(matches!(subscriber.event().what, What::Granted(heard) if heard.id == lease.id));
    assert!(matches!(subscriber.event().what, What::Claimed(claim) if claim.port == lease.port));
    client.release(&lease);
    let What::Ended(ended) = subscriber.event().what else { panic!("no end") };
    assert_eq!(ended.ended.unwrap().reason, portus_core::EndReason::Released);
}

#[test]
fn claims_are_pinned_forgotten_and_told_as_they_were() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    let Ok(Reply::Claims(pinned)) =
        client.call(Call::Pin(PinCall { key: key("/w", "web"), port: None, claim_only: false }))
    else {
        panic!()
    };
    assert_eq!((pinned[0].port, pinned[0].pinned), (lease.port, true));
    assert!(client.list().leases[0].pinned);
    client.release(&lease);
    let forget = portus_proto::ForgetCall { keys: vec![key("/w", "web")] };
    let Ok(Reply::Claims(dropped)) = client.call(Call::Forget(forget)) else { panic!() };
    assert_eq!(dropped[0].port, lease.port);
    let all = Call::Claims(ScopeCall { scope: Scope::All, after: None });
    assert!(matches!(client.call(all), Ok(Reply::Claims(left)) if left.is_empty()));
}

#[test]
fn a_worktree_that_is_gone_is_pruned() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone").to_str().unwrap().to_owned();
    let lease = client.request(plain(&gone, "web"));
    let kept = client.request(plain(folder.path().to_str().unwrap(), "web"));
    client.release(&lease);
    client.release(&kept);
    for (drop, left) in [(false, 2), (true, 1)] {
        let Ok(Reply::Claims(found)) = client.call(Call::Prune(portus_proto::PruneCall { drop })) else { panic!() };
        assert_eq!(found.iter().map(|claim| claim.port).collect::<Vec<_>>(), [lease.port]);
        let Ok(Reply::Claims(all)) = client.call(Call::Claims(ScopeCall { scope: Scope::All, after: None })) else {
            panic!()
        };
        assert_eq!(all.len(), left);
    }
}

#[test]
fn a_quarantined_port_is_given_to_nobody() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    client.release(&lease);
    let quarantine = QuarantineCall { port: lease.port, reason: "a printer sits there".to_owned() };
    assert!(matches!(client.call(Call::Quarantine(quarantine)), Ok(Reply::Quarantines(all)) if all.len() == 1));
    assert_ne!(client.request(plain("/w", "web")).port, lease.port);
    let refusal = client.call(Call::Request(strict("/v", lease.port, None))).unwrap_err();
    assert!(refusal.message.contains("a printer sits there"), "{}", refusal.message);
    let revive = || Call::Revive(PortCall { port: lease.port });
    assert!(matches!(client.call(revive()), Ok(Reply::Quarantines(_))));
    assert_eq!(client.call(revive()).unwrap_err().code, Code::NotQuarantined);
}

#[test]
fn refusals_say_what_to_do_next() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    let foreign = Call::Release(portus_proto::ReleaseCall {
        targets: vec![Target::Lease(lease.id)],
        caller: caller("/elsewhere"),
    });
    let unknown = Call::Release(portus_proto::ReleaseCall {
        targets: vec![Target::Key(key("/w", "nothing"))],
        caller: caller("/w"),
    });
    let gone = portus_proto::RequestCall { holder: Some(4_000_000), ..plain("/v", "web") };
    for (call, code) in [
        (foreign, Code::NotYours),
        (unknown, Code::NoSuchLease),
        (Call::Request(gone), Code::NoSuchProcess),
        (Call::Request(request(Vec::new())), Code::BadRequest),
        (Call::Request(plain("relative", "web")), Code::BadRequest),
    ] {
        let refusal = client.call(call).unwrap_err();
        assert_eq!(refusal.code, code);
        assert!(!refusal.hint.is_empty() && !refusal.message.is_empty());
    }
}

#[test]
fn a_range_that_the_system_draws_from_gets_a_note() {
    let Some(ephemeral) = portus_os::port::EphemeralPorts::read() else { return };
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let mut wish = ask(key("/w", "web"));
    wish.range = Some(ephemeral.range);
    let reply = client.leases(Call::Request(request(vec![wish])));
    assert!(reply.notes.iter().any(|note| note.contains("ephemeral range")), "{:?}", reply.notes);
    assert!(client.leases(Call::Request(plain("/v", "web"))).notes.is_empty());
}
