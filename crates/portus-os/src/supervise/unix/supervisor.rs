//! Seeing a command through: pass on signals, follow its stops, reap what dies, tell what happened.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use libc::c_int;
use portus_core::ProcessIdentity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal as Number, WaitStatus};

use super::super::{Event, KeptPorts, SpawnError, Spec, Status, TerminalPolicy};
use super::child::{Child, next_change};
use super::trap::{self, SignalTrap, Waker, meaning_of};
use super::{Readable, terminal};
use crate::process::{self, Signal};

/// Follows one command at a time, and everything that this process became the parent of.
///
/// It reaps every child of this process, so that nothing else here can wait for one.
#[derive(Debug)]
pub struct Supervisor {
    trap: SignalTrap,
    child: Option<Child>,
    /// `SIGTSTP` came and was passed on: when the command stops, so do we.
    suspension_asked: bool,
    events: VecDeque<Event>,
}

impl Supervisor {
    /// A supervisor of nothing yet. Signals that were caught before are its first events.
    #[must_use]
    pub const fn new(trap: SignalTrap) -> Self {
        Self { trap, child: None, suspension_asked: false, events: VecDeque::new() }
    }

    /// Starts a command and follows it. The one before, if any, should have exited.
    ///
    /// # Errors
    /// See [`Child::spawn`].
    pub fn spawn(&mut self, spec: &Spec, terminal: TerminalPolicy) -> Result<ProcessIdentity, SpawnError> {
        Child::spawn(spec, terminal).map(|child| self.follow(child))
    }

    /// Starts a command and follows it, and keeps ports from everybody until the command's first instruction.
    ///
    /// # Errors
    /// See [`Child::spawn`].
    pub fn spawn_keeping(
        &mut self,
        spec: &Spec,
        terminal: TerminalPolicy,
        ports: KeptPorts,
    ) -> Result<ProcessIdentity, SpawnError> {
        Child::spawn_keeping(spec, terminal, ports).map(|child| self.follow(child))
    }

    /// Follows a command that was started already, since the last call of [`Self::next_event`] (which would
    /// have reaped it). [`Event::Exited`] tells its end, even if that has been.
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
        self.trap.waker()
    }

    /// Waits for the next thing to happen. What there is to do at once (passing signals on, stopping with
    /// the command and going on with it, reaping, the terminal) is done when this returns.
    ///
    /// Without a deadline it waits for as long as it takes. `extra` is reported whenever it is readable or
    /// closed and nothing else happened, again and again until it is read. To be called on the main
    /// thread: only there does a stop take effect where it should.
    ///
    /// # Errors
    /// When the system cannot wait, which has no known cause.
    pub fn next_event(&mut self, deadline: Option<Instant>, extra: Option<Readable<'_>>) -> io::Result<Event> {
        loop {
            for number in self.trap.take_raw() {
                self.on_signal(number);
            }
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mut waited = vec![PollFd::new(&self.trap, PollFlags::IN)];
            waited.extend(extra.as_ref().map(|extra| PollFd::new(extra, PollFlags::IN)));
            let ready = match poll(&mut waited, left.map(timespec).as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready?,
            };
            let signalled = waited.first().is_some_and(|trap| !trap.revents().is_empty());
            if !signalled && waited.get(1).is_some_and(|extra| !extra.revents().is_empty()) {
                return Ok(Event::Readable);
            }
            if ready == 0 && left.is_some() {
                return Ok(Event::Deadline);
            }
        }
    }

    /// Signals the command's process group; once the command has been reaped, whoever is left of its tree.
    pub fn signal_command(&self, signal: Signal) {
        match &self.child {
            Some(child) => child.signal_group(signal.into_system()),
            None => {
                // Not to be seen, gone in the meantime, or made itself another user: nothing to do about any of it.
                for process in super::super::descendants_alive().into_iter().flatten() {
                    let _ = process::signal(&process, signal);
                }
            }
        }
    }

    fn on_signal(&mut self, number: c_int) {
        match number {
            0 => self.events.push_back(Event::Woken),
            libc::SIGCHLD => self.reap(),
            libc::SIGCONT => self.go_on(),
            libc::SIGWINCH => self.signal_command(Signal::Resized),
            libc::SIGTSTP => self.suspend(),
            other => {
                if let Some(signal) = meaning_of(other) {
                    self.signal_command(signal);
                    self.events.push_back(Event::Signal(signal));
                }
            }
        }
    }

    fn reap(&mut self) {
        while let Some((pid, status)) = next_change() {
            match &self.child {
                Some(child) if child.pid == pid => self.on_command_changed(status),
                _ => self.events.extend(end_of(status).map(Event::Orphan)),
            }
        }
    }

    fn on_command_changed(&mut self, status: WaitStatus) {
        if let Some(end) = end_of(status) {
            if let Some(mut child) = self.child.take() {
                child.take_terminal();
            }
            self.suspension_asked = false;
            self.events.push_back(Event::Exited(end));
        } else if let Some(number) = status.stopping_signal() {
            self.on_command_stopped(number);
        } else if status.continued() {
            self.events.push_back(Event::Continued);
        }
    }

    fn on_command_stopped(&mut self, number: c_int) {
        let Some(child) = &mut self.child else { return };
        let wants_terminal = matches!(number, libc::SIGTTIN | libc::SIGTTOU);
        if wants_terminal && !child.has_terminal && child.offer_terminal() {
            // A shell's `fg` gave us the foreground without a word, since we were never stopped.
            child.signal_group(Number::CONT);
            return;
        }
        self.events.push_back(Event::Stopped(number));
        let from_terminal = child.has_terminal || wants_terminal || self.suspension_asked;
        // A stop from elsewhere (a debugger, a batch system) is meant for the command alone, and so will
        // be what continues it.
        if from_terminal {
            child.take_terminal();
            self.suspend_ourselves();
        }
    }

    /// Ctrl-Z reached us: the command is asked, and our stop follows its own. Without one, we stop at once.
    fn suspend(&mut self) {
        self.signal_command(Signal::Suspend);
        match self.child {
            Some(_) => self.suspension_asked = true,
            None => self.suspend_ourselves(),
        }
    }

    fn suspend_ourselves(&mut self) {
        self.suspension_asked = false;
        // A refusal leaves us running, and then the command must go on as well.
        let _ = trap::suspend_own_group();
        self.go_on();
    }

    fn go_on(&mut self) {
        self.suspension_asked = false;
        match &mut self.child {
            Some(child) => {
                child.offer_terminal();
                child.signal_group(Number::CONT);
            }
            None => self.signal_command(Signal::Continue),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child
            && child.has_terminal
            && !terminal::is_ours()
        {
            child.take_terminal();
        }
    }
}

fn end_of(status: WaitStatus) -> Option<Status> {
    status.exit_status().map(Status::Code).or_else(|| status.terminating_signal().map(Status::Signal))
}

fn timespec(time: Duration) -> Timespec {
    // Longer than the type can say is longer than anybody waits.
    Timespec::try_from(time).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 })
}
