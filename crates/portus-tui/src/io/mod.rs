//! Everything that touches the world: the loop, the terminal, the threads that wait for keys, events and answers.

mod clipboard;
mod feed;
mod open;
mod screen;
mod work;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portus_client::{CallError, Client, ConnectError};
use ratatui::buffer::Buffer;
use ratatui::{Terminal, backend::TestBackend};

use crate::message::{Act, Cmd, Look, Msg, News};
use crate::model::{Here, Model, Tab};
use crate::theme::Theme;
use crate::update::update;
use crate::view;
use screen::Screen;
pub use screen::check_terminal;
use work::Job;

/// So many messages may wait; a daemon that tells more waits itself, and its limit is the larger one.
const MESSAGES_MAX: usize = 1_024;
/// So many messages are taken in before the next frame is drawn.
const BATCH_MAX: usize = 4_096;
/// The clock moves what is on the screen at most this often.
const TICK_MIN: Duration = Duration::from_secs(1);

/// Connects to the daemon; starts it if none runs and that is asked for.
pub type Connect = Arc<dyn Fn(bool) -> Result<Client, ConnectError> + Send + Sync>;

/// What the system tells the program from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It shall end, or its terminal is gone.
    End,
    /// It shall stop as Ctrl-Z stops programs.
    Stop,
    /// It goes on after a stop.
    Resumed,
}

/// What the dashboard needs from whoever starts it.
pub struct Setup {
    /// The way to the daemon.
    pub connect: Connect,
    /// Where it is started.
    pub here: Here,
    /// Its colours.
    pub theme: Theme,
    /// The view shown first.
    pub tab: Tab,
    /// Stops this process group, and returns when it goes on.
    pub suspend: fn() -> std::io::Result<()>,
    /// Waits for what the system tells; nothing any more when it returns `None`.
    pub notices: Box<dyn FnMut() -> Option<Notice> + Send>,
}

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// There is no terminal to draw in.
    #[error("the dashboard needs a terminal: {0}")]
    NoTerminal(&'static str),
    /// The terminal refused something.
    #[error("the terminal does not work: {0}")]
    Terminal(#[from] std::io::Error),
    /// There is no daemon to show.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon did not tell how things stand.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl DashboardError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoTerminal(_) => {
                "`portus list --all` shows the same as text, `portus watch` what happens, `portus dashboard --once` one frame"
                    .to_owned()
            }
            Self::Terminal(_) => "`portus list --all` and `portus watch` need no terminal".to_owned(),
            Self::Connect(error) => error.hint(),
            Self::Call(error) => error.hint(),
        }
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Draws one frame as text.
///
/// # Errors
/// [`DashboardError`], when the daemon cannot be asked.
pub fn once(setup: &Setup, width: u16, height: u16) -> Result<String, DashboardError> {
    let mut client = (setup.connect)(true)?;
    let mut model = Model::new(setup.here.clone(), now_ms(), (width, height));
    model.tab = setup.tab;
    update(&mut model, now_ms(), Msg::Link(News::Up(Box::new(feed::snapshot(&mut client)?))));
    if setup.tab == Tab::Listeners {
        update(&mut model, now_ms(), Msg::Listeners(Ok(client.all_listeners(None)?)));
    }
    Ok(view::as_text(&frame(&mut model, Theme::Plain)))
}

/// One frame of a model.
pub(crate) fn frame(model: &mut Model, theme: Theme) -> Buffer {
    model.settle();
    let Ok(mut terminal) = Terminal::new(TestBackend::new(model.size.0, model.size.1));
    let Ok(_) = terminal.draw(|frame| view::draw(model, theme, frame));
    terminal.backend().buffer().clone()
}

/// Shows the dashboard until it is quit.
///
/// # Errors
/// [`DashboardError`] when there is no terminal, or it stops working.
pub fn run(setup: Setup) -> Result<(), DashboardError> {
    check_terminal()?;
    let mut screen = Screen::open()?;
    let mut model = Model::new(setup.here, now_ms(), screen.size()?);
    model.tab = setup.tab;
    let (tell, messages) = sync_channel(MESSAGES_MAX);
    let mut notices = setup.notices;
    spawn(&tell, "keys", screen::read_keys)?;
    spawn(&tell, "signals", move |tell| {
        while let Some(notice) = notices() {
            let message = match notice {
                Notice::End => Msg::End,
                Notice::Stop => Msg::Stop,
                Notice::Resumed => Msg::Resumed,
            };
            if tell.send(message).is_err() {
                break;
            }
        }
    })?;
    let (reconnect, orders) = channel();
    let connect = Arc::clone(&setup.connect);
    spawn(&tell, "events", move |tell| feed::run(&connect, &tell, &orders))?;
    let worktree = &model.here.worktree;
    let looks = worker(&tell, "looks", &setup.connect, worktree)?;
    let acts = worker(&tell, "acts", &setup.connect, worktree)?;
    let hands = Hands { reconnect, looks, acts, tell, suspend: setup.suspend };
    let outcome = turn(&mut model, &mut screen, &messages, &hands, setup.theme);
    screen.close();
    outcome
}

/// What the loop does things with.
struct Hands {
    reconnect: Sender<()>,
    /// Looks have a thread of their own: an act may take seconds, and what is seen must not wait for it.
    looks: Sender<Job>,
    acts: Sender<Job>,
    tell: SyncSender<Msg>,
    suspend: fn() -> std::io::Result<()>,
}

fn spawn(
    tell: &SyncSender<Msg>,
    name: &str,
    body: impl FnOnce(SyncSender<Msg>) + Send + 'static,
) -> Result<(), DashboardError> {
    let tell = tell.clone();
    thread::Builder::new().name(name.to_owned()).spawn(move || body(tell))?;
    Ok(())
}

fn worker(
    tell: &SyncSender<Msg>,
    name: &str,
    connect: &Connect,
    worktree: &str,
) -> Result<Sender<Job>, DashboardError> {
    let (give, jobs) = channel();
    let (connect, worktree) = (Arc::clone(connect), worktree.to_owned());
    spawn(tell, name, move |tell| work::run(&connect, &worktree, &tell, &jobs))?;
    Ok(give)
}

/// The loop: wait, take in, act, draw. It wakes for messages, and for the clock only while something shows it.
fn turn(
    model: &mut Model,
    screen: &mut Screen,
    messages: &Receiver<Msg>,
    hands: &Hands,
    theme: Theme,
) -> Result<(), DashboardError> {
    let mut drawn_at = Instant::now();
    screen.draw(model, theme)?;
    loop {
        let first = match model.next_change_ms() {
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(ms) => {
                let wait = Duration::from_millis(ms).max(TICK_MIN.saturating_sub(drawn_at.elapsed()));
                messages.recv_timeout(wait)
            }
        };
        let first = match first {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => Msg::Tick,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        if matches!(first, Msg::Tick) {
            drawn_at = Instant::now();
        }
        // Whatever else has come is taken in before the next frame.
        let batch = std::iter::once(first).chain(messages.try_iter().take(BATCH_MAX));
        for message in batch {
            for cmd in update(model, now_ms(), message) {
                match cmd {
                    Cmd::Quit => return Ok(()),
                    Cmd::Suspend => screen.suspended(hands.suspend)?,
                    Cmd::Redraw => screen.forget()?,
                    other => hands.carry_out(other),
                }
            }
        }
        model.size = screen.size()?;
        model.settle();
        // The selection may be another one since the lines were put in order.
        for cmd in update(model, now_ms(), Msg::Tick) {
            hands.carry_out(cmd);
        }
        screen.draw(model, theme)?;
    }
}

impl Hands {
    /// Hands a command to whoever carries it out; none of this waits.
    fn carry_out(&self, cmd: Cmd) {
        match cmd {
            Cmd::Look(Look::Listeners) => drop(self.looks.send(Job::Listeners)),
            Cmd::Look(Look::Explain(port)) => drop(self.looks.send(Job::Explain(port))),
            Cmd::Look(Look::Plan(act)) => drop(self.looks.send(Job::Plan(act))),
            Cmd::Do(act) => self.act(act),
            Cmd::Reconnect => drop(self.reconnect.send(())),
            Cmd::Copy(text) => {
                let told = match clipboard::copy(&text) {
                    Ok(()) => format!("copied {text}, if the terminal lets programs do that"),
                    Err(error) => format!("cannot copy: {error}"),
                };
                self.note(told);
            }
            Cmd::Open(url) => {
                let tell = self.tell.clone();
                // A browser may take its time to start.
                let opening = move || drop(tell.send(Msg::Told(open::open(&url))));
                drop(thread::Builder::new().name("open".to_owned()).spawn(opening));
            }
            Cmd::Quit | Cmd::Suspend | Cmd::Redraw => {}
        }
    }

    fn act(&self, act: Act) {
        drop(self.acts.send(Job::Act(act)));
    }

    /// A sentence for the bottom line. Told as everything else is; when there is no room, nobody misses it.
    fn note(&self, text: String) {
        drop(self.tell.try_send(Msg::Told(text)));
    }
}
