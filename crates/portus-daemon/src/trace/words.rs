//! The core's types, each listed once: the only place that sees both the core and a trace.

use portus_core::*;
use serde_json::Value;

use super::codec::*;
use crate::engine::Outcome;

numbers! {
    u16: |number| u64::from(*number), |number| number.try_into().ok();
    u32: |number| u64::from(*number), |number| number.try_into().ok();
    u64: |number| *number, Some;
    usize: |number| *number as u64, |number| number.try_into().ok();
    Port: |port| port.number().into(), |number| number.try_into().ok().and_then(Port::new);
    LeaseId: |id| id.0, |number| Some(LeaseId(number));
    Timestamp: |at| at.as_millis(), |number| Some(Timestamp(number));
    Span: |span| span.as_millis(), |number| Some(Span::from_millis(number));
}
words!(Admit, BootId, ClaimEnd, EndReason, Evidence, PortRange, QuarantineUntil, ServiceName);

tell_and_hear!(Protocol: Tcp {} Udp {} Both {};);
tell_and_hear!(Look: Free {} Taken {} Forbidden {} NoDescriptors {};);
tell_and_hear!(Purpose: Lease {} Claim {};);
tell_and_hear!(Strategy: Sequential {}, Spread;);

tell_and_hear!(Moment { awake, wall });
tell_and_hear!(Key { project, worktree, service });
tell_and_hear!(ProcessIdentity { pid, birth, boot });
tell_and_hear!(Holder { process, command });
tell_and_hear!(Requester { pid, command, session, client });
tell_and_hear!(Claim { key, port, protocol, pinned, last_used, missing_since });
tell_and_hear!(Quarantine { port, until, reason, since });
tell_and_hear!(Listener { protocol, process, command, same_user, lineage, marker, worktree, container_proxy });
tell_and_hear!(Sighting { port, listeners });
tell_and_hear!(Ttl { span, until });
tell_and_hear!(Lease {
    id,
    key,
    port,
    protocol,
    state,
    holder,
    orphaned,
    requester,
    watched,
    guard,
    ttl,
    contested,
    drifted_to,
    granted_at,
});
tell_and_hear!(LeaseState: Pending { until } Active { evidence } Lapsing { until } Ended { reason, at };);
tell_and_hear!(Policy {
    pending,
    lapsing,
    ttl_max,
    cool_down,
    claim_unused,
    claim_missing,
    asks_max,
    project_leases_max,
    leases_max,
    history_max,
    exclude,
});

tell_and_hear!(Target:, Key, Port, Lease, Worktree;);
tell_and_hear!(Caller { worktree, force });
tell_and_hear!(Ask { key, purpose, protocol, preferred, strict, range, pool, fallback, expand, strategy, exclude });
tell_and_hear!(Request { asks, contiguous, holder, requester, ttl, guard, queued, stale });
tell_and_hear!(Stale: Unknown {} None {} Ended {};);
tell_and_hear!(CleanLook { gone, sightings, survivors, homeless, for_room });
tell_and_hear!(Command:
    Boot { boot }
    Request { request, survey }
    Confirm { target, caller, process, sighting }
    Renew { target, caller, ttl }
    Release { targets, caller }
    Launch { leases, hand_over }
    Attach { leases, process }
    Suspect { lease, certain, avoid, survey, sighting }
    ProcessExited { process, sightings, survivors }
    Sighted { sightings }
    TreeSeen { lease, elsewhere }
    GuardLost { port }
    Clean { look }
    Tick { sightings }
    Pin { key, port, pinned }
    Forget { keys }
    Swept { missing }
    Quarantine { port, until, reason }
    Revive { port };
);
tell_and_hear!(Change:
    Booted { boot }
    Numbered { next }
    Granted { lease, cool_until }
    Extended { lease, until, ttl }
    Adopted { lease, holder, requester }
    Guarded { lease, admit }
    Attached { lease, processes }
    Detached { lease, process }
    Orphaned { lease, until }
    Confirmed { lease, evidence, listeners }
    Lapsed { lease, until }
    Contested { lease, contested }
    Drifted { lease, to }
    Ended { lease, reason, at, cool_until }
    Claimed { claim }
    Unclaimed { key, reason }
    Missing { worktree, since }
    Quarantined { quarantine }
    Revived { port };
);
tell_and_hear!(Outcome: Unchanged {} Committed {} RolledBack {} InDoubt {};);

// Answers are compared as they are written, and never read.
tell!(Answer: Leased { leases, notes } Abandoned { lease, by } Done {}, Touched, Cleared, Claims;);
tell!(Leased { id, reused });
tell!(Note:
    PreferredUnavailable { key, port, why }
    ClaimUnavailable { key, port, why }
    FellBack { key, to }
    Expanded { key, to }
    ClaimTaken { from, port }
    SiblingUnclaimed { key }
    KeptOther { key, preferred }
    GaveUp { key, port };
);
tell!(Why:
    Leased { lease, by }
    Claimed { by, pinned }
    Quarantined { reason }
    Cooling { remaining }
    Excluded {}
    Chosen {}
    Taken {}
    Forbidden {}
    NoDescriptors {};
);
tell!(Reasons { leased, claimed, quarantined, cooling, excluded, taken, forbidden });
tell!(Refusal:
    NoPort { key, ranges, reasons, taken, preferred }
    NoBlock { key, count, ranges, reasons }
    PortUnavailable { key, port, why }
    AlreadyRunning { lease }
    WrongProtocol { lease, wanted }
    NoSuchLease { target }
    NoSuchClaim { key }
    NotQuarantined { port }
    NoListener { lease }
    ForeignListener { lease, by }
    NotYours { lease }
    TooMany { what, max }
    TtlTooLong { max }
    Senseless { what }
    NoDescriptors {};
);
tell!(Limited: Asks {} ProjectLeases {} Leases {} Watched {};);

impl Tell for Result<Answer, Refusal> {
    fn tell(&self) -> Value {
        match self {
            Ok(answer) => object([("Ok", answer.tell())]),
            Err(refusal) => object([("Err", refusal.tell())]),
        }
    }
}
