//! A daemon in a thread or process of its own, clients, and helper processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use portus_core::{Port, PortRange, Protocol, ServiceName};
use portus_daemon::{DaemonError, Settings};
use portus_os::place::Home;
use portus_proto::codec;
use portus_proto::frame::Decoder;
use portus_proto::{
    Ask, Call, Caller, ClientFrame, Codec, Event, Greeting, Hello, Key, LeasesReply, ListCall, ListingReply, Outcome,
    PROTOCOL_VERSION, Refusal, ReleaseCall, Reply, ReplyFrame, RequestCall, Requester, Scope, ServerFrame, Target,
    Welcome,
};
use tempfile::TempDir;

/// Nothing in these tests takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What helper processes find in their environment: which helper, and its argument.
const HELPER: &str = "PORTUS_TEST_HELPER";
const ARGUMENT: &str = "PORTUS_TEST_ARGUMENT";

/// A daemon in a thread, with a home of its own.
pub(crate) struct Daemon {
    pub(crate) folder: TempDir,
    thread: Option<JoinHandle<Result<(), DaemonError>>>,
}

/// The ports from `first` to `last`.
pub(crate) fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(Port::new(first).unwrap(), Port::new(last).unwrap()).unwrap()
}

/// A pool that no other daemon of this program uses: a port that one looks at, another finds taken.
pub(crate) fn settings() -> Settings {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + 100 * NEXT.fetch_add(1, Ordering::Relaxed);
    Settings { pool: range(first, first + 99), ..Settings::default() }
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::start_with(settings())
    }

    pub(crate) fn start_with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let (sender, ready) = channel();
        let thread = std::thread::spawn(move || portus_daemon::run(settings, home, |_| sender.send(()).unwrap()));
        match ready.recv_timeout(PATIENCE) {
            Ok(()) => Self { folder, thread: Some(thread) },
            Err(_) => panic!("the daemon did not start: {:?}", thread.join()),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.folder.path())
    }

    /// Waits until the daemon has ended by itself.
    pub(crate) fn join(&mut self) -> Result<(), DaemonError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            assert!(matches!(self.client().call(Call::Stop), Ok(Reply::Done)));
            self.join().unwrap();
        }
    }
}

/// A connection that has not said hello.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    decoder: Decoder,
}

impl Raw {
    pub(crate) fn connect(home: &Path) -> Self {
        let stream = UnixStream::connect(Home::at(home).socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, decoder: Decoder::new() }
    }

    /// Sends a payload as a frame.
    pub(crate) fn send(&mut self, payload: &str) {
        let mut frame = Vec::new();
        portus_proto::frame::encode(payload.as_bytes(), &mut frame).unwrap();
        self.stream.write_all(&frame).unwrap();
    }

    /// The next payload; `None` when the daemon has closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(payload) = self.decoder.next_frame().unwrap() {
                return Some(payload.to_vec());
            }
            match self.stream.read(self.decoder.spare()) {
                Ok(0) => return None,
                Ok(len) => self.decoder.filled(len),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the daemon says nothing: {error}"),
            }
        }
    }

    pub(crate) fn greeting(&mut self) -> Greeting {
        codec::decode_greeting(&self.receive().expect("no greeting")).unwrap()
    }
}

/// A client that has been greeted.
pub(crate) struct Client {
    pub(crate) raw: Raw,
    pub(crate) welcome: Welcome,
    next: u64,
    /// What came while something else was waited for.
    early: Vec<ServerFrame>,
}

impl Client {
    pub(crate) fn connect(home: &Path) -> Self {
        Self::connect_with(home, "", Codec::Json)
    }

    pub(crate) fn connect_with(home: &Path, build: &str, codec: Codec) -> Self {
        let mut raw = Raw::connect(home);
        let hello = Hello { protocol: PROTOCOL_VERSION, build: build.to_owned(), codec, network: None };
        let mut frame = Vec::new();
        codec::encode_hello(&hello, &mut frame).unwrap();
        raw.stream.write_all(&frame).unwrap();
        match raw.greeting() {
            Greeting::Welcome(welcome) => Self { raw, welcome, next: 1, early: Vec::new() },
            Greeting::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    /// Sends a call, and does not wait for its answer.
    pub(crate) fn send(&mut self, call: Call) -> u64 {
        let [id] = self.send_together([call]);
        id
    }

    /// Sends calls in one write, so that the daemon takes them in as one batch.
    pub(crate) fn send_together<const COUNT: usize>(&mut self, calls: [Call; COUNT]) -> [u64; COUNT] {
        let mut frames = Vec::new();
        let ids = calls.map(|call| {
            let id = self.next;
            self.next += 1;
            codec::encode_client(self.welcome.codec, &ClientFrame { id, call }, &mut frames).unwrap();
            id
        });
        self.raw.stream.write_all(&frames).unwrap();
        ids
    }

    /// The next frame; `None` when the connection is over.
    pub(crate) fn frame(&mut self) -> Option<ServerFrame> {
        if !self.early.is_empty() {
            return Some(self.early.remove(0));
        }
        let payload = self.raw.receive()?;
        Some(codec::decode_server(self.welcome.codec, &payload).unwrap())
    }

    /// The first frame that `pick` takes; others are kept for later.
    fn pick<T>(&mut self, pick: impl Fn(&ServerFrame) -> Option<T>) -> T {
        let mut passed = Vec::new();
        loop {
            let frame = self.frame().unwrap_or_else(|| panic!("the connection is over, after {passed:?}"));
            if let Some(found) = pick(&frame) {
                self.early.splice(..0, passed);
                return found;
            }
            passed.push(frame);
        }
    }

    pub(crate) fn answer(&mut self, id: u64) -> Result<Reply, Refusal> {
        self.pick(|frame| match frame {
            ServerFrame::Reply(ReplyFrame { id: answered, outcome }) if *answered == id => {
                Some(match outcome.clone() {
                    Outcome::Ok(reply) => Ok(reply),
                    Outcome::Refused(refusal) => Err(refusal),
                })
            }
            _ => None,
        })
    }

    pub(crate) fn event(&mut self) -> Event {
        self.pick(|frame| match frame {
            ServerFrame::Event(event) => Some(event.clone()),
            _ => None,
        })
    }

    /// The goodbye; the connection is over after it.
    pub(crate) fn goodbye(&mut self) -> Refusal {
        let said = self.pick(|frame| match frame {
            ServerFrame::Goodbye(refusal) => Some(refusal.clone()),
            _ => None,
        });
        assert!(self.frame().is_none(), "something follows the goodbye");
        said
    }

    pub(crate) fn call(&mut self, call: Call) -> Result<Reply, Refusal> {
        let id = self.send(call);
        self.answer(id)
    }

    pub(crate) fn leases(&mut self, call: Call) -> LeasesReply {
        leases(self.call(call))
    }

    pub(crate) fn request(&mut self, request: RequestCall) -> portus_proto::Lease {
        self.leases(Call::Request(request)).leases.remove(0)
    }

    pub(crate) fn list(&mut self) -> ListingReply {
        match self.call(Call::List(ListCall { scope: Scope::All, ended: false, after: None })) {
            Ok(Reply::Listing(listing)) => listing,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn release(&mut self, lease: &portus_proto::Lease) {
        self.leases(release(lease));
    }
}

pub(crate) fn leases(outcome: Result<Reply, Refusal>) -> LeasesReply {
    match outcome {
        Ok(Reply::Leases(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn key(worktree: &str, service: &str) -> Key {
    let service: ServiceName = service.parse().unwrap();
    Key { project: "shop".to_owned(), worktree: worktree.to_owned(), service }
}

pub(crate) fn ask(key: Key) -> Ask {
    Ask {
        key,
        claim_only: false,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool: None,
        fallback: None,
        expand: None,
        sequential: false,
        linked: None,
        exclude: Vec::new(),
    }
}

pub(crate) fn request(asks: Vec<Ask>) -> RequestCall {
    RequestCall {
        asks,
        contiguous: false,
        holder: None,
        requester: Requester::default(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    }
}

/// A request for one service.
pub(crate) fn plain(worktree: &str, service: &str) -> RequestCall {
    request(vec![ask(key(worktree, service))])
}

/// A request that insists on one port.
pub(crate) fn strict(worktree: &str, port: Port, wait_ms: Option<u64>) -> RequestCall {
    let ask = Ask { preferred: Some(port), strict: true, ..ask(key(worktree, "web")) };
    RequestCall { wait_ms, ..request(vec![ask]) }
}

pub(crate) fn caller(worktree: &str) -> Caller {
    Caller { worktree: worktree.to_owned(), force: false }
}

pub(crate) fn release(lease: &portus_proto::Lease) -> Call {
    Call::Release(ReleaseCall { targets: vec![Target::Lease(lease.id)], caller: caller(&lease.worktree) })
}

/// A process of ours that is ended with its handle.
pub(crate) struct Helper {
    pub(crate) child: Child,
    pub(crate) said: String,
}

impl Helper {
    /// Starts this test program as `name`, and waits until it has said a line.
    pub(crate) fn start(name: &str, argument: &str, change: impl FnOnce(&mut Command)) -> Self {
        Self::start_as(&std::env::current_exe().unwrap(), name, argument, change)
    }

    /// The same, where `program` is another name of this test program.
    pub(crate) fn start_as(program: &Path, name: &str, argument: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(program);
        command.args(["--exact", "rig::helper", "--nocapture", "--test-threads=1"]);
        command.env(HELPER, name).env(ARGUMENT, argument).env_remove("PORTUS_LEASE");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().strip_prefix("said ").map(str::to_owned));
        Self { child, said: said.expect("the helper says nothing") }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what helper processes run.
#[test]
fn helper() {
    let Ok(name) = std::env::var(HELPER) else { return };
    let argument = std::env::var(ARGUMENT).unwrap();
    let say = |text: &str| {
        // Whatever the test harness has begun to write is in the line before.
        std::io::stdout().write_all(format!("\nsaid {text}\n").as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    };
    match name.as_str() {
        "daemon" => {
            let (pool, home) = argument.split_once(' ').unwrap();
            let settings = Settings { pool: pool.parse().unwrap(), ..Settings::default() };
            let outcome = portus_daemon::run(settings, Home::at(home), |_| say("ready"));
            // Nobody reads any more what the test harness would say.
            std::process::exit(i32::from(outcome.is_err()));
        }
        "listen" => {
            let listener = std::net::TcpListener::bind(argument).unwrap();
            say(&listener.local_addr().unwrap().port().to_string());
            wait_for_the_end();
            drop(listener);
        }
        "wait" => {
            say("waiting");
            wait_for_the_end();
        }
        other => panic!("no helper {other}"),
    }
}

fn wait_for_the_end() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
