//! The limit: a frame of 100 bytes to another process and back over a Unix socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};

use super::myself;

const FRAME_LEN: usize = 100;

/// Answers every frame with itself, until the peer is gone. Its own process: `bench echo SOCKET`.
pub fn serve(socket: &Path) -> std::io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    writeln!(std::io::stdout(), "ready")?;
    let (mut peer, _) = listener.accept()?;
    let mut frame = [0; FRAME_LEN];
    while peer.read_exact(&mut frame).is_ok() {
        peer.write_all(&frame)?;
    }
    Ok(())
}

/// The other process, and a connection to it.
pub(super) struct Echo {
    server: Child,
    stream: UnixStream,
}

impl Echo {
    pub(super) fn start(dir: &Path) -> Self {
        let socket = dir.join("echo");
        let mut server = myself("echo").arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
        // Its first line says that it listens.
        server.stdout.take().unwrap().read_exact(&mut [0; 6]).unwrap();
        let stream = UnixStream::connect(&socket).unwrap();
        Self { server, stream }
    }

    pub(super) fn once(&mut self) {
        let mut frame = [7; FRAME_LEN];
        self.stream.write_all(&frame).unwrap();
        self.stream.read_exact(&mut frame).unwrap();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let _ = self.server.wait();
    }
}
