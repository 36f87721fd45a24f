//! What is only read from the ledger.

use portus_proto::{self as proto, Call, ListingReply, PAGE_LEN_MAX, Refusal, Reply, Status};

use super::Hub;
use crate::translate::{self, Scope, View};
use crate::wording;

impl Hub {
    /// Answers a call that changes nothing.
    pub(super) fn read(&self, call: &Call) -> Result<Reply, Refusal> {
        match call {
            Call::List(call) => self.list(call),
            Call::Claims(call) => self.claims(call),
            Call::Quarantines => {
                Ok(Reply::Quarantines(self.engine.broker().quarantines().map(View::quarantine).collect()))
            }
            Call::Status => Ok(Reply::Status(self.status())),
            Call::Stats => Ok(Reply::Stats(Box::new(self.stats()))),
            _ => Err(wording::unsupported("this call")),
        }
    }

    fn list(&self, call: &proto::ListCall) -> Result<Reply, Refusal> {
        let scope = Scope::read(&call.scope)?;
        let broker = self.engine.broker();
        let within = |lease: &&portus_core::Lease| scope.contains(&lease.key);
        let behind = |lease: &&portus_core::Lease| call.after.is_none_or(|after| lease.id > after);
        let leases = self.with_view(|view| {
            let shown = |lease: &portus_core::Lease| view.lease(lease);
            if call.ended {
                broker.ended_leases().filter(behind).filter(within).take(PAGE_LEN_MAX).map(shown).collect()
            } else {
                broker.live_leases().filter(behind).filter(within).take(PAGE_LEN_MAX).map(shown).collect()
            }
        });
        let elsewhere = broker.live_leases().filter(|lease| !scope.contains(&lease.key)).count();
        Ok(Reply::Listing(ListingReply { leases, elsewhere: small(elsewhere) }))
    }

    fn claims(&self, call: &proto::ScopeCall) -> Result<Reply, Refusal> {
        let scope = Scope::read(&call.scope)?;
        let after = call.after.as_ref().map(translate::key).transpose()?;
        let all = self.engine.broker().claims();
        let behind = all.filter(|claim| after.as_ref().is_none_or(|after| claim.key > *after));
        let within = behind.filter(|claim| scope.contains(&claim.key));
        Ok(Reply::Claims(within.take(PAGE_LEN_MAX).map(View::claim).collect()))
    }

    fn status(&self) -> Status {
        let broker = self.engine.broker();
        Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            home: self.fixed.home.dir().display().to_string(),
            leases: small(broker.live_leases().len()),
            claims: small(broker.claims().len()),
            connections: small(self.seats.taken()),
            guards: small(self.engine.world().guard_count()),
            uptime_s: self.fixed.began.elapsed().as_secs(),
            journal: self.fixed.journal.clone(),
            set_aside: self.fixed.set_aside.clone(),
            pool: self.fixed.settings.pool,
        }
    }
}

/// A count, which no ledger makes larger than this.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
