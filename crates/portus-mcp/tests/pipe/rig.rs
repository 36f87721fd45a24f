//! A daemon, worktrees and servers of one test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use portus_client::{Client, Options};
use portus_mcp::{Connect, Setup};
use portus_os::place::Home;
use portus_proto::Requester;

pub(crate) struct Rig {
    dir: tempfile::TempDir,
    home: Home,
    daemon: Option<JoinHandle<()>>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        // Directly below the system's temporary directory: a socket's path must stay short.
        let dir = tempfile::Builder::new().prefix("portus-mcp-").tempdir().unwrap();
        let home = Home::at(dir.path().join("daemon"));
        let (sender, receiver) = mpsc::channel();
        let of_daemon = home.clone();
        let daemon = std::thread::spawn(move || {
            let settings = portus_daemon::Settings::default();
            portus_daemon::run(settings, of_daemon, |_| sender.send(()).unwrap()).unwrap();
        });
        receiver.recv().unwrap();
        Self { dir, home, daemon: Some(daemon) }
    }

    /// A project's directory. Its name decides where ports are looked for: each test has its own.
    pub(crate) fn project(&self, name: &str) -> PathBuf {
        let path = self.dir.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(path.join(".git/objects")).unwrap();
        std::fs::create_dir_all(path.join(".git/refs")).unwrap();
        std::fs::write(path.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        path
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.home, self.options()).unwrap()
    }

    pub(crate) fn options(&self) -> Options {
        Options { autostart: false, ..Options::default() }
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) fn setup(&self, current_dir: &Path) -> Setup {
        let (home, options) = (self.home.clone(), self.options());
        let connect: Connect = Arc::new(move || Client::connect(&home, options.clone()));
        Setup {
            connect,
            current_dir: current_dir.to_owned(),
            home_dir: Some(self.root()),
            project_dir: None,
            requester: Requester {
                command: "agent".to_owned(),
                session: Some("s-1".to_owned()),
                ..Requester::default()
            },
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Ok(mut client) = Client::connect(&self.home, self.options()) {
            drop(client.stop());
        }
        drop(self.daemon.take().map(JoinHandle::join));
    }
}

/// A server on a port, in a directory, until it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
}

impl Server {
    pub(crate) fn start(dir: &Path, port: u64) -> Self {
        let script = dir.join("server.py");
        std::fs::write(
            &script,
            "import socket, sys\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
             s.bind(('127.0.0.1', int(sys.argv[1])))\ns.listen()\nprint('up', flush=True)\nsys.stdin.read()\n",
        )
        .unwrap();
        let mut command = Command::new("python3");
        command.arg(script).arg(port.to_string()).current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        Self { child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u64 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().into()
}
