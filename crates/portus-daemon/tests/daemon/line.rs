//! Waiting for a port: first come, first served.

use std::net::{Ipv4Addr, TcpListener};

use portus_proto::{Call, Code};

use crate::rig::*;

#[test]
fn three_wait_in_order_and_one_vanishes() {
    let daemon = Daemon::start();
    let mut owner = daemon.client();
    let lease = owner.request(plain("/owner", "web"));
    let mut waiters = ["/first", "/second", "/third"].map(|worktree| {
        let mut client = daemon.client();
        let id = client.send(Call::Request(strict(worktree, lease.port, Some(60_000))));
        // Answered after the request before it is in line.
        client.list();
        (client, id)
    });
    let refusal = owner.call(Call::Request(strict("/late", lease.port, None))).unwrap_err();
    assert_eq!(refusal.code, Code::PortUnavailable);

    owner.release(&lease);
    let [(first, first_id), (second, second_id), (third, third_id)] = &mut waiters;
    let granted = leases(first.answer(*first_id)).leases.remove(0);
    assert_eq!((granted.port, granted.worktree.as_str()), (lease.port, "/first"));
    // Who is second has not been told anything, and vanishes.
    let _ = second_id;
    second.raw.stream.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(second.frame().is_none());
    owner.release(&granted);
    let granted = leases(third.answer(*third_id)).leases.remove(0);
    assert_eq!((granted.port, granted.worktree.as_str()), (lease.port, "/third"));
}

#[test]
fn nobody_overtakes_who_waits() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    // The listener is this process's, and so the daemon's: nobody's server, but the port is taken all the same.
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = portus_core::Port::new(stranger.local_addr().unwrap().port()).unwrap();
    let mut waiter = daemon.client();
    let id = waiter.send(Call::Request(strict("/waiter", port, Some(60_000))));
    waiter.list();
    let refusal = client.call(Call::Request(strict("/late", port, None))).unwrap_err();
    assert!(refusal.message.contains("wait"), "{}", refusal.message);
    let mut wish = ask(key("/liking", "web"));
    wish.preferred = Some(port);
    assert_ne!(client.request(request(vec![wish])).port, port);
    drop(stranger);
    assert_eq!(leases(waiter.answer(id)).leases[0].port, port, "a stranger that leaves is noticed");
}

#[test]
fn nobody_overtakes_by_asking_along_with_the_end_of_a_lease() {
    let daemon = Daemon::start();
    let mut owner = daemon.client();
    let lease = owner.request(plain("/owner", "web"));
    let mut waiter = daemon.client();
    let waiting = waiter.send(Call::Request(strict("/waiter", lease.port, Some(60_000))));
    waiter.list();
    let again = Call::Request(strict("/owner", lease.port, None));
    let [_, late] = owner.send_together([release(&lease), again]);
    assert_eq!(owner.answer(late).unwrap_err().code, Code::PortUnavailable);
    assert_eq!(leases(waiter.answer(waiting)).leases[0].worktree, "/waiter");
}

#[test]
fn nobody_overtakes_who_came_just_before() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/owner", "web"));
    let [waiting, _, late] = client.send_together([
        Call::Request(strict("/waiter", lease.port, Some(60_000))),
        release(&lease),
        Call::Request(strict("/owner", lease.port, None)),
    ]);
    assert_eq!(client.answer(late).unwrap_err().code, Code::PortUnavailable);
    assert_eq!(leases(client.answer(waiting)).leases[0].worktree, "/waiter");
}

#[test]
fn waiting_has_an_end() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/owner", "web"));
    let refusal = client.call(Call::Request(strict("/waiter", lease.port, Some(20)))).unwrap_err();
    assert_eq!(refusal.code, Code::TimedOut);
    assert_eq!(refusal.facts.lease.unwrap().id, lease.id);
    let wait = portus_proto::AwaitCall { target: portus_proto::Target::Lease(lease.id), wait_ms: 20 };
    assert_eq!(client.call(Call::Await(wait)).unwrap_err().code, Code::TimedOut);
    assert_eq!(client.list().leases.len(), 1);
}

#[test]
fn what_does_not_pass_is_not_waited_for() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let blocked = portus_core::Port::new(6_000).unwrap();
    let refusal = client.call(Call::Request(strict("/w", blocked, Some(60_000)))).unwrap_err();
    assert_eq!(refusal.code, Code::PortUnavailable);
}
