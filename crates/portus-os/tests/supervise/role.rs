//! The supervisor under test: tells all its events over a socket, and exits as its command did.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use portus_os::supervise::{Event, SignalTrap, Spec, Status, Supervisor, TerminalPolicy, become_subreaper};

/// The first argument that makes this program a supervisor; then a policy, then the command.
pub(crate) const ARGUMENT: &str = "--as-supervisor";
/// Where to connect and tell.
pub(crate) const SOCKET: &str = "PORTUS_TEST_SOCKET";
/// Whether to start only when a line arrives.
pub(crate) const WAIT: &str = "PORTUS_TEST_WAIT";
/// Whether to go on after the command's end until the socket is closed.
pub(crate) const LINGER: &str = "PORTUS_TEST_LINGER";

pub(crate) fn play(args: &[OsString]) -> ExitCode {
    // First of all, as its documentation asks.
    let trap = SignalTrap::install().unwrap();
    assert!(SignalTrap::install().is_err(), "a second trap would steal from the first");
    let stream = UnixStream::connect(std::env::var_os(SOCKET).unwrap()).unwrap();
    let mut role = Role { supervisor: Supervisor::new(trap), lines: BufReader::new(stream) };
    role.say(&format!("pid {}", std::process::id()));
    become_subreaper().unwrap();
    if std::env::var_os(WAIT).is_some() {
        role.until(|event| event == Event::Readable);
        role.lines.read_line(&mut String::new()).unwrap();
    }
    role.supervise(args)
}

struct Role {
    supervisor: Supervisor,
    lines: BufReader<UnixStream>,
}

impl Role {
    fn supervise(&mut self, args: &[OsString]) -> ExitCode {
        let [policy, program, args @ ..] = args else { panic!("no command") };
        let policy = if policy == "keep" { TerminalPolicy::Keep } else { TerminalPolicy::HandOver };
        let env = [SOCKET, WAIT, LINGER].iter().map(|name| (OsString::from(*name), None)).collect();
        let spec = Spec { program: program.clone(), args: args.to_vec(), env, cwd: None };
        match self.supervisor.spawn(&spec, policy) {
            Ok(identity) => self.say(&format!("spawned {}", identity.pid)),
            Err(error) => {
                self.say(&format!("failed {} {error}", error.exit_code()));
                return exit(error.exit_code());
            }
        }
        let mut code = 0;
        self.until(|event| match event {
            Event::Exited(status) => {
                code = status.exit_code();
                true
            }
            _ => false,
        });
        let left = portus_os::supervise::descendants_alive().unwrap();
        self.say(&format!("left {}", left.len()));
        if std::env::var_os(LINGER).is_some() {
            self.until(|event| event == Event::Readable);
        }
        exit(code)
    }

    fn until(&mut self, mut done: impl FnMut(Event) -> bool) {
        loop {
            let event = self.supervisor.next_event(None, Some(self.lines.get_ref().as_fd())).unwrap();
            let words = match event {
                Event::Exited(Status::Code(code)) => format!("exited {code}"),
                Event::Exited(Status::Signal(number)) => format!("killed {number}"),
                Event::Signal(signal) => format!("signal {}", signal.name()),
                Event::Stopped(number) => format!("stopped {number}"),
                Event::Orphan(_) => "orphan".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            };
            self.say(&words);
            if done(event) {
                return;
            }
        }
    }

    fn say(&mut self, words: &str) {
        // Nobody listens any more once the test has seen enough.
        let _ = writeln!(self.lines.get_mut(), "{words}");
    }
}

fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap())
}
