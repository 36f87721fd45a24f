//! What is ready is decided, as one batch where nobody can overtake anybody in it.

use std::collections::VecDeque;

use super::{Hub, Work};
use crate::DaemonError;

impl Hub {
    /// Runs what is ready through the engine, and tells everybody who is concerned.
    pub(super) fn decide(&mut self) -> Result<(), DaemonError> {
        let mut rest = VecDeque::from(std::mem::take(&mut self.ready));
        let mut doubt = false;
        loop {
            let work = self.take_together(&mut rest);
            if !work.is_empty() {
                doubt |= self.decide_together(work);
            }
            if rest.is_empty() {
                return if doubt { Err(DaemonError::Doubt) } else { Ok(()) };
            }
        }
    }

    /// Decides as one batch. Returns whether it is unknown what is written down.
    fn decide_together(&mut self, work: Vec<Work>) -> bool {
        let (commands, thens): (Vec<_>, Vec<_>) = work.into_iter().map(|work| (work.command, work.then)).unzip();
        let batch = self.engine.run(commands);
        self.metrics.alerts.journal(self.engine.journal().trouble());
        for (answer, then) in batch.answers.into_iter().zip(thens) {
            self.conclude(answer, then);
        }
        self.follow(&batch.changes);
        for process in self.engine.world_mut().take_gone() {
            self.exited(process);
        }
        batch.doubt
    }
}
