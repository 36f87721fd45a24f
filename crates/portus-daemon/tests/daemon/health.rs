//! What clients report of services' health.

use portus_core::LeaseId;
use portus_proto::{Call, Code, Health, HealthCall, LeasesReply, Reply, What};

use crate::rig::*;

fn report(client: &mut Client, lease: LeaseId, health: Health, detail: &str) -> LeasesReply {
    client.leases(Call::ReportHealth(HealthCall { lease, health, detail: detail.to_owned() }))
}

#[test]
fn a_report_on_nobody_is_not_kept() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    let reply = report(&mut client, lease.id, Health::Healthy, "");
    assert_eq!(reply.leases[0].health, Health::Unknown, "it is pending, and nobody listens");
    assert!(reply.notes[0].contains("is not kept: nobody is known to serve it"), "{:?}", reply.notes);
    client.release(&lease);
    let reply = report(&mut client, lease.id, Health::Healthy, "");
    assert_eq!((reply.leases[0].health, reply.notes.len()), (Health::Unknown, 1), "it has ended");
    let unheard = Call::ReportHealth(HealthCall { lease: LeaseId(77), health: Health::Healthy, detail: String::new() });
    assert_eq!(client.call(unheard).unwrap_err().code, Code::NoSuchLease);
}

#[test]
fn a_report_is_told_when_it_is_news_and_its_detail_is_cut() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let mut events = daemon.client();
    assert!(matches!(events.call(Call::Subscribe), Ok(Reply::Done)));
    let folder = tempfile::tempdir().unwrap();
    let worktree = folder.path().canonicalize().unwrap();
    let lease = client.request(plain(worktree.to_str().unwrap(), "web"));
    let address = format!("127.0.0.1:{}", lease.port);
    let mut server = Helper::start("listen", &address, |command| {
        command.current_dir(&worktree);
    });
    // Reported before the daemon has looked at the port: it looks then.
    let long = "ä".repeat(400);
    assert_eq!(report(&mut client, lease.id, Health::Unhealthy, &long).leases[0].health, Health::Unhealthy);
    assert_eq!(report(&mut client, lease.id, Health::Unhealthy, "again").notes, Vec::<String>::new());
    assert_eq!(report(&mut client, lease.id, Health::Healthy, "well").leases[0].health, Health::Healthy);
    let mut news = || loop {
        if let What::Health { lease, detail } = events.event().what {
            return (lease.health, detail);
        }
    };
    assert_eq!(news(), (Health::Unhealthy, "ä".repeat(150)));
    assert_eq!(news(), (Health::Healthy, "well".to_owned()));
    assert_eq!(client.list().leases[0].health, Health::Healthy);
    assert_eq!(report(&mut client, lease.id, Health::Unknown, "").leases[0].health, Health::Unknown);
    assert_eq!(news(), (Health::Unknown, String::new()));
    server.kill();
}
