//! What becomes of the engine's answers.

use portus_core::{Answer, Leased, Note, Why};
use portus_proto::{LeasesReply, Refusal, Reply, Suspected};

use super::{Hub, Requested, Shape, Then};
use crate::engine::Failure;
use crate::server::Responder;
use crate::translate::{View, process};
use crate::wording;

impl Hub {
    /// Tells an answer to whoever waits for it.
    pub(super) fn conclude(&mut self, answer: Result<Answer, Failure>, then: Then) {
        match then {
            Then::Nothing => {}
            Then::Seen(leases) => {
                // Only changes are told: it has to forget that it has told of this one.
                if let Err(Failure::JournalFailed(_)) = answer {
                    leases.into_iter().for_each(|lease| self.tell_looks(lease));
                }
            }
            Then::Ticked { all_seen } => self.ticked(answer.is_ok() && all_seen),
            Then::Again(command) => {
                if let Err(Failure::JournalFailed(_)) = answer {
                    self.tell_again_later(*command);
                }
            }
            Then::Reply(to, shape) => {
                let outcome = answer.map(|answer| self.reply(answer, shape)).map_err(|failure| self.no(&failure));
                to.answer(outcome);
            }
            Then::Judge(judging) => self.judge(*judging),
            Then::Health(report) => self.take_health(*report),
            Then::Request(requested) => self.conclude_request(answer, *requested),
            Then::Cleaned(cleaning) => self.cleaned(&answer, cleaning),
            Then::First(waiter, port) => self.conclude_first(answer, waiter, port),
        }
    }

    fn reply(&self, answer: Answer, shape: Shape) -> Reply {
        match (answer, shape) {
            (Answer::Leased { leases, notes }, _) => Reply::Leases(self.leased(&leases, &notes, Vec::new())),
            (Answer::Touched(ids), _) => {
                Reply::Leases(LeasesReply { leases: self.shown(ids), notes: Vec::new(), mirror: None })
            }
            (Answer::Cleared(_), _) => Reply::Suspected(Suspected::Cleared),
            (Answer::Abandoned { by, .. }, _) => {
                Reply::Suspected(Suspected::Abandoned { by: by.iter().filter_map(process).collect() })
            }
            (Answer::Claims(keys), Shape::Unclaimed) => {
                Reply::Claims(keys.iter().filter_map(|key| self.former.get(key)).map(View::claim).collect())
            }
            (Answer::Claims(keys), _) => {
                let broker = self.engine.broker();
                Reply::Claims(keys.iter().filter_map(|key| broker.claim_of(key)).map(View::claim).collect())
            }
            (Answer::Done, Shape::Quarantines(port, mut all)) => {
                all.extend(self.engine.broker().quarantine_on(port).map(View::quarantine));
                Reply::Quarantines(all)
            }
            (Answer::Done, _) => Reply::Done,
        }
    }

    /// Granted leases, with what the asker should know.
    pub(super) fn leased(&self, leases: &[Leased], notes: &[portus_core::Note], more: Vec<String>) -> LeasesReply {
        self.with_view(|view| {
            let shown = leases.iter().filter_map(|leased| {
                let lease = view.lease_of_id(leased.id)?;
                Some(portus_proto::Lease { reused: leased.reused, ..lease })
            });
            let notes = notes.iter().map(|note| wording::note(note, view)).chain(more).collect();
            LeasesReply { leases: shown.collect(), notes, mirror: None }
        })
    }

    /// Logs what was got over for a request: by trying again and by cleaning, and then by other ranges.
    fn log_recovery(&self, recovered: &[String], notes: &[Note]) {
        recovered.iter().for_each(|note| tracing::info!("{note}"));
        for note in notes.iter().filter(|note| matches!(note, Note::FellBack { .. } | Note::Expanded { .. })) {
            self.with_view(|view| tracing::info!("{}", wording::note(note, view)));
        }
    }

    fn conclude_request(&mut self, answer: Result<Answer, Failure>, requested: Requested) {
        let failure = match answer {
            Ok(Answer::Leased { leases, notes: found }) => {
                let mut reply = self.leased(&leases, &found, requested.notes);
                let recovered = requested.recovery.notes();
                self.log_recovery(&recovered, &found);
                // In the order in which it happened: what was got over first.
                reply.notes.splice(0..0, recovered);
                reply.mirror = self.mirror_of(&reply.leases);
                if reply.leases.iter().any(|lease| !lease.reused) {
                    reply.notes.extend(self.pool_notes(&requested.request));
                }
                return requested.to.answer(Ok(Reply::Leases(reply)));
            }
            Ok(_) => return requested.to.answer(Ok(Reply::Done)),
            Err(failure) => failure,
        };
        let Some(requested) = self.try_to_recover(&failure, requested) else { return };
        let Requested { to, connection, request, until, recovery, .. } = requested;
        let mut refusal = self.no(&failure);
        recovery.tell_in_vain(&mut refusal);
        match (&failure, until) {
            (Failure::Refused(portus_core::Refusal::PortUnavailable { port, why, .. }), Some(until))
                if may_pass(why) =>
            {
                self.stand_in_line(connection, *port, request, to, until, refusal);
                self.poll_if_passing(*port, why);
            }
            (Failure::Refused(portus_core::Refusal::PortUnavailable { port, why: Why::Taken, .. }), None) => {
                self.name_culprits_first(*port, refusal, to);
            }
            (Failure::Refused(portus_core::Refusal::NoPort { taken, .. }), _) if !taken.is_empty() => {
                self.name_taken_first(taken.clone(), refusal, to);
            }
            _ => to.answer(Err(refusal)),
        }
    }

    /// Finds out who has the few ports that strangers have before saying that somebody does.
    fn name_taken_first(&self, taken: Vec<portus_core::Port>, mut refusal: Refusal, to: Responder) {
        let gatherer = self.gatherer.clone();
        let ports: Vec<_> = taken.iter().map(|port| (*port, portus_core::Protocol::Both)).collect();
        self.beside(
            move || gatherer.sightings(ports),
            move |seen| {
                wording::name_taken(&mut refusal, &taken, &seen);
                to.answer(Err(refusal));
                None
            },
        );
    }

    /// Finds out who sits on a port before saying that somebody does.
    fn name_culprits_first(&self, port: portus_core::Port, mut refusal: Refusal, to: Responder) {
        let gatherer = self.gatherer.clone();
        let slow = move || gatherer.sightings([(port, portus_core::Protocol::Both)]);
        self.beside(slow, move |seen| {
            if let Some(sighting) = seen.first() {
                wording::name_culprits(&mut refusal, sighting);
            }
            to.answer(Err(refusal));
            None
        });
    }

    /// A failure in sentences.
    pub(super) fn no(&self, failure: &Failure) -> Refusal {
        match failure {
            Failure::Refused(refusal) => self.refuse(refusal),
            Failure::JournalFailed(error) => wording::journal_failed(error),
            Failure::InDoubt(error) => wording::in_doubt(error),
        }
    }
}

/// Whether waiting may help.
pub(super) const fn may_pass(why: &Why) -> bool {
    match why {
        Why::Leased { .. } | Why::Cooling { .. } | Why::Taken | Why::NoDescriptors => true,
        Why::Claimed { .. } | Why::Quarantined { .. } | Why::Excluded | Why::Chosen | Why::Forbidden => false,
    }
}
