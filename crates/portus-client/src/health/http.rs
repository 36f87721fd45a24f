//! One question over HTTP/1.1: as much of it as it takes to read a status and where a redirect leads.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::url::Url;
use super::{Asked, connect, left};

/// The most redirects that are followed.
const REDIRECTS_MAX: u32 = 5;
/// The longest head of an answer, in bytes.
const HEAD_LEN_MAX: usize = 16 * 1024;
/// How much of what follows the head is taken in, so that a server can finish what it writes, and for how long.
const REST: (usize, Duration) = (64 * 1024, Duration::from_millis(100));
/// How much of a place that is not followed is shown, in characters.
const SHOWN_LEN_MAX: usize = 120;

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    location: Option<String>,
}

/// Asks a URL, and follows its redirects as long as they stay on this machine. A status below 400 is as it should be:
/// so is a redirect to somewhere else, which is not followed.
pub(super) fn answers(mut url: Url, deadline: Instant) -> Asked {
    for _ in 0..=REDIRECTS_MAX {
        let head = match ask(&url, deadline) {
            Ok(head) => head,
            Err(why) => return Asked::unhealthy(why),
        };
        let said = format!("{url} answered {}", head.status);
        match head.location.filter(|_| matches!(head.status, 301 | 302 | 303 | 307 | 308)) {
            Some(location) => match url.join(&location) {
                Some(next) => url = next,
                None => {
                    let shown: String = location.chars().take(SHOWN_LEN_MAX).flat_map(char::escape_debug).collect();
                    return Asked::healthy(format!(
                        "{said}, to {shown}, which is not followed: no http URL on localhost"
                    ));
                }
            },
            None if head.status < 400 => return Asked::healthy(said),
            None => return Asked::unhealthy(said),
        }
    }
    Asked::unhealthy(format!("more than {REDIRECTS_MAX} redirects, the last to {url}"))
}

fn ask(url: &Url, deadline: Instant) -> Result<Head, String> {
    let mut stream = connect(url.addresses(), url.port, deadline).map_err(|why| format!("{url}: {why}"))?;
    let head = exchange(&mut stream, url, deadline).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("{url} took the connection, and gave no answer in time")
        }
        io::ErrorKind::UnexpectedEof => format!("{url} ended the connection without an answer"),
        io::ErrorKind::InvalidData => format!("{url} gave an answer that is no HTTP ({error})"),
        _ => format!("{url}: {error}"),
    })?;
    take_rest(&mut stream, deadline);
    Ok(head)
}

fn exchange(stream: &mut TcpStream, url: &Url, deadline: Instant) -> io::Result<Head> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: portus/{}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        url.path,
        url.authority(),
        env!("CARGO_PKG_VERSION")
    );
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(request.as_bytes())?;
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(end) = end_of_head(&read) {
            let head = parse(&read[..end])?;
            // What is said on the way to the answer is none.
            if !(100..200).contains(&head.status) {
                return Ok(head);
            }
            read.drain(..end);
        }
        if read.len() >= HEAD_LEN_MAX {
            return Err(no_http("its head does not end"));
        }
        if !b"HTTP/1.".starts_with(&read[..read.len().min(7)]) {
            return Err(no_http("it begins otherwise"));
        }
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut chunk) {
            Ok(0) if read.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(0) => return Err(no_http("it breaks off")),
            Ok(len) => read.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Where the first head ends, behind its empty line.
fn end_of_head(read: &[u8]) -> Option<usize> {
    let after = |line: &[u8]| read.windows(line.len()).position(|window| window == line).map(|at| at + line.len());
    match (after(b"\r\n\r\n"), after(b"\n\n")) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn parse(head: &[u8]) -> io::Result<Head> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).and_then(|rest| {
        let status = rest.split(' ').nth(1)?;
        status.parse().ok().filter(|status| status_is_possible(*status))
    });
    let status = status.ok_or_else(|| no_http("its first line has no status"))?;
    let named = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    };
    Ok(Head { status, location: lines.find_map(named) })
}

const fn status_is_possible(status: u16) -> bool {
    matches!(status, 100..=999)
}

fn no_http(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Lets the server finish, within bounds: a connection that is dropped on what has not been read ends with an error there.
fn take_rest(stream: &mut TcpStream, deadline: Instant) {
    let deadline = deadline.min(Instant::now() + REST.1);
    let mut chunk = [0; 4096];
    let mut taken = 0;
    while taken < REST.0 {
        let limited = left(deadline).and_then(|left| stream.set_read_timeout(Some(left)));
        match limited.and_then(|()| stream.read(&mut chunk)) {
            Ok(0) | Err(_) => return,
            Ok(len) => taken += len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_to_their_empty_line() {
        for (bytes, wanted) in [
            (&b"HTTP/1.1 200 OK\r\n\r\nbody"[..], Some((200, None))),
            (b"HTTP/1.0 204\r\nx: y\r\n\r\n", Some((204, None))),
            (b"HTTP/1.1 302 Found\nlOcAtIoN:  /x \n\nLocation: /body", Some((302, Some("/x")))),
            (b"HTTP/1.1 200 OK\r\nLocation: \xff\r\n\r\n", Some((200, Some("\u{fffd}")))),
            (b"HTTP/1.1 OK\r\n\r\n", None),
            (b"HTTP/1.1 2\r\n\r\n", None),
            (b"HTTP/1.1\r\n\r\n", None),
            (b"\r\n\r\n", None),
        ] {
            let end = end_of_head(bytes).unwrap();
            let head = parse(&bytes[..end]).ok();
            let wanted = wanted.map(|(status, location)| Head { status, location: location.map(str::to_owned) });
            assert_eq!(head, wanted, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(end_of_head(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
