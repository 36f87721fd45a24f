//! A panic on any thread gives the terminal back before it is told.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use portus_tui::{Here, Setup, Tab, Theme};

/// Set for the process that is to panic.
const PLANTED: &str = "PORTUS_TUI_TEST_PANIC";

#[test]
fn a_panic_gives_the_terminal_back_first() {
    if std::env::var_os(PLANTED).is_some() {
        plant();
    }
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_panic_gives_the_terminal_back_first", "--nocapture"]);
    command.env(PLANTED, "1");
    command.env("TERM", "xterm");
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut output = Vec::new();
    let mut bytes = [0; 4_096];
    // On Linux a terminal that nobody has any more is an error to read, elsewhere the end.
    while let Ok(length) = reader.read(&mut bytes)
        && length > 0
    {
        output.extend_from_slice(&bytes[..length]);
    }
    let output = String::from_utf8_lossy(&output);
    assert_eq!(child.wait().unwrap().exit_code(), 101, "{output:?}");
    let place = |text: &str| output.rfind(text).unwrap_or_else(|| panic!("no {text:?} in {output:?}"));
    assert!(place("\x1b[?1049h") < place("\x1b[?1049l"), "{output:?}");
    assert!(place("\x1b[?1049l") < place("planted"), "told on the screen that stays: {output:?}");
}

/// Runs a dashboard whose way to the daemon panics, on the thread that takes it.
fn plant() -> ! {
    let setup = Setup {
        connect: Arc::new(|_| panic!("planted")),
        here: Here { project: "shop".to_owned(), worktree: "/code/shop".to_owned() },
        theme: Theme::Plain,
        tab: Tab::Leases,
        suspend: || Ok(()),
        notices: Box::new(|| {
            // Nothing is ever told.
            std::thread::park_timeout(Duration::from_secs(600));
            None
        }),
    };
    let ended = portus_tui::run(setup);
    panic!("it ran to its end: {ended:?}");
}
