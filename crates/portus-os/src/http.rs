//! One question over HTTP on a Unix socket: how Docker and its like are asked.

use std::io;
use std::path::Path;
use std::time::Duration;

/// Asks for `path` at `socket`, and returns what the answer holds if its status is 200. All of it takes no longer than
/// `within`, and is no longer than `len_max` bytes.
///
/// # Errors
/// When nobody serves the socket, its user keeps us out, the answer is late, too long, or another than 200.
#[cfg(unix)]
pub fn get(socket: &Path, path: &str, within: Duration, len_max: usize) -> io::Result<Vec<u8>> {
    use std::io::{Read as _, Write as _};
    use std::time::Instant;

    let deadline = Instant::now() + within;
    let left = || match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::Error::from(io::ErrorKind::TimedOut)),
        left => Ok(left),
    };
    let mut stream = crate::place::connect_to(socket, within)?;
    stream.set_write_timeout(Some(left()?))?;
    // To a question of this version the answer ends with the connection, and comes in one piece.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    loop {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut chunk) {
            Ok(0) => return body(answer),
            Ok(len) => answer.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if answer.len() > len_max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
        }
    }
}

/// As on Unix; nobody is asked so here.
///
/// # Errors
/// Always.
#[cfg(windows)]
pub fn get(_socket: &Path, _path: &str, _within: Duration, _len_max: usize) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn body(mut answer: Vec<u8>) -> io::Result<Vec<u8>> {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
    let end = end.filter(|_| answer.starts_with(b"HTTP/1.") && answer.get(8..12) == Some(b" 200"));
    let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP with status 200"))?;
    Ok(answer.split_off(end + END_OF_HEAD.len()))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    /// Asks a server that gives this answer, and then ends the connection or waits until the asker does.
    fn asked(answer: &'static [u8], waits: bool) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; 1024];
            let len = stream.read(&mut question).unwrap();
            assert!(question[..len].starts_with(b"GET /x HTTP/1.0\r\n"));
            // Whoever has heard enough ends the connection.
            let _ = stream.write_all(answer);
            if waits {
                let _ = stream.read(&mut question);
            }
        });
        let within = if waits { Duration::from_millis(50) } else { Duration::from_secs(20) };
        let outcome = get(&path, "/x", within, 64);
        server.join().unwrap();
        outcome
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        assert_eq!(asked(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n[1]", false).unwrap(), b"[1]");
        for bad in [&b"HTTP/1.0 404 No\r\n\r\n[]"[..], b"HTTP/1.0 200 OK\r\n", b"", b"hello\r\n\r\n 200", &[b'x'; 100]]
        {
            assert_eq!(asked(bad, false).unwrap_err().kind(), io::ErrorKind::InvalidData, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn who_does_not_come_to_an_end_is_not_waited_for() {
        let error = asked(b"HTTP/1.0 200 OK\r\n\r\n[", true).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{error}");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = get(&folder.path().join("none"), "/x", Duration::from_secs(1), 64).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
