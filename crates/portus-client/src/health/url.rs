//! The URLs that may be asked: plain http, on this machine, without a look at any resolver.

use std::fmt::{self, Display};
use std::net::IpAddr;

use super::LOOPBACK;

/// An http URL of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// As it was written, for the `Host` header; with brackets around an IPv6 address.
    host: String,
    /// The address that is meant; both of the loopback's for a name.
    address: Option<IpAddr>,
    /// The port.
    pub(super) port: u16,
    /// Path and query, starting with `/`.
    pub(super) path: String,
}

impl Url {
    /// Reads one. `None` where it is not plain http, or not certain to be this machine.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_at_checked(7)?;
        if !scheme.eq_ignore_ascii_case("http://") || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // Who writes `localhost@elsewhere` or `localhost\@elsewhere` wants it to be misread.
        if authority.contains(['@', '\\', '%']) {
            return None;
        }
        let bracketed = authority.find(']').map_or(0, |end| end + 1);
        let (host, port) = match authority[bracketed..].find(':') {
            Some(colon) => (&authority[..bracketed + colon], &authority[bracketed + colon + 1..]),
            None => (authority, "80"),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let address = address(host)?;
        Some(Self { host: host.to_ascii_lowercase(), address, port, path: absolute(path) })
    }

    /// Where this points to when it stands in an answer from here; `None` where that is not this machine.
    pub(super) fn join(&self, location: &str) -> Option<Self> {
        // A scheme, before anything that is part of a path.
        let has_scheme = location.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':'));
        if has_scheme {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("http:{location}"));
        }
        if location.contains('\\') {
            return None;
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let path = match location.chars().next() {
            Some('/') => location.to_owned(),
            Some('?') => format!("{path}{location}"),
            _ => format!("{}{location}", path.rsplit_once('/').map_or("/", |(dir, _)| &path[..=dir.len()])),
        };
        Self::parse(&format!("http://{}:{}{path}", self.host, self.port))
    }

    /// The addresses to try, in this order.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        self.address.as_ref().map_or(&LOOPBACK, std::slice::from_ref)
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

/// The address of a host of this machine, if it is one; none in particular for a name.
fn address(host: &str) -> Option<Option<IpAddr>> {
    let lower = host.to_ascii_lowercase();
    let is_name = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    // Names below `localhost` are the loopback's by RFC 6761.
    if lower == "localhost" || lower.strip_suffix(".localhost").is_some_and(|part| !part.is_empty() && is_name(part)) {
        return Some(None);
    }
    let literal = match lower.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => IpAddr::V6(inner.parse().ok()?),
        None => IpAddr::V4(lower.parse().ok()?),
    };
    literal.to_canonical().is_loopback().then_some(Some(literal))
}

/// Path and query as they are asked for: without the fragment, which is the reader's.
fn absolute(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_read() {
        for (text, wanted) in [
            ("http://localhost", Some("http://localhost:80/")),
            ("HTTP://LocalHost:3000/Health?x#y", Some("http://localhost:3000/Health?x")),
            ("http://127.0.0.1:1?x", Some("http://127.0.0.1:1/?x")),
            ("http://127.9.9.9/", Some("http://127.9.9.9:80/")),
            ("http://[::1]:8/", Some("http://[::1]:8/")),
            ("http://[::ffff:127.0.0.1]:8/", Some("http://[::ffff:127.0.0.1]:8/")),
            ("http://shop.localhost:8/", Some("http://shop.localhost:8/")),
            ("https://localhost/", None),
            ("http://example.com/", None),
            ("http://192.0.2.1/", None),
            ("http://0.0.0.0/", None),
            ("http://[::]/", None),
            ("http://[fe80::1]/", None),
            ("http://2130706433/", None),
            ("http://127.1/", None),
            ("http://localhost.example.com/", None),
            ("http://notlocalhost/", None),
            ("http://.localhost/", None),
            ("http://localhost:80@example.com/", None),
            ("http://localhost@example.com/", None),
            ("http://localhost\\@example.com/", None),
            ("http://localhost:0/", None),
            ("http://localhost:+8/", None),
            ("http://localhost:65536/", None),
            ("http://localhost:8/a b", None),
            ("http://localhost:8/a\r\nX: y", None),
            ("http://", None),
            ("http:/", None),
            ("/health", None),
            ("", None),
        ] {
            assert_eq!(Url::parse(text).map(|url| url.to_string()).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn what_an_answer_points_to_is_read_from_where_it_came() {
        let here = Url::parse("http://localhost:3000/a/b?c").unwrap();
        for (location, wanted) in [
            ("/x", Some("http://localhost:3000/x")),
            ("x?y", Some("http://localhost:3000/a/x?y")),
            ("?z", Some("http://localhost:3000/a/b?z")),
            ("", Some("http://localhost:3000/a/")),
            ("http://[::1]:8/", Some("http://[::1]:8/")),
            ("//localhost:9/x", Some("http://localhost:9/x")),
            ("/x?to=http://example.com/", Some("http://localhost:3000/x?to=http://example.com/")),
            ("//example.com/x", None),
            ("\\\\example.com/x", None),
            ("/\\example.com/x", None),
            ("http://192.0.2.1/", None),
            ("https://localhost:3000/", None),
            ("file:///etc/passwd", None),
            ("javascript:x", None),
        ] {
            assert_eq!(here.join(location).map(|url| url.to_string()).as_deref(), wanted, "{location}");
        }
    }
}
