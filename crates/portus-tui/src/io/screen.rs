//! The terminal: taken, drawn in, and given back however the program ends.

use std::io::{self, IsTerminal as _, Stdout, Write as _, stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use crossterm::cursor::Show;
use crossterm::event::{self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::DashboardError;
use crate::message::Msg;
use crate::model::Model;
use crate::theme::Theme;
use crate::view;

/// Whether the terminal is ours at this moment.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, while it is ours.
pub(super) struct Screen {
    /// Never dropped: its drop would show the cursor, which giving the terminal back does, and complain on a standard
    /// error that may have gone with the terminal, which is a panic.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
}

/// Whether there is a terminal that can be drawn in.
///
/// # Errors
/// [`DashboardError::NoTerminal`] when there is none.
pub fn check_terminal() -> Result<(), DashboardError> {
    if !stdout().is_terminal() {
        return Err(DashboardError::NoTerminal("standard output is none"));
    }
    if !io::stdin().is_terminal() {
        return Err(DashboardError::NoTerminal("standard input is none"));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(DashboardError::NoTerminal("TERM is `dumb`"));
    }
    Ok(())
}

/// Tells every key, click and change of size, until the terminal gives no more.
pub(super) fn read_keys(tell: SyncSender<Msg>) {
    while let Ok(input) = event::read() {
        if tell.send(Msg::Input(input)).is_err() {
            return;
        }
    }
    drop(tell.send(Msg::End));
}

impl Screen {
    /// Takes the terminal. From here on a panic, on whatever thread, gives it back first.
    pub(super) fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let was_taken = give_back().unwrap_or(true);
                before(panic);
                if was_taken {
                    // A picture without its threads would only look alive.
                    std::process::exit(101);
                }
            }));
        });
        take()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| drop(give_back()))?;
        Ok(Self { terminal: ManuallyDrop::new(terminal) })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws what has changed since the last frame.
    pub(super) fn draw(&mut self, model: &Model, theme: Theme) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(model, theme, frame)).map(drop)
    }

    /// Nothing on the terminal is what it was: the next frame is drawn whole, on a terminal that is ours.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        take()?;
        // A new one knows nothing of what is there. (`clear` would ask the terminal where its cursor is, and the
        // answer would go to the thread that reads keys.)
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(stdout()))?);
        Ok(())
    }

    /// Gives the terminal back, stops, and takes it again when the program goes on.
    pub(super) fn suspended(&mut self, stop: fn() -> io::Result<()>) -> io::Result<()> {
        give_back()?;
        // Where programs cannot be stopped, nothing happens.
        let stopped = stop();
        drop(stopped);
        self.forget()
    }

    /// Gives the terminal back.
    pub(super) fn close(self) {
        drop(self);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        drop(give_back());
    }
}

fn take() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)
}

/// Gives the terminal back, if it is ours. Says whether it was.
fn give_back() -> io::Result<bool> {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return Ok(false);
    }
    let shown = execute!(stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
    let cooked = terminal::disable_raw_mode();
    stdout().flush()?;
    shown.and(cooked).map(|()| true)
}
