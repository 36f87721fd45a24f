//! The ledger as a history again. A snapshot is only a shorter history.

use crate::broker::{Broker, Change};

impl Broker {
    /// The shortest history that leads to this ledger.
    #[must_use]
    pub fn as_history(&self) -> Vec<Change> {
        let booted = self.boot.map(|boot| Change::Booted { boot });
        let numbered = Change::Numbered { next: self.next_id };
        let claims = self.claims.values().map(|claim| Change::Claimed { claim: claim.clone() });
        let quarantines =
            self.quarantines.values().map(|quarantine| Change::Quarantined { quarantine: quarantine.clone() });
        // Ended ones first, so that a cool-down never falls on a port leased again since.
        let ended = self.ended.values().map(|lease| {
            let cooling = self.cooling.get(lease.port).filter(|(id, _)| *id == lease.id);
            let cool_until = cooling.map(|(_, until)| until);
            Change::Granted { lease: Box::new(lease.clone()), cool_until }
        });
        let live = self.live.values().map(|lease| Change::Granted { lease: Box::new(lease.clone()), cool_until: None });
        booted.into_iter().chain([numbered]).chain(claims).chain(quarantines).chain(ended).chain(live).collect()
    }
}
