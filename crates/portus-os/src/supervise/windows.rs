//! Supervision on Windows: the command shares our console, and Ctrl-C reaches it by itself.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use portus_core::ProcessIdentity;
use windows_sys::Win32::Foundation::{HANDLE, WAIT_FAILED, WAIT_OBJECT_0};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects};

use super::{Event, KeptPorts, SpawnError, Spec, Status, TerminalPolicy};
use crate::process::{Signal, identity_even_of_a_zombie};

/// What came and was not taken yet, one bit each.
static PENDING: AtomicU32 = AtomicU32::new(0);
/// Set whenever [`PENDING`] was.
static CAME: OnceLock<OwnedHandle> = OnceLock::new();
/// The bits, and what they mean.
const BITS: [(u32, Event); 4] = [
    (1, Event::Woken),
    (2, Event::Signal(Signal::Interrupt)),
    (4, Event::Signal(Signal::Quit)),
    (8, Event::Signal(Signal::Terminate)),
];

/// Not waited for on this system, where a pipe's handle does not say whether there is something to read: have
/// a thread read it, and use a [`Waker`].
pub type Readable<'a> = BorrowedHandle<'a>;

/// Does nothing: children keep their parent's number for good here, dead or not.
///
/// # Errors
/// None.
pub fn become_subreaper() -> io::Result<()> {
    Ok(())
}

/// Does not exist on this system.
///
/// # Errors
/// Always.
pub fn suspend_own_group() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "programs are not stopped from the keyboard on this system"))
}

/// Catches what the console sends, from the moment it is installed.
#[derive(Debug)]
pub struct SignalTrap(());

/// Wakes a [`Supervisor`] out of its wait, from any thread.
#[derive(Debug, Clone, Copy)]
pub struct Waker(());

/// A command that was started.
#[derive(Debug)]
pub struct Child {
    identity: ProcessIdentity,
    child: std::process::Child,
}

/// Follows one command at a time.
#[derive(Debug)]
pub struct Supervisor {
    child: Option<Child>,
    events: VecDeque<Event>,
}

impl SignalTrap {
    /// Catches Ctrl-C, Ctrl-Break and the closing of the console from here on. To be called first of all, once.
    ///
    /// # Errors
    /// When it is installed already, or the system refuses.
    #[expect(unsafe_code, reason = "a handle comes back raw, and a function is handed over")]
    pub fn install() -> io::Result<Self> {
        // SAFETY: no name, no attributes; it resets itself when waited for.
        let event = unsafe { CreateEventW(std::ptr::null(), 0, 0, std::ptr::null()) };
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just made, and nobody else has it.
        let event = unsafe { OwnedHandle::from_raw_handle(event) };
        CAME.set(event)
            .map_err(|_| io::Error::new(io::ErrorKind::AlreadyExists, "console events are trapped already"))?;
        // SAFETY: the handler touches atomics and one event that lives for good.
        let done = unsafe { SetConsoleCtrlHandler(Some(on_console), 1) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(())) }
    }

    /// What came and was not taken yet, without waiting. For use before there is a [`Supervisor`].
    #[must_use]
    pub fn take(&self) -> Vec<Signal> {
        let signal = |event| if let Event::Signal(signal) = event { Some(signal) } else { None };
        take_pending().filter_map(signal).collect()
    }

    /// Waits for what the console sends, for a program with a screen, which follows no command.
    ///
    /// # Errors
    /// When the system cannot wait, which has no known cause.
    pub fn wait(&self) -> io::Result<Vec<Signal>> {
        let mut nobody = Supervisor::new(Self(()));
        loop {
            if let Event::Signal(signal) = nobody.next_event(None, None)? {
                return Ok(vec![signal]);
            }
        }
    }

    /// Something that wakes the wait from another thread.
    #[must_use]
    pub const fn waker(&self) -> Waker {
        Waker(())
    }
}

impl Waker {
    /// Ends the current or the next wait with [`Event::Woken`].
    pub fn wake(self) {
        note(1);
    }
}

impl Child {
    /// Starts a command in our console.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub fn spawn(spec: &Spec, _terminal: TerminalPolicy) -> Result<Self, SpawnError> {
        if let Some(dir) = spec.cwd.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(SpawnError::NoDirectory { dir: dir.clone(), source: io::ErrorKind::NotADirectory.into() });
        }
        let child = spawn_with_extensions(spec).map_err(|error| SpawnError::of_program(&spec.program, error))?;
        // The handle keeps the number from being given away.
        let identity = identity_even_of_a_zombie(child.id())?
            .ok_or_else(|| io::Error::other("the process that was started does not show"))?;
        Ok(Self { identity, child })
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> ProcessIdentity {
        self.identity
    }
}

/// Scripts such as `npm.cmd` are called without their extension, which the system adds only to programs.
fn spawn_with_extensions(spec: &Spec) -> io::Result<std::process::Child> {
    let has_extension = std::path::Path::new(&spec.program).extension().is_some();
    let extensions: &[&str] = if has_extension { &[""] } else { &["", ".cmd", ".bat"] };
    let mut failure = None;
    for extension in extensions {
        let mut program: OsString = spec.program.clone();
        program.push(extension);
        match command_for(&program, spec).spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => failure = failure.or(Some(error)),
            spawned => return spawned,
        }
    }
    Err(failure.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

fn command_for(program: &OsString, spec: &Spec) -> Command {
    let mut command = Command::new(program);
    command.args(&spec.args);
    for (name, value) in &spec.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(dir) = &spec.cwd {
        command.current_dir(dir);
    }
    command
}

impl Supervisor {
    /// A supervisor of nothing yet. What was caught before are its first events.
    #[must_use]
    pub const fn new(_trap: SignalTrap) -> Self {
        Self { child: None, events: VecDeque::new() }
    }

    /// Starts a command and follows it. The one before, if any, should have exited.
    ///
    /// # Errors
    /// See [`Child::spawn`].
    pub fn spawn(&mut self, spec: &Spec, terminal: TerminalPolicy) -> Result<ProcessIdentity, SpawnError> {
        Child::spawn(spec, terminal).map(|child| self.follow(child))
    }

    /// Starts a command and follows it. The ports are let go just before: nothing here is inherited.
    ///
    /// # Errors
    /// See [`Child::spawn`].
    pub fn spawn_keeping(
        &mut self,
        spec: &Spec,
        terminal: TerminalPolicy,
        ports: KeptPorts,
    ) -> Result<ProcessIdentity, SpawnError> {
        drop(ports);
        self.spawn(spec, terminal)
    }

    /// Follows a command that was started already.
    pub fn follow(&mut self, child: Child) -> ProcessIdentity {
        self.child.insert(child).identity()
    }

    /// The command, until its end was told.
    #[must_use]
    pub fn command(&self) -> Option<ProcessIdentity> {
        self.child.as_ref().map(Child::identity)
    }

    /// Something that ends a wait from another thread.
    #[must_use]
    pub const fn waker(&self) -> Waker {
        Waker(())
    }

    /// Waits for the next thing to happen; `extra` is not looked at (see [`Readable`]).
    ///
    /// # Errors
    /// When the system cannot wait, which has no known cause.
    #[expect(unsafe_code, reason = "waiting takes raw handles")]
    pub fn next_event(&mut self, deadline: Option<Instant>, _extra: Option<Readable<'_>>) -> io::Result<Event> {
        loop {
            self.events.extend(take_pending());
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let command = self.child.as_ref().map(|child| child.child.as_raw_handle());
            let handles: Vec<HANDLE> = CAME.get().map(AsRawHandle::as_raw_handle).into_iter().chain(command).collect();
            let count = u32::try_from(handles.len()).unwrap_or(0);
            // SAFETY: `count` open handles.
            let found = unsafe { WaitForMultipleObjects(count, handles.as_ptr(), 0, wait_ms(deadline)) };
            if found == WAIT_FAILED {
                return Err(io::Error::last_os_error());
            }
            if found.wrapping_sub(WAIT_OBJECT_0) >= count {
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(Event::Deadline);
                }
                continue;
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.child.try_wait()?
            {
                self.child = None;
                return Ok(Event::Exited(Status::Code(status.code().unwrap_or(1))));
            }
        }
    }

    /// Ends the command, if that is what the signal asks for. Ctrl-C and Ctrl-Break reach it by themselves.
    pub fn signal_command(&self, signal: Signal) {
        if let Some(child) = &self.child {
            // Gone in the meantime, or not to be told such a thing.
            let _ = crate::process::signal(&child.identity, signal);
        }
    }
}

/// How long to wait, rounded up so that the deadline has come when the wait ends.
fn wait_ms(deadline: Option<Instant>) -> u32 {
    let Some(deadline) = deadline else { return INFINITE };
    let left = deadline.saturating_duration_since(Instant::now());
    u32::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(INFINITE - 1).min(INFINITE - 1)
}

fn take_pending() -> impl Iterator<Item = Event> {
    let pending = PENDING.swap(0, Ordering::SeqCst);
    BITS.into_iter().filter(move |(bit, _)| pending & bit != 0).map(|(_, event)| event)
}

#[expect(unsafe_code, reason = "an event is set by its raw handle")]
fn note(bit: u32) {
    PENDING.fetch_or(bit, Ordering::SeqCst);
    if let Some(came) = CAME.get() {
        // SAFETY: the event lives for good.
        unsafe { SetEvent(came.as_raw_handle()) };
    }
}

/// Called by the system on a thread of its own. Answering "handled" keeps us alive to see the command out.
#[expect(unsafe_code, reason = "called back by the system")]
unsafe extern "system" fn on_console(what: u32) -> i32 {
    note(match what {
        CTRL_C_EVENT => 2,
        CTRL_BREAK_EVENT => 4,
        _ => 8,
    });
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::descendants_alive;

    fn cmd(args: &[&str]) -> Spec {
        Spec { program: "cmd".into(), args: args.iter().map(OsString::from).collect(), ..Spec::default() }
    }

    // The console's events are one per process, and so is this test.
    #[test]
    fn a_command_is_seen_through_to_its_end() {
        let mut supervisor = Supervisor::new(SignalTrap::install().unwrap());
        assert!(SignalTrap::install().is_err());
        assert_eq!(supervisor.next_event(Some(Instant::now()), None).unwrap(), Event::Deadline);
        supervisor.waker().wake();
        assert_eq!(supervisor.next_event(None, None).unwrap(), Event::Woken);

        let identity = supervisor.spawn(&cmd(&["/c", "exit 7"]), TerminalPolicy::HandOver).unwrap();
        assert_eq!(supervisor.command(), Some(identity));
        assert_eq!(supervisor.next_event(None, None).unwrap(), Event::Exited(Status::Code(7)));
        assert_eq!(supervisor.command(), None);

        supervisor.spawn(&cmd(&["/k"]), TerminalPolicy::Keep).unwrap();
        assert!(!descendants_alive().unwrap().is_empty());
        supervisor.signal_command(Signal::Terminate);
        assert_eq!(supervisor.next_event(None, None).unwrap(), Event::Exited(Status::Code(1)));

        let missing = Spec { program: "portus-no-such-program".into(), ..Spec::default() };
        assert_eq!(supervisor.spawn(&missing, TerminalPolicy::Keep).unwrap_err().exit_code(), 127);
    }
}
