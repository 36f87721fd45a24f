//! Everything is bounded, and says so.

use portus_proto::{AwaitCall, Call, Code, Greeting, Reply, Target};

use crate::rig::*;
use portus_daemon::Settings;

#[test]
fn a_connection_has_so_many_calls_in_flight() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    let wait = || Call::Await(AwaitCall { target: Target::Lease(lease.id), wait_ms: 60_000 });
    let sent: Vec<u64> = (0..260).map(|_| client.send(wait())).collect();
    for id in &sent[256..] {
        let refusal = client.answer(*id).unwrap_err();
        assert_eq!((refusal.code, refusal.facts.max), (Code::LimitReached, Some(256)));
    }
    // Others are served meanwhile, and the end of the lease answers all who wait.
    daemon.client().release(&lease);
    for id in &sent[..256] {
        assert_eq!(client.answer(*id).unwrap_err().code, Code::NoSuchLease);
    }
    assert!(matches!(client.call(Call::Status), Ok(Reply::Status(_))));
}

#[test]
fn so_many_clients_are_connected() {
    let daemon = Daemon::start();
    let mut first = daemon.client();
    let rest: Vec<Client> = (1..1_024).map(|_| daemon.client()).collect();
    let mut late = Raw::connect(daemon.folder.path());
    let Greeting::Refused(refusal) = late.greeting() else { panic!("one more is welcome") };
    assert_eq!((refusal.code, refusal.facts.max), (Code::LimitReached, Some(1_024)));
    assert!(late.receive().is_none());
    let Ok(Reply::Status(status)) = first.call(Call::Status) else { panic!() };
    assert_eq!(status.connections, 1_024);
    drop(rest);
}

#[test]
fn so_many_clients_hear_events() {
    let daemon = Daemon::start();
    let mut all: Vec<Client> = (0..65).map(|_| daemon.client()).collect();
    let last = all.pop().map(|mut client| client.call(Call::Subscribe)).unwrap();
    assert!(matches!(last, Ok(Reply::Done)));
    // The last one has left; all the others fit.
    for client in &mut all {
        assert!(matches!(client.call(Call::Subscribe), Ok(Reply::Done)));
        assert!(matches!(client.call(Call::Subscribe), Ok(Reply::Done)), "twice is once");
    }
    assert_eq!(daemon.client().call(Call::Subscribe).unwrap_err().code, Code::LimitReached);
}

#[test]
fn a_subscriber_that_does_not_read_is_dropped() {
    let daemon = Daemon::start();
    let (mut client, mut slow) = (daemon.client(), daemon.client());
    assert!(matches!(slow.call(Call::Subscribe), Ok(Reply::Done)));
    // Far more than the queue and the socket hold together.
    let lease = client.request(plain("/w", "web"));
    let renew = || {
        Call::Renew(portus_proto::RenewCall {
            target: Target::Lease(lease.id),
            caller: caller("/w"),
            ttl_ms: Some(60_000),
        })
    };
    let mut connections = 2;
    let mut rounds = 0;
    while connections == 2 {
        let sent: Vec<u64> = (0..200).map(|_| client.send(renew())).collect();
        sent.into_iter().for_each(|id| drop(client.answer(id).unwrap()));
        let Ok(Reply::Status(status)) = client.call(Call::Status) else { panic!() };
        connections = status.connections;
        rounds += 1;
        assert!(rounds < 2_000, "a subscriber that never reads is never dropped");
    }
    // What was written before can still be read, and then it is over.
    let mut events = 0;
    while slow.frame().is_some() {
        events += 1;
    }
    assert!(events > 0);
    assert!(matches!(client.call(Call::Status), Ok(Reply::Status(_))), "nobody else has noticed");
}

#[test]
fn a_request_names_so_many_services() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let asks = |count: usize| request((0..count).map(|number| ask(key("/w", &format!("s{number}")))).collect());
    let refusal = client.call(Call::Request(asks(65))).unwrap_err();
    assert_eq!((refusal.code, refusal.facts.max), (Code::LimitReached, Some(64)));
    assert_eq!(client.leases(Call::Request(asks(64))).leases.len(), 64);
}

#[test]
fn a_client_that_does_not_read_answers_is_not_read() {
    let daemon = Daemon::start_with(Settings { pool: range(17_000, 17_999), ..Settings::default() });
    let mut client = daemon.client();
    for number in 0..4 {
        let asks = (0..64).map(|service| ask(key("/w", &format!("s{number}-{service}")))).collect();
        client.call(Call::Request(request(asks))).unwrap();
    }
    // Answers of a hundred kilobytes each: were they all kept, this one client would have the daemon hold 25 MB.
    let list = || Call::List(portus_proto::ListCall { scope: portus_proto::Scope::All, ended: false, after: None });
    let sent: Vec<u64> = (0..256).map(|_| client.send(list())).collect();
    assert_eq!(daemon.client().list().leases.len(), 256, "others are served");
    for id in sent {
        assert!(matches!(client.answer(id), Ok(Reply::Listing(all)) if all.leases.len() == 256));
    }
}
