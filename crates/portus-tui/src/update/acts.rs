//! Acts: what a key begins, the question before it, and what came of it.

use portus_proto::{Key, Killed, Target};

use crate::keys::{Action, Reply};
use crate::message::{Act, Cmd, Look, Trouble};
use crate::model::{Item, Model, Notice, Question, Stage};

/// Begins an act on what is selected: asks, or does at once what changes nothing.
pub(super) fn begin(model: &mut Model, action: Action) -> Vec<Cmd> {
    match action {
        Action::Open | Action::CopyPort | Action::CopyUrl => return with_port(model, action),
        _ => {}
    }
    let act = match wanted(model, action) {
        Ok(act) => act,
        Err(why) => {
            complain(model, why.to_owned());
            return Vec::new();
        }
    };
    model.question = Some(Question::about(act.clone()));
    if matches!(act, Act::Kill { .. }) { vec![Cmd::Look(Look::Plan(act))] } else { Vec::new() }
}

/// The act that a key means for what is selected, or why there is none.
fn wanted(model: &Model, action: Action) -> Result<Act, &'static str> {
    const NOTHING: &str = "nothing is selected that has a port";
    match action {
        Action::Release => {
            let lease = match model.current().selected() {
                Some(Item::Lease(id)) => model.ledger.leases.get(id),
                _ => model.selected_port().and_then(|port| model.ledger.lease_on(port)),
            };
            let lease = lease.ok_or("there is no live lease to release")?;
            let name = format!("{} of {} (port {})", lease.service, lease.project, lease.port);
            Ok(Act::Release { lease: lease.id, name, force: false })
        }
        Action::Kill => {
            let port = model.selected_port().ok_or(NOTHING)?;
            let target = match model.current().selected() {
                Some(Item::Lease(id)) => Target::Lease(*id),
                _ => Target::Port(port),
            };
            Ok(Act::Kill { target, port, force: false })
        }
        Action::Pin => {
            let key = model.selected_key().ok_or("there is no claim or lease to pin")?;
            let port = model.selected_port().ok_or(NOTHING)?;
            Ok(if is_pinned(model, &key) { Act::Unpin { key } } else { Act::Pin { key, port } })
        }
        Action::Forget => {
            let key = model.selected_key().filter(|key| model.ledger.claims.contains_key(key));
            Ok(Act::Forget { key: key.ok_or("there is no claim to forget")? })
        }
        _ => {
            let port = model.selected_port().ok_or(NOTHING)?;
            let is_in = model.ledger.quarantines.contains_key(&port);
            Ok(if is_in { Act::Revive { port } } else { Act::Quarantine { port } })
        }
    }
}

fn is_pinned(model: &Model, key: &Key) -> bool {
    model.ledger.claims.get(key).is_some_and(|claim| claim.pinned)
}

fn with_port(model: &mut Model, action: Action) -> Vec<Cmd> {
    let Some(port) = model.selected_port() else {
        complain(model, "nothing is selected that has a port".to_owned());
        return Vec::new();
    };
    let url = format!("http://localhost:{port}");
    match action {
        Action::Open => vec![Cmd::Open(url)],
        Action::CopyUrl => vec![Cmd::Copy(url)],
        _ => vec![Cmd::Copy(port.to_string())],
    }
}

/// What is done about an answer to the question.
pub(super) fn answer(model: &mut Model, reply: Reply) -> Vec<Cmd> {
    let Some(question) = model.question.take_if(|question| question.stage.takes(reply)) else { return Vec::new() };
    match reply {
        Reply::No => Vec::new(),
        Reply::Yes => vec![Cmd::Do(question.act)],
        Reply::Force => vec![Cmd::Do(forced(question.act))],
    }
}

fn forced(act: Act) -> Act {
    match act {
        Act::Release { lease, name, .. } => Act::Release { lease, name, force: true },
        Act::Kill { target, port, .. } => Act::Kill { target, port, force: true },
        other => other,
    }
}

/// What a kill would end is known.
pub(super) fn on_planned(model: &mut Model, act: &Act, plan: Result<Killed, Trouble>) -> Vec<Cmd> {
    // The question may have been answered, or be another one by now.
    let Some(question) = model.question.as_mut().filter(|question| question.act == *act) else { return Vec::new() };
    match plan {
        Ok(killed) => {
            question.processes = killed.killed;
            question.stage = Stage::Asking;
        }
        Err(trouble) => {
            model.question = None;
            complain(model, in_words(&trouble));
        }
    }
    Vec::new()
}

/// An act is over.
pub(super) fn on_done(model: &mut Model, act: Act, outcome: Result<String, Trouble>) -> Vec<Cmd> {
    match outcome {
        Ok(text) => {
            model.notice = Some(Notice { text, is_bad: false });
            // An end of something that had no lease tells no event.
            model.listening.want();
            model.explained.looking.want();
        }
        Err(trouble) if trouble.can_force => {
            let mut question = Question::about(act);
            question.lines = vec![trouble.message];
            question.processes = trouble.processes;
            question.stage = Stage::Insisting;
            model.question = Some(question);
        }
        Err(trouble) => complain(model, in_words(&trouble)),
    }
    Vec::new()
}

fn in_words(trouble: &Trouble) -> String {
    if trouble.hint.is_empty() { trouble.message.clone() } else { format!("{}; {}", trouble.message, trouble.hint) }
}

fn complain(model: &mut Model, text: String) {
    model.notice = Some(Notice { text, is_bad: true });
}
