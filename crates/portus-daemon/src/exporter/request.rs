//! What a scraper asks for, and whether it may have it.

use std::net::{IpAddr, SocketAddr};

use portus_proto::prometheus::CONTENT_TYPE;

/// The longest head of a request, in bytes: a scraper's has a few hundred.
pub(super) const HEAD_LEN_MAX: usize = 8 * 1_024;
/// The most header fields of a request.
const FIELDS_MAX: usize = 64;

/// What is served.
const PATH: &str = "/metrics";

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The figures.
    Ok,
    /// This is no HTTP, or no whole request.
    Malformed,
    /// The name it asks for is none of this address: a page of somebody else's, perhaps.
    WrongHost,
    /// There is nothing else here.
    NotFound,
    /// It may only be read.
    NotAllowed,
    /// It took too long.
    TimedOut,
    /// It says too much.
    TooLong,
    /// The daemon does not come to it.
    Unavailable,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Malformed => "400 Bad Request",
            Self::WrongHost => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::TimedOut => "408 Request Timeout",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Ok => "",
            Self::Malformed => "This is no whole request of HTTP/1.",
            Self::WrongHost => "Ask for localhost, 127.0.0.1 or [::1], with the port.",
            Self::NotFound => "The figures are at /metrics, and there is nothing else here.",
            Self::NotAllowed => "Only GET is allowed.",
            Self::TimedOut => "The request did not come in time.",
            Self::TooLong => "The request is longer than it may be.",
            Self::Unavailable => "The daemon did not come to it; ask again.",
        }
    }
}

/// An answer, as it goes out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) body: String,
}

impl Answer {
    /// There are no figures, for this reason.
    pub(super) fn no(status: Status) -> Self {
        Self { status, body: format!("{}\n", status.sentence()) }
    }

    /// Head and body.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { status, body } = self;
        let kind = if *status == Status::Ok { CONTENT_TYPE } else { "text/plain; charset=utf-8" };
        let allow = if *status == Status::NotAllowed { "Allow: GET\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}Cache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            status.line(),
            body.len()
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

/// Whether the head of a request has come to its end.
pub(super) fn is_whole(head: &[u8]) -> bool {
    head.windows(4).any(|four| four == b"\r\n\r\n")
}

/// What becomes of a request to this address.
pub(super) fn judge(head: &[u8], address: SocketAddr) -> Status {
    if !is_whole(head) {
        return if head.len() > HEAD_LEN_MAX { Status::TooLong } else { Status::Malformed };
    }
    let Some((method, target, hosts)) = parse(head) else { return Status::Malformed };
    match hosts[..] {
        [host] if is_own(host, address) => {}
        [_] => return Status::WrongHost,
        _ => return Status::Malformed,
    }
    if method != "GET" {
        return Status::NotAllowed;
    }
    let path = target.split('?').next().unwrap_or_default();
    if path == PATH { Status::Ok } else { Status::NotFound }
}

/// Method, target, and every host that is named. `None` for what is no HTTP/1.
fn parse(head: &[u8]) -> Option<(&str, &str, Vec<&str>)> {
    let end = head.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(head.get(..end)?).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_sound = words.next().is_none()
        && matches!(version, "HTTP/1.1" | "HTTP/1.0")
        && !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && target.starts_with('/');
    if !is_sound {
        return None;
    }
    let fields: Vec<(&str, &str)> = lines.map(|line| line.split_once(':')).collect::<Option<_>>()?;
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if fields.len() > FIELDS_MAX || !fields.iter().all(|(name, _)| is_name(name)) {
        return None;
    }
    let hosts = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.trim());
    Some((method, target, hosts.collect()))
}

/// Whether a host is this address by one of the names that no name service decides about.
fn is_own(host: &str, address: SocketAddr) -> bool {
    let Some((name, port)) = host.rsplit_once(':') else { return false };
    if port != address.port().to_string() {
        return false;
    }
    let own = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    name.eq_ignore_ascii_case("localhost") || ["127.0.0.1", "[::1]", &own].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(head: &str) -> Status {
        judge(head.as_bytes(), "127.0.0.1:9464".parse().unwrap())
    }

    #[test]
    fn only_the_figures_are_served_and_only_to_who_asks_for_this_machine() {
        for (head, status) in [
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n", Status::Ok),
            ("GET /metrics HTTP/1.0\r\nhost:LOCALHOST:9464\r\nAccept: */*\r\n\r\n", Status::Ok),
            ("GET /metrics?name[]=x HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", Status::Ok),
            ("GET /metrics HTTP/1.1\r\nHost: rebound.example:9464\r\n\r\n", Status::WrongHost),
            ("GET /metrics HTTP/1.1\r\nHost: localhost.example:9464\r\n\r\n", Status::WrongHost),
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", Status::WrongHost),
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9465\r\n\r\n", Status::WrongHost),
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:09464\r\n\r\n", Status::WrongHost),
            ("GET /metrics HTTP/1.1\r\n\r\n", Status::Malformed),
            ("GET /metrics HTTP/1.1\r\nHost: localhost:9464\r\nHost: a.example:9464\r\n\r\n", Status::Malformed),
            ("POST /metrics HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", Status::NotAllowed),
            ("HEAD /metrics HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", Status::NotAllowed),
            ("GET / HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", Status::NotFound),
            ("GET /metrics/ HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", Status::NotFound),
            ("GET http://localhost:9464/metrics HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", Status::Malformed),
            ("GET /metrics HTTP/2.0\r\nHost: localhost:9464\r\n\r\n", Status::Malformed),
            ("GET /metrics\r\n\r\n", Status::Malformed),
            ("GET /metrics HTTP/1.1\r\nHost localhost:9464\r\n\r\n", Status::Malformed),
            ("GET /metrics HTTP/1.1\r\nHost : localhost:9464\r\n\r\n", Status::Malformed),
            ("get /metrics HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", Status::Malformed),
            ("\u{16}\u{3}\u{1}\r\n\r\n", Status::Malformed),
            ("GET /metrics HTTP/1.1\r\nHost: localhost:9464", Status::Malformed),
        ] {
            assert_eq!(judged(head), status, "{head:?}");
        }
        assert_eq!(judge(b"\xff\xfe\r\n\r\n", "127.0.0.1:9464".parse().unwrap()), Status::Malformed);
    }

    #[test]
    fn an_address_of_its_own_goes_by_that_as_well() {
        let judged = |host: &str, address: &str| {
            judge(format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(), address.parse().unwrap())
        };
        assert_eq!(judged("127.0.0.2:80", "127.0.0.2:80"), Status::Ok);
        assert_eq!(judged("127.0.0.3:80", "127.0.0.2:80"), Status::WrongHost);
        assert_eq!(judged("[::1]:80", "[::1]:80"), Status::Ok);
    }

    #[test]
    fn what_is_too_long_is_told_so() {
        let mut head = format!("GET /metrics HTTP/1.1\r\nHost: localhost:9464\r\nX: {}", "x".repeat(HEAD_LEN_MAX));
        assert_eq!(judged(&head), Status::TooLong);
        head = format!("GET /metrics HTTP/1.1\r\nHost: localhost:9464\r\n{}\r\n", "a: b\r\n".repeat(FIELDS_MAX));
        assert_eq!(judged(&head), Status::Malformed);
    }

    #[test]
    fn an_answer_says_what_it_is() {
        let told = |answer: Answer| String::from_utf8(answer.bytes()).unwrap();
        let yes = told(Answer { status: Status::Ok, body: "x 1\n".to_owned() });
        assert!(
            yes.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            "{yes}"
        );
        assert!(yes.contains("Content-Length: 4\r\n") && yes.ends_with("\r\n\r\nx 1\n"), "{yes}");
        let no = told(Answer::no(Status::NotAllowed));
        assert!(no.starts_with("HTTP/1.1 405 ") && no.contains("Allow: GET\r\n"), "{no}");
    }
}
