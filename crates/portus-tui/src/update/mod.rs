//! How the model changes: a pure function of the model, the time and one message. What is to be done in the world
//! comes back as commands.

mod acts;
mod input;
#[cfg(test)]
mod tests;

use portus_proto::{Event, What};

use crate::message::{Cmd, Look, Msg, News};
use crate::model::{Link, Model, Notice, Tab};

/// Takes in one message.
pub(crate) fn update(model: &mut Model, now_ms: u64, msg: Msg) -> Vec<Cmd> {
    model.now_ms = now_ms.max(model.now_ms);
    model.rates.advance(model.now_ms);
    let mut cmds = match msg {
        Msg::Input(event) => input::on_input(model, event),
        Msg::Tick => Vec::new(),
        Msg::Link(news) => on_news(model, news),
        Msg::Event(event) => on_event(model, *event),
        Msg::Listeners(answer) => on_listeners(model, answer),
        Msg::Explained(port, answer) => {
            model.explained.looking.end();
            model.explained.answer = Some((port, answer));
            Vec::new()
        }
        Msg::Planned(act, plan) => acts::on_planned(model, &act, plan),
        Msg::Done(act, outcome) => acts::on_done(model, act, outcome),
        Msg::Told(text) => {
            model.notice = Some(Notice { text, is_bad: false });
            Vec::new()
        }
        Msg::Resumed => vec![Cmd::Redraw],
        Msg::Stop => vec![Cmd::Suspend],
        Msg::End => vec![Cmd::Quit],
    };
    cmds.extend(looks(model));
    cmds
}

/// The looks that what is on the screen needs and that are not under way.
fn looks(model: &mut Model) -> Vec<Cmd> {
    let mut cmds = Vec::new();
    if model.link != Link::Up {
        return cmds;
    }
    if model.tab == Tab::Listeners && model.listening.begin() {
        cmds.push(Cmd::Look(Look::Listeners));
    }
    if model.has_detail
        && model.tab != Tab::Overview
        && !model.current().is_stale
        && let Some(port) = model.selected_port()
    {
        if model.explained.asked != Some(port) {
            model.explained.looking.want();
        }
        if model.explained.looking.begin() {
            model.explained.asked = Some(port);
            cmds.push(Cmd::Look(Look::Explain(port)));
        }
    }
    cmds
}

fn on_news(model: &mut Model, news: News) -> Vec<Cmd> {
    match news {
        // While it is down, the reason says more than that it is tried again.
        News::Connecting => {}
        News::Up(snapshot) => {
            if matches!(model.link, Link::Down { .. }) {
                model.notice = Some(Notice { text: "connected again".to_owned(), is_bad: false });
            }
            if model.ledger.status.is_none() {
                snapshot.leases.iter().for_each(|lease| model.rates.granted(lease.granted_at.0));
            }
            model.link = Link::Up;
            model.ledger.replace(*snapshot);
            model.listening.want();
            model.explained.looking.want();
            model.disorder();
        }
        News::Lost(reason) => {
            let hint = "connecting again, and starting it".to_owned();
            model.link = Link::Down { reason: format!("the daemon is gone: {reason}"), hint };
        }
        News::Stopped => {
            let hint = "R starts it; whoever else does is noticed".to_owned();
            model.link = Link::Down { reason: "the daemon was stopped".to_owned(), hint };
        }
        News::Failed { reason, hint, retry_s } => {
            model.link = Link::Down { reason, hint: format!("{hint}; trying again in {retry_s}s, or R now") };
        }
    }
    if model.link != Link::Up {
        // Answers that were under way on the old connection may never come.
        model.listening.end();
        model.explained.looking.end();
        model.listening.want();
    }
    Vec::new()
}

fn on_event(model: &mut Model, event: Event) -> Vec<Cmd> {
    match &event.what {
        What::Granted(_) => model.rates.granted(event.at.0),
        What::Ended(_) => model.rates.ended(event.at.0),
        _ => {}
    }
    // Who listens tells no events of its own; what becomes of leases does, and goes with it.
    if matches!(
        event.what,
        What::Confirmed(_)
            | What::Lapsing(_)
            | What::Contested(_)
            | What::Uncontested(_)
            | What::Orphaned(_)
            | What::Drifted(_)
            | What::Ended(_)
            | What::Updated(_)
    ) {
        model.listening.want();
    }
    if crate::words::event(&event).port.is_some_and(|port| model.explained.asked == Some(port)) {
        model.explained.looking.want();
    }
    model.ledger.apply(event);
    model.disorder();
    Vec::new()
}

fn on_listeners(model: &mut Model, answer: Result<Vec<portus_proto::Listener>, String>) -> Vec<Cmd> {
    model.listening.end();
    match answer {
        Ok(listeners) => {
            model.ledger.replace_listeners(listeners);
            model.listening_error = None;
        }
        Err(reason) => model.listening_error = Some(reason),
    }
    model.disorder();
    Vec::new()
}
