//! Tables: a message, and what becomes of the model and what is asked of the loop.

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use portus_core::LeaseId;
use portus_proto::{Event, Killed, Lease, Process, Target, WallTime, What};

use super::update;
use crate::message::{Act, Cmd, Look, Msg, News, Trouble};
use crate::model::{Item, Link, Model, Stage, Tab};
use crate::sample::{self, NOW_MS, port};

const SIZE: (u16, u16) = (80, 24);

fn press(model: &mut Model, code: KeyCode, modifiers: KeyModifiers) -> Vec<Cmd> {
    update(model, NOW_MS, Msg::Input(Input::Key(KeyEvent::new(code, modifiers))))
}

/// Presses one key after the other, and gives what the last one asked for.
fn type_in(model: &mut Model, keys: &str) -> Vec<Cmd> {
    let key = |c| match c {
        '\n' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        '\x08' => KeyCode::Backspace,
        '\t' => KeyCode::Tab,
        c => KeyCode::Char(c),
    };
    keys.chars().map(|c| press(model, key(c), KeyModifiers::NONE)).last().unwrap_or_default()
}

fn tell(model: &mut Model, what: What) -> Vec<Cmd> {
    update(model, NOW_MS, Msg::Event(Box::new(Event { at: WallTime(NOW_MS), what })))
}

fn services(model: &mut Model) -> Vec<String> {
    model.settle();
    let items = model.current().lines().iter().filter_map(|line| match line {
        crate::model::Line::Item(Item::Lease(id)) => model.ledger.leases.get(id),
        _ => None,
    });
    items.map(|lease| format!("{}:{}", lease.service, lease.port)).collect()
}

/// Selects the lease of this port.
fn select(model: &mut Model, number: u16) {
    press(model, KeyCode::Home, KeyModifiers::NONE);
    for _ in 0..model.current().lines().len() {
        if model.selected_port() != Some(port(number)) {
            type_in(model, "j");
        }
    }
    assert_eq!(model.selected_port(), Some(port(number)));
}

#[test]
fn keys_that_change_the_picture() {
    let mut model = sample::model(SIZE);
    for (keys, tab) in [
        ("2", Tab::Listeners),
        ("3", Tab::Claims),
        ("4", Tab::Events),
        ("5", Tab::Overview),
        ("\t", Tab::Leases),
        ("\t", Tab::Listeners),
    ] {
        type_in(&mut model, keys);
        assert_eq!(model.tab, tab, "{keys:?}");
    }
    type_in(&mut model, "1");
    for (keys, help, detail) in
        [("?", true, false), ("?", false, false), ("\n", false, true), ("d", false, false), ("\n?\x1b", false, true)]
    {
        type_in(&mut model, keys);
        assert_eq!((model.has_help, model.has_detail), (help, detail), "{keys:?}");
    }
    type_in(&mut model, "\x1b");
    assert!(!model.has_detail);
}

#[test]
fn keys_that_the_loop_carries_out() {
    let mut model = sample::model(SIZE);
    select(&mut model, 20_411);
    assert_eq!(type_in(&mut model, "q"), [Cmd::Quit]);
    assert_eq!(press(&mut model, KeyCode::Char('c'), KeyModifiers::CONTROL), [Cmd::Quit]);
    assert_eq!(press(&mut model, KeyCode::Char('z'), KeyModifiers::CONTROL), [Cmd::Suspend]);
    assert_eq!(press(&mut model, KeyCode::Char('l'), KeyModifiers::CONTROL), [Cmd::Redraw]);
    assert_eq!(type_in(&mut model, "o"), [Cmd::Open("http://localhost:20411".to_owned())]);
    assert_eq!(type_in(&mut model, "c"), [Cmd::Copy("20411".to_owned())]);
    assert_eq!(type_in(&mut model, "C"), [Cmd::Copy("http://localhost:20411".to_owned())]);
    assert_eq!(type_in(&mut model, "R"), [], "connected already");
    update(&mut model, NOW_MS, Msg::Link(News::Stopped));
    assert_eq!(type_in(&mut model, "R"), [Cmd::Reconnect]);
}

#[test]
fn the_filter_is_applied_while_it_is_typed() {
    let mut model = sample::model(SIZE);
    let all = services(&mut model);
    for (keys, left) in [
        (
            "/e",
            vec![
                "default:25120",
                "api:20873",
                "web:20411",
                "storybook:22310",
                "web:21096",
                "web:23555",
                "worker:24001",
                "dns:27053",
            ],
        ),
        ("b\x08\x08web", vec!["web:20411", "web:21096", "web:23555"]),
        (" CLAUDE", vec!["web:21096", "web:23555"]),
        (" guar", vec![]),
        ("\x08\x08\x08\x08\x08 pend", vec!["web:23555"]),
        ("\n", vec!["web:23555"]),
    ] {
        type_in(&mut model, keys);
        assert_eq!(services(&mut model), left, "{keys:?}");
    }
    type_in(&mut model, "\x1b");
    assert_eq!(services(&mut model), all);
    type_in(&mut model, "/東京\n");
    assert_eq!(services(&mut model), ["dns:27053"]);
    type_in(&mut model, "/q");
    assert_eq!(model.filter, "東京q", "while it is typed, letters are letters");
}

#[test]
fn the_scope_is_all_then_the_project_then_the_worktree() {
    let mut model = sample::model(SIZE);
    for count in [6, 2, 8] {
        type_in(&mut model, "w");
        assert_eq!(services(&mut model).len(), count);
    }
}

#[test]
fn sorting_keeps_groups_together_and_orders_them_by_their_first() {
    let mut model = sample::model(SIZE);
    type_in(&mut model, "s");
    assert_eq!(services(&mut model)[..3], ["web:20411", "api:20873", "web:21096"]);
    type_in(&mut model, "S");
    assert_eq!(services(&mut model)[..3], ["dns:27053", "default:25120", "worker:24001"]);
    type_in(&mut model, "s");
    assert_eq!(services(&mut model)[..2], ["web:21096", "storybook:22310"], "what stands out comes first");
}

#[test]
fn events_change_the_ledger_and_the_selection_stays() {
    let mut model = sample::model(SIZE);
    select(&mut model, 21_096);
    let new = sample::lease(99, ("aaa", "/code/aaa"), "first", 29_000, 0);
    tell(&mut model, What::Granted(new.clone()));
    assert_eq!(services(&mut model)[0], "first:29000");
    assert_eq!(model.selected_port(), Some(port(21_096)));
    tell(&mut model, What::Ended(new));
    assert!(!services(&mut model).contains(&"first:29000".to_owned()));
    let claim = model.ledger.claims.values().find(|claim| claim.port == port(20_873)).cloned().unwrap();
    tell(&mut model, What::Claimed(portus_proto::Claim { pinned: true, ..claim }));
    assert!(model.ledger.leases[&LeaseId(42)].pinned, "a lease shows its claim's pin");
}

#[test]
fn an_act_is_asked_about_first() {
    let release = |force| Act::Release { lease: LeaseId(42), name: "api of shop (port 20873)".to_owned(), force };
    let mut model = sample::model(SIZE);
    select(&mut model, 20_873);
    assert_eq!(type_in(&mut model, "r"), []);
    assert_eq!(model.question.as_ref().unwrap().stage, Stage::Asking);
    assert_eq!(type_in(&mut model, "jF\n"), [], "other keys mean nothing");
    assert!(model.question.is_some());
    assert_eq!(type_in(&mut model, "n"), []);
    assert!(model.question.is_none());
    assert_eq!(type_in(&mut model, "ry"), [Cmd::Do(release(false))]);
    update(&mut model, NOW_MS, Msg::Done(release(false), Ok("released".to_owned())));
    assert_eq!(model.notice.as_ref().unwrap().text, "released");

    let trouble = Trouble { message: "no".to_owned(), hint: "--force".to_owned(), can_force: true, processes: vec![] };
    update(&mut model, NOW_MS, Msg::Done(release(false), Err(trouble)));
    assert_eq!(type_in(&mut model, "y"), [], "insisting has a key of its own");
    assert_eq!(type_in(&mut model, "F"), [Cmd::Do(release(true))]);
}

#[test]
fn each_act_means_what_is_selected() {
    let mut model = sample::model(SIZE);
    select(&mut model, 20_873);
    let key = model.selected_key().unwrap();
    for (keys, act) in [
        ("p", Act::Pin { key: key.clone(), port: port(20_873) }),
        ("f", Act::Forget { key }),
        ("z", Act::Quarantine { port: port(20_873) }),
    ] {
        type_in(&mut model, keys);
        assert_eq!(type_in(&mut model, "y"), [Cmd::Do(act)]);
    }
    select(&mut model, 20_411);
    type_in(&mut model, "p");
    let key = model.selected_key().unwrap();
    assert_eq!(type_in(&mut model, "y"), [Cmd::Do(Act::Unpin { key })]);
    type_in(&mut model, "3G");
    assert_eq!(model.current().selected(), Some(&Item::Quarantine(port(28_000))));
    type_in(&mut model, "z");
    assert_eq!(type_in(&mut model, "y"), [Cmd::Do(Act::Revive { port: port(28_000) })]);
    assert_eq!(type_in(&mut model, "r"), []);
    assert!(model.question.is_none() && model.notice.as_ref().unwrap().is_bad, "no lease is there to release");
}

#[test]
fn a_kill_shows_what_it_would_end_before_it_can_be_answered() {
    let kill = |force| Act::Kill { target: Target::Lease(LeaseId(43)), port: port(21_096), force };
    let mut model = sample::model(SIZE);
    select(&mut model, 21_096);
    assert_eq!(type_in(&mut model, "K"), [Cmd::Look(Look::Plan(kill(false)))]);
    assert_eq!(type_in(&mut model, "y"), [], "not before it is known whom it would end");
    let process = Process { pid: 9_999, command: "python3".to_owned() };
    let killed = Killed { port: port(21_096), killed: vec![process.clone()], dry_run: true, notes: Vec::new() };
    update(&mut model, NOW_MS, Msg::Planned(kill(false), Ok(killed)));
    assert_eq!(model.question.as_ref().unwrap().processes, [process]);
    assert_eq!(type_in(&mut model, "y"), [Cmd::Do(kill(false))]);

    type_in(&mut model, "K");
    let trouble =
        Trouble { message: "nobody listens".to_owned(), hint: String::new(), can_force: false, processes: vec![] };
    update(&mut model, NOW_MS, Msg::Planned(kill(false), Err(trouble)));
    assert!(model.question.is_none());
    assert_eq!(model.notice.as_ref().unwrap().text, "nobody listens");
}

#[test]
fn the_daemon_goes_and_comes() {
    let mut model = sample::model(SIZE);
    update(&mut model, NOW_MS, Msg::Link(News::Lost("closed".to_owned())));
    update(&mut model, NOW_MS, Msg::Link(News::Connecting));
    assert!(matches!(&model.link, Link::Down { reason, .. } if reason.contains("closed")));
    assert_eq!(services(&mut model).len(), 8, "what was known is still shown");
    type_in(&mut model, "2");
    assert_eq!(type_in(&mut model, "R"), [Cmd::Reconnect], "nothing is asked of nobody");
    let mut snapshot = sample::snapshot();
    snapshot.leases.truncate(1);
    let cmds = update(&mut model, NOW_MS, Msg::Link(News::Up(Box::new(snapshot))));
    assert_eq!((&model.link, cmds), (&Link::Up, vec![Cmd::Look(Look::Listeners)]));
    type_in(&mut model, "1");
    assert_eq!(services(&mut model).len(), 1);
}

#[test]
fn listeners_are_looked_for_when_shown_and_when_something_happened_and_one_at_a_time() {
    let mut model = sample::empty(SIZE);
    assert_eq!(update(&mut model, NOW_MS, Msg::Link(News::Up(Box::new(sample::snapshot())))), []);
    assert_eq!(type_in(&mut model, "2"), [Cmd::Look(Look::Listeners)]);
    let confirmed = || What::Confirmed(sample::leases().swap_remove(0));
    assert_eq!(tell(&mut model, confirmed()), [], "one is under way");
    assert_eq!(update(&mut model, NOW_MS, Msg::Listeners(Ok(vec![]))), [Cmd::Look(Look::Listeners)]);
    assert_eq!(update(&mut model, NOW_MS, Msg::Listeners(Ok(vec![]))), []);
    type_in(&mut model, "1");
    assert_eq!(tell(&mut model, confirmed()), [], "nobody sees them");
    assert_eq!(type_in(&mut model, "2"), [Cmd::Look(Look::Listeners)]);
}

#[test]
fn a_detail_is_explained_once_for_each_port_and_again_when_something_happened_there() {
    let mut model = sample::model(SIZE);
    select(&mut model, 21_096);
    let asked = [Cmd::Look(Look::Explain(port(21_096)))];
    assert_eq!(type_in(&mut model, "\n"), asked);
    assert_eq!(type_in(&mut model, "k"), [], "one at a time");
    let answered = |number| Msg::Explained(port(number), Ok(Box::new(sample::explanation())));
    assert_eq!(update(&mut model, NOW_MS, answered(21_096)), [Cmd::Look(Look::Explain(port(22_310)))]);
    assert_eq!(update(&mut model, NOW_MS, answered(22_310)), []);
    let drifted = What::Drifted(sample::leases().swap_remove(3));
    tell(&mut model, drifted);
    model.settle();
    assert_eq!(update(&mut model, NOW_MS, Msg::Tick), [Cmd::Look(Look::Explain(port(22_310)))]);
}

#[test]
fn the_mouse_selects_opens_sorts_and_scrolls() {
    let mut model = sample::model((80, 10));
    let mut mouse = |kind, column, row| {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        update(&mut model, NOW_MS, Msg::Input(Input::Mouse(event)));
        (model.tab, model.current().cursor(), model.current().offset, model.current().sort, model.has_detail)
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    assert_eq!(mouse(click, 5, 4), (Tab::Leases, 1, 0, 0, true), "it was selected already");
    assert_eq!(mouse(click, 15, 0), (Tab::Listeners, 0, 0, 0, true));
    assert_eq!(mouse(click, 1, 0), (Tab::Leases, 1, 0, 0, true));
    model.has_detail = false;
    let mut mouse = |kind, column, row| {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        update(&mut model, NOW_MS, Msg::Input(Input::Mouse(event)));
        (model.current().cursor(), model.current().offset, model.current().sort)
    };
    assert_eq!(mouse(click, 5, 3), (1, 0, 0), "a heading of a group cannot be selected");
    assert_eq!(mouse(click, 5, 6), (3, 0, 0));
    assert_eq!(mouse(MouseEventKind::ScrollDown, 5, 6), (3, 2, 0), "with the heading above what is selected");
    let ports = crate::model::columns::places(Tab::Leases, 78)[1];
    assert_eq!(mouse(click, ports.1 + 1 + ports.2 / 2, 2).2, 1, "the heading of the ports");
}

#[test]
fn the_clock_moves_only_what_shows_time() {
    let mut model = sample::model(SIZE);
    assert!(model.next_change_ms().unwrap() <= 1_000, "a time left in seconds is on the screen");
    type_in(&mut model, "/books\n");
    assert_eq!(model.next_change_ms(), Some(3_600_000), "26h read 27h in an hour");
    type_in(&mut model, "\x1b2");
    assert_eq!(model.next_change_ms(), None, "listeners show no time");
    let mut still = sample::empty(SIZE);
    assert_eq!(still.next_change_ms(), None);
    type_in(&mut still, "5");
    assert_eq!(still.next_change_ms(), None, "nothing has come or gone");
}

#[test]
#[expect(clippy::print_stdout, reason = "a measurement for whoever asks with --nocapture; time is no pass or fail")]
fn thousands_of_leases_are_put_in_order_once_for_a_frame() {
    let mut model = sample::empty((160, 50));
    let lease = |number: u64| -> Lease {
        let worktree = format!("/code/{}", number % 50);
        let service = format!("service-{number}");
        let port = 20_000 + u16::try_from(number).unwrap();
        sample::lease(number, ("shop", &worktree), &service, port, number * 1_000)
    };
    let mut snapshot = sample::snapshot();
    snapshot.leases = (0..5_000).map(lease).collect();
    update(&mut model, NOW_MS, Msg::Link(News::Up(Box::new(snapshot))));
    model.settle();
    let begun = std::time::Instant::now();
    for number in 0..1_000 {
        tell(&mut model, What::Updated(lease(number)));
    }
    assert!(model.current().is_stale, "events alone put nothing in order");
    model.settle();
    let taken = begun.elapsed();
    assert_eq!(model.current().lines().len(), 5_050);
    let drawing = std::time::Instant::now();
    let shown = crate::view::as_text(&crate::io::frame(&mut model, crate::theme::Theme::Dark));
    println!("5000 leases: 1000 events and one ordering {taken:?}, one frame {:?}", drawing.elapsed());
    assert!(shown.contains("service-"));
    assert_eq!(model.current().visible(46).count(), 46, "only what can be seen is drawn");
}
