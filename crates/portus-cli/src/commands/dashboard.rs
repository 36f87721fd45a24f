//! `portus dashboard`

use std::sync::Arc;

use clap::ValueEnum;
use portus_client::{Client, Options, Overrides};
use portus_os::process::Signal;
use portus_os::supervise::{self, SignalTrap};
use portus_tui::{DashboardError, Here, Notice, Setup, Tab, Theme};
use serde::Serialize;

use crate::args::Color;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// The size of a frame that is only printed.
const ONCE_SIZE: (u16, u16) = (100, 30);

/// Show who has which port and what listens, live, and act on it
///
/// `?` shows the keys. Nothing is changed without being asked for; quitting leaves leases and servers alone.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Print one frame as text, and end
    #[arg(long)]
    once: bool,
    /// The view to begin with
    #[arg(long, value_enum, value_name = "NAME", default_value_t = View::Leases)]
    view: View,
    /// How wide that frame is [default: COLUMNS, else 100]
    #[arg(long, value_name = "COLUMNS", requires = "once", value_parser = clap::value_parser!(u16).range(20..=1000))]
    width: Option<u16>,
    /// How high it is [default: 30]
    #[arg(long, value_name = "ROWS", requires = "once", value_parser = clap::value_parser!(u16).range(5..=1000))]
    height: Option<u16>,
    /// The colours for this background [default: what COLORFGBG says, else dark]
    #[arg(long, value_enum, value_name = "dark|light", hide_possible_values = true)]
    background: Option<Background>,
}

/// A frame as text.
#[derive(Debug, Serialize)]
struct Frame {
    frame: String,
}

/// The views, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    Leases,
    Listeners,
    Claims,
    Events,
    Overview,
}

/// What the terminal looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Background {
    Dark,
    Light,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(Overrides::default())?;
    let (home, options) = (context.home()?.clone(), context.options());
    let connect = move |autostart: bool| {
        Client::connect(&home, Options { autostart: autostart && options.autostart, ..options.clone() })
    };
    let setup = Setup {
        connect: Arc::new(connect),
        here: Here { project: workspace.project, worktree: workspace.worktree },
        theme: theme(args.background, context.output.color()),
        tab: args.view.into(),
        suspend: supervise::suspend_own_group,
        notices: Box::new(|| None),
    };
    if args.once {
        let columns = || std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|wide| *wide >= 20);
        let width = args.width.or_else(columns).unwrap_or(ONCE_SIZE.0);
        let frame = portus_tui::once(&setup, width, args.height.unwrap_or(ONCE_SIZE.1))?;
        if context.output.json {
            context.output.reply(Frame { frame })?;
        } else {
            context.output.data(frame.as_bytes())?;
        }
        return Ok(Exit::DONE);
    }
    if context.output.json {
        let hint = "`portus dashboard --once --json` gives one frame, `portus watch --json` what happens";
        return Err(Failure::usage("the dashboard is drawn in a terminal, and is no JSON", hint));
    }
    portus_tui::check_terminal()?;
    let trap = SignalTrap::install().map_err(|error| Failure::io("catch signals", &error))?;
    portus_tui::run(Setup { notices: notices(trap), ..setup })?;
    Ok(Exit::DONE)
}

/// What the system tells, as the dashboard understands it.
fn notices(trap: SignalTrap) -> Box<dyn FnMut() -> Option<Notice> + Send> {
    Box::new(move || {
        loop {
            for signal in trap.wait().ok()? {
                match signal {
                    Signal::Hangup | Signal::Interrupt | Signal::Quit | Signal::Terminate | Signal::Kill => {
                        return Some(Notice::End);
                    }
                    Signal::Suspend => return Some(Notice::Stop),
                    Signal::Continue => return Some(Notice::Resumed),
                    Signal::User1 | Signal::User2 | Signal::Resized => {}
                }
            }
        }
    })
}

fn theme(background: Option<Background>, color: Color) -> Theme {
    let found = Theme::of_environment(|name| std::env::var(name).ok());
    let chosen = match (background, found) {
        (Some(Background::Dark), _) => Theme::Dark,
        (Some(Background::Light), _) => Theme::Light,
        (None, Theme::Plain) => Theme::Dark,
        (None, found) => found,
    };
    match color {
        Color::Never => Theme::Plain,
        Color::Always => chosen,
        Color::Auto if found == Theme::Plain => Theme::Plain,
        Color::Auto => chosen,
    }
}

impl From<View> for Tab {
    fn from(view: View) -> Self {
        match view {
            View::Leases => Self::Leases,
            View::Listeners => Self::Listeners,
            View::Claims => Self::Claims,
            View::Events => Self::Events,
            View::Overview => Self::Overview,
        }
    }
}

impl From<DashboardError> for Failure {
    fn from(error: DashboardError) -> Self {
        let hint = error.hint();
        match error {
            DashboardError::Connect(error) => error.into(),
            DashboardError::Call(error) => error.into(),
            DashboardError::NoTerminal(_) => Self::new(Exit::FAILED, "no_terminal", error.to_string(), hint),
            DashboardError::Terminal(_) => Self::new(Exit::FAILED, "io", error.to_string(), hint),
        }
    }
}
