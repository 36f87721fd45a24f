//! What services answer when they are asked: whether the first one is ready, and whether they are well.

use portus_proto::Lease;

use super::Watch;
use crate::run::announce;
use crate::run::ready::{Answer, Patience, Question};

impl Watch<'_> {
    /// Takes in what services answered.
    pub(super) fn take_answers(&mut self) {
        if let Some(Answer { asked, is_last: true }) = self.question.as_ref().and_then(Question::answer)
            && let Some(question) = self.question.take()
        {
            let lease = question.lease();
            if asked.is_healthy() {
                self.voice.tell("up", &[lease], &announce::up(lease));
            } else {
                self.voice.warn("not_ready", &[lease], &announce::not_ready(lease, &asked.detail));
            }
        }
        let (tenancy, voice) = (&mut *self.tenancy, self.voice);
        self.healths.retain(|question| {
            let Some(Answer { asked, is_last }) = question.answer() else { return true };
            tenancy.report_health(asked.report(question.lease()));
            if is_last && !asked.is_healthy() {
                let lease = question.lease();
                voice.warn("unhealthy", &[lease], &announce::unhealthy(lease, &asked.detail));
            }
            !is_last
        });
    }

    /// A service that declares how to ask it listens, perhaps again.
    pub(super) fn ask_health(&mut self, lease: &Lease) {
        self.ask_no_more(lease);
        if let Some(check) = self.rules.checks.get(&lease.service).filter(|_| lease.protocol.tcp()) {
            let question = Question::ask(lease, check.clone(), Patience::HEALTH, self.supervisor.waker());
            // Without a thread to ask nobody knows, which is what is shown.
            self.healths.extend(question.ok());
        }
    }

    pub(super) fn ask_no_more(&mut self, lease: &Lease) {
        self.healths.retain(|question| question.lease().id != lease.id);
    }
}
