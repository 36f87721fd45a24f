//! The way to a daemon, against daemons that this test plays itself, and programs that fail to become one.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use portus_client::{CallError, Client, ConnectError, Options};
use portus_os::place::{Home, InstanceLock};
use portus_proto::codec::{decode_client, decode_hello, encode_greeting, encode_server};
use portus_proto::frame::Decoder;
use portus_proto::{
    Call, Code, Codec, Greeting, Outcome, PROTOCOL_VERSION, Refusal, Reply, ReplyFrame, ServerFrame, Welcome,
};
use tempfile::TempDir;

/// A home of one test's own.
struct Place {
    dir: TempDir,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("portus-ladder-").tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        home.ensure().unwrap();
        Self { dir, home }
    }

    /// A program that does this instead of becoming a daemon.
    fn program(&self, script: &str) -> PathBuf {
        let path = self.dir.path().join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    fn options(&self, script: &str) -> Options {
        Options { program: Some(self.program(script)), ..Options::default() }
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(self.home.socket()).unwrap()
    }

    fn connect(&self, options: Options) -> Result<Client, ConnectError> {
        Client::connect(&self.home, options)
    }
}

fn waiting_only() -> Options {
    Options { autostart: false, deadline: Duration::from_secs(30), ..Options::default() }
}

fn welcome(protocol: u32) -> Greeting {
    let (build, journal) = (String::new(), "uuid".to_owned());
    Greeting::Welcome(Welcome { protocol, build, codec: Codec::Json, journal, pid: 1 })
}

/// One end of a conversation, as a daemon sees it.
struct Peer {
    stream: UnixStream,
    decoder: Decoder,
}

impl Peer {
    /// Takes a connection, hears its hello and answers it.
    fn greet(listener: &UnixListener, greeting: &Greeting) -> Self {
        let (stream, _) = listener.accept().unwrap();
        let mut peer = Self { stream, decoder: Decoder::new() };
        let hello = peer.hear(|payload| decode_hello(payload).unwrap());
        assert_eq!(hello.protocol, PROTOCOL_VERSION);
        let mut bytes = Vec::new();
        encode_greeting(greeting, &mut bytes).unwrap();
        peer.stream.write_all(&bytes).unwrap();
        peer
    }

    fn hear<T>(&mut self, read: impl Fn(&[u8]) -> T) -> T {
        loop {
            if let Some(payload) = self.decoder.next_frame().unwrap() {
                return read(payload);
            }
            let len = self.stream.read(self.decoder.spare()).unwrap();
            assert!(len > 0, "the client left");
            self.decoder.filled(len);
        }
    }

    /// Hears a call and answers it.
    fn answer(&mut self, outcome: Outcome) -> Call {
        let frame = self.hear(|payload| decode_client(Codec::Json, payload).unwrap());
        self.say(&ServerFrame::Reply(ReplyFrame { id: frame.id, outcome }));
        frame.call
    }

    fn say(&mut self, frame: &ServerFrame) {
        let mut bytes = Vec::new();
        encode_server(Codec::Json, frame, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }
}

/// A daemon that answers one hello, and then what `then` does.
fn daemon(
    listener: UnixListener,
    greeting: Greeting,
    then: impl FnOnce(Peer, UnixListener) + Send + 'static,
) -> JoinHandle<()> {
    spawn(move || {
        let peer = Peer::greet(&listener, &greeting);
        then(peer, listener);
    })
}

#[test]
fn nobody_is_started_unless_allowed() {
    let place = Place::new();
    let error = place.connect(waiting_only()).unwrap_err();
    assert!(matches!(&error, ConnectError::NotRunning { socket } if *socket == place.home.socket()), "{error}");
    assert_eq!((error.code(), error.hint().as_str()), ("not_running", "start it with `portus daemon start`"));
    // A socket that a killed daemon left behind is nobody, too.
    drop(place.listen());
    assert!(matches!(place.connect(waiting_only()), Err(ConnectError::NotRunning { .. })));
}

#[test]
fn what_a_program_that_failed_said_is_told() {
    for (script, reason) in [
        ("echo 'failed error the disk is full'", "the disk is full"),
        ("echo what is this", "it said `what is this`"),
        ("exit 1", "it ended without a word"),
        ("printf half", "half"),
    ] {
        let place = Place::new();
        let error = place.connect(place.options(script)).unwrap_err();
        assert!(
            matches!(&error, ConnectError::StartFailed { reason: said, .. } if said == reason),
            "{script}: {error}"
        );
        assert!(error.hint().contains("daemon.log"), "{script}");
    }
}

#[test]
fn the_program_is_called_as_a_daemon_for_this_home() {
    let place = Place::new();
    let error = place.connect(place.options("echo \"failed error $*\"")).unwrap_err();
    let wanted = format!("the daemon did not start: daemon run --home {}", place.home.dir().display());
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn a_program_that_says_nothing_is_not_waited_for_beyond_the_deadline() {
    let place = Place::new();
    let pipe = place.dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let options = place.options(&format!("read line < '{}'", pipe.display()));
    let error = place.connect(Options { deadline: Duration::from_millis(100), ..options }).unwrap_err();
    assert!(matches!(&error, ConnectError::TimedOut { .. }), "{error}");
    // It ends when the pipe it waits for has been opened and closed.
    drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
}

#[test]
fn ready_without_a_socket_is_no_daemon() {
    let place = Place::new();
    let error = place.connect(place.options("echo ready")).unwrap_err();
    assert!(matches!(error, ConnectError::StartFailed { .. }), "{error}");
}

#[test]
fn refusals_keep_their_reason() {
    type Is = fn(&ConnectError) -> bool;
    let cases: [(Code, Is, &str); 3] = [
        (Code::OtherNetwork, |error| matches!(error, ConnectError::OtherNetwork(_)), "other_network"),
        (Code::WrongUser, |error| matches!(error, ConnectError::OtherUser(_)), "wrong_user"),
        (Code::ProtocolMismatch, |error| matches!(error, ConnectError::Refused(_)), "protocol_mismatch"),
    ];
    for (code, is, word) in cases {
        let place = Place::new();
        let greeting = Greeting::Refused(Refusal::new(code, "no", "go away"));
        let peer = daemon(place.listen(), greeting, |_, _| {});
        let error = place.connect(waiting_only()).unwrap_err();
        assert!(is(&error), "{error:?}");
        assert_eq!((error.to_string().as_str(), error.hint().as_str(), error.code()), ("no", "go away", word));
        peer.join().unwrap();
    }
}

#[test]
fn a_daemon_of_an_older_protocol_is_asked_to_leave_and_waited_for() {
    let place = Place::new();
    let lock = InstanceLock::acquire(&place.home.lock()).unwrap().unwrap();
    let socket = place.home.socket();
    let older = daemon(place.listen(), welcome(PROTOCOL_VERSION - 1), move |peer, listener| {
        // The client looks once more when it has the lock for starting.
        drop(peer);
        let mut peer = Peer::greet(&listener, &welcome(PROTOCOL_VERSION - 1));
        assert_eq!(peer.answer(Outcome::Ok(Reply::Done)), Call::Stop);
        std::fs::remove_file(socket).unwrap();
        drop(lock);
    });
    let error = place.connect(place.options("echo failed error started")).unwrap_err();
    assert_eq!(error.to_string(), "the daemon did not start: started");
    older.join().unwrap();

    let place = Place::new();
    let older = daemon(place.listen(), welcome(PROTOCOL_VERSION - 1), |_, _| {});
    let error = place.connect(waiting_only()).unwrap_err();
    assert!(matches!(error, ConnectError::OlderDaemon { .. }), "{error}");
    older.join().unwrap();
}

#[test]
fn a_daemon_of_an_older_protocol_can_be_ended_without_starting_another() {
    let place = Place::new();
    assert!(!portus_client::retire_older(&place.home, &waiting_only()).unwrap());
    let lock = InstanceLock::acquire(&place.home.lock()).unwrap().unwrap();
    let older = daemon(place.listen(), welcome(PROTOCOL_VERSION - 1), move |mut peer, _| {
        assert_eq!(peer.answer(Outcome::Ok(Reply::Done)), Call::Stop);
        drop(lock);
    });
    assert!(portus_client::retire_older(&place.home, &waiting_only()).unwrap());
    older.join().unwrap();
}

#[test]
fn answers_find_their_calls_and_events_are_kept() {
    let place = Place::new();
    let event = portus_proto::Event { at: portus_proto::WallTime(0), what: portus_proto::What::Missed(7) };
    let said = event.clone();
    let peer = daemon(place.listen(), welcome(PROTOCOL_VERSION), move |mut peer, _| {
        let frame = peer.hear(|payload| decode_client(Codec::Json, payload).unwrap());
        peer.say(&ServerFrame::Event(said));
        let late = ReplyFrame { id: frame.id + 100, outcome: Outcome::Ok(Reply::Done) };
        peer.say(&ServerFrame::Reply(late));
        peer.say(&ServerFrame::Reply(ReplyFrame { id: frame.id, outcome: Outcome::Ok(Reply::Claims(Vec::new())) }));
        peer.answer(Outcome::Ok(Reply::Done));
        peer.answer(Outcome::Refused(Refusal::new(Code::NoSuchLease, "none", "")));
        peer.say(&ServerFrame::Goodbye(Refusal::new(Code::TooSlow, "too slow", "")));
    });
    let mut client = place.connect(waiting_only()).unwrap();
    let scope = || portus_proto::ScopeCall { scope: portus_proto::Scope::All, after: None };
    assert_eq!(client.claims(scope()).unwrap(), []);
    assert!(matches!(client.claims(scope()), Err(CallError::Senseless { .. })), "answered with something else");
    let refused = client.claims(scope()).unwrap_err();
    assert!(matches!(&refused, CallError::Refused(refusal) if refusal.code == Code::NoSuchLease), "{refused}");
    assert_eq!(client.next_event(Duration::from_secs(30)).unwrap(), Some(event));
    let goodbye = client.next_event(Duration::from_secs(30)).unwrap_err();
    assert!(matches!(&goodbye, CallError::Refused(refusal) if refusal.code == Code::TooSlow), "{goodbye}");
    peer.join().unwrap();
    assert!(matches!(client.claims(scope()), Err(CallError::Lost { .. })), "the connection is gone");
}

#[test]
fn a_daemon_that_left_between_two_calls_is_followed_by_another_with_the_subscription() {
    let place = Place::new();
    let (gone, is_gone) = std::sync::mpsc::channel::<()>();
    let peer = daemon(place.listen(), welcome(PROTOCOL_VERSION), move |mut peer, listener| {
        assert_eq!(peer.answer(Outcome::Ok(Reply::Done)), Call::Subscribe);
        drop(peer);
        gone.send(()).unwrap();
        let mut peer = Peer::greet(&listener, &welcome(PROTOCOL_VERSION));
        assert_eq!(peer.answer(Outcome::Ok(Reply::Done)), Call::Subscribe);
        peer.answer(Outcome::Ok(Reply::Claims(Vec::new())));
        let kill = peer.answer(Outcome::Refused(Refusal::new(Code::Stopping, "leaving", "")));
        assert!(matches!(kill, Call::Kill(_)));
    });
    let mut client = place.connect(place.options("echo failed error started")).unwrap();
    client.subscribe().unwrap();
    is_gone.recv().unwrap();
    let scope = portus_proto::ScopeCall { scope: portus_proto::Scope::All, after: None };
    assert_eq!(client.claims(scope).unwrap(), []);
    let missed = client.next_event(Duration::from_secs(30)).unwrap().map(|event| event.what);
    assert_eq!(missed, Some(portus_proto::What::Missed(1)));
    // Ending processes is not begun twice.
    let target = portus_proto::Target::Port(portus_core::Port::new(3000).unwrap());
    let caller = portus_proto::Caller { worktree: "/w".to_owned(), force: false };
    let call = portus_proto::KillCall { target, caller, dry_run: false, grace_ms: None };
    let refused = client.kill(call).unwrap_err();
    assert!(matches!(&refused, CallError::Refused(refusal) if refusal.code == Code::Stopping), "{refused}");
    peer.join().unwrap();
}

#[test]
fn no_answer_is_not_waited_for_beyond_the_deadline() {
    let place = Place::new();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let peer = daemon(place.listen(), welcome(PROTOCOL_VERSION), move |peer, _| {
        let _ = held.recv();
        drop(peer);
    });
    let options = Options { deadline: Duration::from_millis(50), ..waiting_only() };
    // The greeting may take longer than that on a busy machine, and is then what was waited for.
    match place.connect(options) {
        Ok(mut client) => {
            assert!(matches!(client.status(), Err(CallError::TimedOut)));
            assert_eq!(client.next_event(Duration::from_millis(1)).unwrap(), None);
        }
        Err(error) => assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}"),
    }
    drop(hold);
    peer.join().unwrap();
}
