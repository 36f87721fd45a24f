//! A question before something is changed: what it is, what it would do, and how to undo it.

use portus_proto::Process;

use crate::keys::Reply;
use crate::message::Act;

/// A question on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// What would be done.
    pub(crate) act: Act,
    /// What that is, in words: a title, then sentences.
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// Whom it would end.
    pub(crate) processes: Vec<Process>,
    /// How far it is.
    pub(crate) stage: Stage,
}

/// How far a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// What it would do is still being found out.
    Looking,
    /// It can be answered.
    Asking,
    /// It was refused, and can be insisted upon.
    Insisting,
}

impl Stage {
    /// Whether this answer means something here.
    pub(crate) const fn takes(self, reply: Reply) -> bool {
        match reply {
            Reply::Yes => matches!(self, Self::Asking),
            Reply::Force => matches!(self, Self::Insisting),
            Reply::No => true,
        }
    }
}

impl Question {
    /// The question about an act.
    pub(crate) fn about(act: Act) -> Self {
        let (title, lines) = words(&act);
        let stage = if matches!(act, Act::Kill { .. }) { Stage::Looking } else { Stage::Asking };
        Self { act, title, lines, processes: Vec::new(), stage }
    }
}

fn words(act: &Act) -> (String, Vec<String>) {
    let (title, lines): (String, [String; 2]) = match act {
        Act::Release { lease, name, .. } => (
            format!("Release {name}?"),
            [
                "Its port may go to others after a while; a server that still listens goes on, unmanaged.".to_owned(),
                format!("Same as: portus release lease:{lease}"),
            ],
        ),
        Act::Kill { port, .. } => (
            format!("End what listens on port {port}?"),
            ["Asked to end, then forced. This cannot be undone.".to_owned(), format!("Same as: portus kill {port}")],
        ),
        Act::Pin { key, port } => (
            format!("Pin {} of {} to port {port}?", key.service, key.project),
            [
                "The number stays this service's for good, leased or not.".to_owned(),
                "The same key undoes it.".to_owned(),
            ],
        ),
        Act::Unpin { key } => (
            format!("Unpin {} of {}?", key.service, key.project),
            [
                "The number stays a claim, which may end when it is not used.".to_owned(),
                "The same key undoes it.".to_owned(),
            ],
        ),
        Act::Forget { key } => (
            format!("Forget the number of {} of {}?", key.service, key.project),
            [
                "Its claim is dropped; the next lease may get another port.".to_owned(),
                format!("In {}. This cannot be undone.", key.worktree),
            ],
        ),
        Act::Quarantine { port } => (
            format!("Put port {port} into quarantine?"),
            [
                "It is handed out to nobody until it is revived; a lease that has it goes on.".to_owned(),
                format!("Same as: portus quarantine {port}; the same key undoes it."),
            ],
        ),
        Act::Revive { port } => (
            format!("Hand out port {port} again?"),
            ["It leaves the quarantine.".to_owned(), format!("Same as: portus revive {port}; the same key undoes it.")],
        ),
    };
    (title, lines.into())
}
