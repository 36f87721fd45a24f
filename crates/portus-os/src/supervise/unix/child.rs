//! Starting the command in a process group of its own, with the terminal if it is ours to give.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use portus_core::ProcessIdentity;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process_group, wait};

use super::super::{KeptPorts, SpawnError, Spec, TerminalPolicy};
use super::gate::{ChildSide, Gate};
use super::{terminal, trap};
use crate::process::identity_even_of_a_zombie;

/// A command that was started. It leads a process group of its own, whose number is its pid.
#[derive(Debug)]
pub struct Child {
    identity: ProcessIdentity,
    /// Also the group.
    pub(super) pid: Pid,
    pub(super) policy: TerminalPolicy,
    /// Whether the command's group was put into the terminal's foreground, and not taken out of it since.
    pub(super) has_terminal: bool,
}

impl Child {
    /// Starts a command. It has the signal mask and dispositions this process was started with. Where the
    /// policy gives it the terminal, it has it before its first instruction.
    ///
    /// # Errors
    /// [`SpawnError`]; the terminal is ours then.
    pub fn spawn(spec: &Spec, policy: TerminalPolicy) -> Result<Self, SpawnError> {
        Self::spawn_keeping(spec, policy, KeptPorts::default())
    }

    /// The same, with ports kept from everybody until the command's first instruction.
    ///
    /// # Errors
    /// [`SpawnError`]; the terminal is ours then.
    pub fn spawn_keeping(spec: &Spec, policy: TerminalPolicy, ports: KeptPorts) -> Result<Self, SpawnError> {
        let hand_over = policy == TerminalPolicy::HandOver && terminal::is_ours();
        let (gate, child_side) = match ports.is_empty() {
            true => (None, None),
            false => Gate::open(ports).map(|(gate, child_side)| (Some(gate), Some(child_side)))?,
        };
        let command = command_for(spec, hand_over, child_side)?;
        let spawned = trap::with_signals_held(|| {
            let spawned = spawn_through(command, gate);
            if spawned.is_err() && hand_over {
                // The child took the terminal before its exec failed.
                terminal::take_back();
            }
            spawned
        })?;
        // Dropping the standard library's handle neither waits nor kills: the supervisor reaps.
        let pid = spawned.map_err(|error| SpawnError::of_program(&spec.program, error))?.id();
        let identity = identity_even_of_a_zombie(pid)?.ok_or_else(|| no_trace_of(pid))?;
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| no_trace_of(pid))?;
        Ok(Self { identity, pid: raw, policy, has_terminal: hand_over })
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> ProcessIdentity {
        self.identity
    }

    /// Signals the command's process group. Only while the command is unreaped: then the group's number is its own.
    pub(super) fn signal_group(&self, signal: Signal) {
        if kill_process_group(self.pid, signal).is_err() {
            // It has left its own group, or is somebody else's by now: then it alone, if we may.
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }

    /// Puts the command into the foreground, if the terminal is ours and the policy says so. Whether it is there then.
    pub(super) fn offer_terminal(&mut self) -> bool {
        let kept = self.has_terminal && terminal::belongs_to(self.pid);
        let given = || terminal::is_ours() && terminal::give_to(self.pid);
        self.has_terminal = self.policy == TerminalPolicy::HandOver && (kept || given());
        self.has_terminal
    }

    /// Takes the terminal back, if the command was given it.
    pub(super) fn take_terminal(&mut self) {
        if std::mem::take(&mut self.has_terminal) {
            terminal::take_back();
        }
    }
}

fn no_trace_of(pid: u32) -> io::Error {
    // Nobody else can have reaped it, so that only a hidden /proc explains this.
    io::Error::other(format!("process {pid} was started, but the system does not show it"))
}

/// Starts the command. Between its fork and its exec this process's hold on the ports is let go.
fn spawn_through(mut command: Command, gate: Option<Gate>) -> io::Result<std::process::Child> {
    let Some(gate) = gate else { return command.spawn() };
    let slot = Mutex::new(Some(gate));
    let take = || slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    std::thread::scope(|scope| {
        let keep = || take().map_or((), Gate::keep);
        if std::thread::Builder::new().name("gate".to_owned()).spawn_scoped(scope, keep).is_err() {
            return spawn_past(command, take());
        }
        let spawned = command.spawn();
        // With it goes the last way in which a child could still be heard of, should there be none.
        drop(command);
        spawned
    })
}

/// Starts the command where no thread is left to keep the gate: the ports are let go a moment too early.
fn spawn_past(mut command: Command, gate: Option<Gate>) -> io::Result<std::process::Child> {
    let _open = gate.map(Gate::open_at_once).transpose()?;
    command.spawn()
}

#[expect(unsafe_code, reason = "the terminal and the signals are set between fork and exec")]
fn command_for(spec: &Spec, hand_over: bool, gate: Option<ChildSide>) -> Result<Command, SpawnError> {
    let mut command = Command::new(&spec.program);
    command.args(&spec.args).process_group(0);
    for (name, value) in &spec.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(dir) = &spec.cwd {
        // A missing directory would otherwise read as a missing program.
        let entered = std::fs::metadata(dir)
            .and_then(|found| if found.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) });
        entered.map_err(|source| SpawnError::NoDirectory { dir: dir.clone(), source })?;
        command.current_dir(dir);
    }
    // SAFETY: between fork and exec this makes system calls only, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if hand_over {
                // The parent will not come round to it before exec, and the command may read at once.
                terminal::give_to(getpid());
            }
            trap::undo_in_child()?;
            gate.as_ref().map_or(Ok(()), ChildSide::pass)
        });
    }
    Ok(command)
}

/// Reaps the next child that changed its state, whoever it is. `None` when none has.
pub(super) fn next_change() -> Option<(Pid, rustix::process::WaitStatus)> {
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    loop {
        match wait(options) {
            Ok(changed) => return changed,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_passes_a_gate_that_nobody_keeps() {
        let (gate, child_side) = Gate::open(KeptPorts::default()).unwrap();
        let spec = Spec { program: "true".into(), ..Spec::default() };
        let command = command_for(&spec, false, Some(child_side)).unwrap();
        assert!(spawn_past(command, Some(gate)).unwrap().wait().unwrap().success());
    }
}
