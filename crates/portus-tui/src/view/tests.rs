//! Frames of the fixed model, at the sizes that people have.

use ratatui::style::{Color, Modifier};

use crate::io::frame;
use crate::message::{Act, Msg, News, Trouble};
use crate::model::{Model, Question, Stage, Tab};
use crate::sample;
use crate::theme::Theme;
use crate::update::update;
use crate::view::as_text;
use crate::words::Tone;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (160, 50)];

fn shown(model: &mut Model) -> String {
    as_text(&frame(model, Theme::Plain))
}

fn snapshot_each(name: &str, change: impl Fn(&mut Model)) {
    for size in SIZES {
        let mut model = sample::model(size);
        change(&mut model);
        model.settle();
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(&mut model));
    }
}

#[test]
fn every_view_at_every_size() {
    for tab in Tab::ALL {
        snapshot_each(&tab.title().to_lowercase(), |model| model.tab = tab);
    }
}

#[test]
fn alerts_are_seen_from_every_view() {
    let alerted = |model: &mut Model| {
        sample::alerts().into_iter().for_each(|message| drop(update(model, sample::NOW_MS, message)));
    };
    snapshot_each("alerts_overview", |model| {
        model.tab = Tab::Overview;
        alerted(model);
    });
    snapshot_each("alerts_events", |model| {
        model.tab = Tab::Events;
        alerted(model);
    });
}

fn with_detail(model: &mut Model) {
    let at = model.current().lines().len() - 2;
    while model.selected_port() != Some(sample::port(21_096)) && model.current().cursor() < at {
        model.current_mut().step(1);
    }
    model.has_detail = true;
    let cmds = update(model, sample::NOW_MS, Msg::Tick);
    assert!(!cmds.is_empty(), "a detail asks for an explanation");
    update(model, sample::NOW_MS, Msg::Explained(sample::port(21_096), Ok(Box::new(sample::explanation()))));
}

#[test]
fn the_detail_at_every_size() {
    snapshot_each("detail", with_detail);
}

#[test]
fn the_help_at_every_size() {
    snapshot_each("help", |model| model.has_help = true);
}

fn kill() -> Act {
    let target = portus_proto::Target::Lease(portus_core::LeaseId(43));
    Act::Kill { target, port: sample::port(21_096), force: false }
}

#[test]
fn a_question_at_every_size() {
    snapshot_each("question", |model| {
        model.question = Some(Question::about(kill()));
        let killed = portus_proto::Killed {
            port: sample::port(21_096),
            killed: sample::explanation().ancestors[..2].to_vec(),
            dry_run: true,
            notes: Vec::new(),
        };
        update(model, sample::NOW_MS, Msg::Planned(kill(), Ok(killed)));
    });
}

#[test]
fn insisting_at_every_size() {
    snapshot_each("insisting", |model| {
        let trouble = Trouble {
            message: "what listens on port 21096 is not this worktree's: python3 (pid 9999) in /tmp".to_owned(),
            hint: "--force".to_owned(),
            can_force: true,
            processes: sample::explanation().ancestors[..1].to_vec(),
        };
        update(model, sample::NOW_MS, Msg::Done(kill(), Err(trouble)));
        assert_eq!(model.question.as_ref().map(|question| question.stage), Some(Stage::Insisting));
    });
}

#[test]
fn no_daemon_at_every_size() {
    snapshot_each("no_daemon", |model| {
        update(
            model,
            sample::NOW_MS,
            Msg::Link(News::Lost("the connection to the daemon was lost: closed".to_owned())),
        );
    });
}

#[test]
fn the_picture_in_the_readme_is_a_frame_of_this_program() {
    let mut model = sample::model((100, 20));
    model.current_mut().step(3);
    let picture = shown(&mut model);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dashboard.txt");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(path, &picture).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, picture, "INSTA_UPDATE=always cargo test -p portus-tui draws it anew");
}

#[test]
fn nothing_breaks_at_any_size() {
    for tab in Tab::ALL {
        for (has_detail, has_help, asks) in
            [(false, false, false), (true, false, false), (true, true, false), (false, false, true)]
        {
            for width in [0, 1, 2, 3, 5, 10, 20, 39, 59, 60, 109, 110, 300] {
                for height in [0, 1, 2, 3, 4, 5, 7, 14, 15, 21, 22, 60] {
                    let mut model = sample::model((width, height));
                    model.tab = tab;
                    model.has_detail = has_detail;
                    model.has_help = has_help;
                    model.question = asks.then(|| Question::about(kill()));
                    model.current_mut().step(4);
                    let text = shown(&mut model);
                    assert_eq!(text.lines().count(), usize::from(height));
                }
            }
        }
    }
}

#[test]
fn without_colours_nothing_is_coloured_and_what_stands_out_still_does() {
    let (mut colored, mut plain) = (sample::model((80, 24)), sample::model((80, 24)));
    assert_eq!(as_text(&frame(&mut colored, Theme::Dark)), shown(&mut plain), "colours change no character");
    let buffer = frame(&mut plain, Theme::Plain);
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(buffer.content().iter().any(|cell| cell.modifier.contains(Modifier::UNDERLINED)));
    let used = frame(&mut colored, Theme::Light);
    assert!(used.content().iter().any(|cell| cell.fg == Color::Red));
    assert_ne!(Theme::Dark.tone(Tone::Odd), Theme::Light.tone(Tone::Odd));
}

#[test]
fn what_a_command_is_called_cannot_drive_the_terminal() {
    let mut model = sample::model((160, 50));
    let mut evil = sample::lease(99, ("shop", "/code/shop"), "evil", 29_999, 0);
    evil.requester.command = "\x1b[2J\x1b]0;owned\x07\r\n".to_owned();
    evil.worktree.push_str("\x1b[31m");
    let event = portus_proto::Event { at: evil.granted_at, what: portus_proto::What::Granted(evil) };
    update(&mut model, sample::NOW_MS, Msg::Event(Box::new(event)));
    for tab in Tab::ALL {
        model.tab = tab;
        model.has_detail = true;
        let buffer = frame(&mut model, Theme::Dark);
        assert!(!buffer.content().iter().any(|cell| cell.symbol().chars().any(char::is_control)), "{tab:?}");
    }
}
