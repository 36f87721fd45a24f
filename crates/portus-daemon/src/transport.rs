//! How clients reach the daemon: a socket on Unix, a named pipe on Windows. The one file of this
//! crate that differs between systems.

use std::io;

use portus_os::place::Home;
use tokio::io::{ReadHalf, WriteHalf};

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Whether it is the daemon's own user.
    pub(crate) welcome: bool,
    /// Its process, where the system says.
    pub(crate) pid: Option<u32>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Stream(system::Stream);

impl Stream {
    /// Says who is at the other end.
    ///
    /// # Errors
    /// When it is gone already.
    pub(crate) fn peer(&self) -> io::Result<Peer> {
        system::peer(&self.0)
    }

    /// The two directions.
    pub(crate) fn split(self) -> (ReadHalf<Inner>, WriteHalf<Inner>) {
        tokio::io::split(self.0)
    }
}

/// Where clients come in.
#[derive(Debug)]
pub(crate) struct Listener(system::Listener);

impl Listener {
    /// Listens at the home's place. Call it under the instance lock only: a socket that nobody
    /// serves is taken away first.
    ///
    /// # Errors
    /// When somebody serves there after all, or the system refuses.
    pub(crate) fn bind(home: &Home) -> io::Result<Self> {
        system::Listener::bind(home).map(Self)
    }

    /// The next client.
    ///
    /// # Errors
    /// When no descriptor is left, or the system refuses otherwise.
    pub(crate) async fn accept(&mut self) -> io::Result<Stream> {
        self.0.accept().await.map(Stream)
    }
}

pub(crate) use system::{Signals, Stream as Inner, keep_files_private, remove_socket};

#[cfg(unix)]
mod system {
    use super::{Home, Peer, io};
    use portus_os::place;
    use tokio::net::{UnixListener, UnixStream};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(crate) type Stream = UnixStream;

    pub(super) fn peer(stream: &Stream) -> io::Result<Peer> {
        let peer = place::peer(stream)?;
        Ok(Peer { welcome: peer.uid == own_uid(), pid: peer.pid })
    }

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[derive(Debug)]
    pub(super) struct Listener(UnixListener);

    impl Listener {
        pub(super) fn bind(home: &Home) -> io::Result<Self> {
            place::remove_stale_socket(home)?;
            UnixListener::from_std(place::bind(home)?).map(Self)
        }

        pub(super) async fn accept(&mut self) -> io::Result<Stream> {
            self.0.accept().await.map(|(stream, _)| stream)
        }
    }

    /// Takes the socket away, so that clients see at once that nobody serves.
    pub(crate) fn remove_socket(home: &Home) {
        // It is gone already, or the next daemon takes it away. One that somebody else has made since is
        // not ours: a connection to it would not be taken by us.
        let _ = place::remove_stale_socket(home);
    }

    /// Files made from here on are this user's alone.
    pub(crate) fn keep_files_private() {
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }

    /// The signals that ask the daemon to leave.
    pub(crate) struct Signals([Signal; 3]);

    impl Signals {
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self([
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::hangup())?,
            ]))
        }

        /// Waits for one of them, and names it.
        pub(crate) async fn next(&mut self) -> &'static str {
            let [terminate, interrupt, hangup] = &mut self.0;
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                _ = hangup.recv() => "SIGHUP",
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use super::{Home, Peer, io};
    use portus_os::place;
    use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

    pub(crate) type Stream = NamedPipeServer;

    /// The pipe's own access list lets nobody else open it for writing.
    #[expect(clippy::unnecessary_wraps, reason = "the same as on other systems")]
    pub(super) const fn peer(_stream: &Stream) -> io::Result<Peer> {
        Ok(Peer { welcome: true, pid: None })
    }

    #[derive(Debug)]
    pub(super) struct Listener {
        name: String,
        /// The instance that the next client takes. There is always one, so that nobody finds none.
        next: NamedPipeServer,
    }

    impl Listener {
        pub(super) fn bind(home: &Home) -> io::Result<Self> {
            let name = place::pipe_name(home);
            let next = ServerOptions::new().first_pipe_instance(true).create(&name)?;
            Ok(Self { name, next })
        }

        pub(super) async fn accept(&mut self) -> io::Result<Stream> {
            self.next.connect().await?;
            let fresh = ServerOptions::new().create(&self.name)?;
            Ok(std::mem::replace(&mut self.next, fresh))
        }
    }

    /// A pipe is gone with its last instance.
    pub(crate) const fn remove_socket(_home: &Home) {}

    /// Files inherit the access list of the user's profile.
    pub(crate) const fn keep_files_private() {}

    pub(crate) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "the same as on other systems")]
        pub(crate) const fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits for Ctrl-C.
        pub(crate) async fn next(&mut self) -> &'static str {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            "Ctrl-C"
        }
    }
}
