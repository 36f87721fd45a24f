//! What others do for the same need, where they are installed: Redis (SET NX EX over a Unix socket) and
//! Google's portserver.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::program;

/// How long a neighbour may take to start.
const START_MAX: Duration = Duration::from_secs(10);

/// Ends with whoever started it.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A connection to a Redis of our own.
pub(super) struct Redis {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
    server: Option<Server>,
}

impl Redis {
    pub(super) const WANTED: &str = "no redis-server (Debian: redis-server)";

    pub(super) fn start(dir: &Path, options: &[&str]) -> Option<Self> {
        let socket = dir.join("redis");
        let mut command = Command::new(program("redis-server")?);
        command.args(["--port", "0", "--daemonize", "no", "--unixsocket"]).arg(&socket).arg("--dir").arg(dir);
        let server = command.args(options).stdout(Stdio::null()).spawn().unwrap();
        let stream = BufReader::new(connected(&socket));
        Some(Self { socket, stream, server: Some(Server(server)) })
    }

    /// Another connection to the same.
    pub(super) fn another(&self) -> Self {
        let stream = BufReader::new(UnixStream::connect(&self.socket).unwrap());
        Self { socket: self.socket.clone(), stream, server: None }
    }

    /// Takes a key that nobody may have, for five minutes.
    pub(super) fn set(&mut self, key: &str) {
        let words = ["SET", key, "1", "NX", "EX", "300"];
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_line(&mut answer).unwrap();
        assert_eq!(answer, "+OK\r\n");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Google's portserver of our own, from PyPI's `portpicker`.
pub(super) struct Portserver {
    socket: PathBuf,
    _server: Server,
}

impl Portserver {
    pub(super) const WANTED: &str = "no portserver.py (PyPI: portpicker)";

    pub(super) fn start(dir: &Path) -> Option<Self> {
        let socket = dir.join("portserver");
        let _ = std::fs::remove_file(&socket);
        let mut command = Command::new(program("portserver.py")?);
        command.arg("--portserver_static_pool=15000-24999").arg("--portserver_unix_socket_address").arg(&socket);
        let server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        drop(connected(&socket));
        Some(Self { socket, _server: server })
    }

    /// A port for this process: a connection for each, as its clients do.
    pub(super) fn ask(&self) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.write_all(format!("{}\n", std::process::id()).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.trim().parse::<u16>().is_ok_and(|port| port != 0), "portserver said {answer:?}");
    }
}

/// A connection to a server that is about to listen. Neither of them says when it does.
fn connected(socket: &Path) -> UnixStream {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < START_MAX, "{}: {error}", socket.display()),
        }
        std::thread::yield_now();
    }
}
