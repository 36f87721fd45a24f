//! What the system reserves and allows: ephemeral ports, descriptors, the network namespace.

use std::io;

use portus_core::PortRange;

/// Ports that the system gives to whoever asks for any: source ports and `bind(0)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EphemeralPorts {
    /// Where it draws them from.
    pub range: PortRange,
    /// What it leaves out, in ascending order, because an administrator reserved it.
    reserved: Vec<PortRange>,
}

impl EphemeralPorts {
    /// Asks the system afresh; `None` where it does not tell.
    #[must_use]
    pub fn read() -> Option<Self> {
        Some(Self { range: ephemeral_range()?, reserved: reserved_ports() })
    }

    /// Whether it may draw one of these.
    #[must_use]
    pub fn may_draw_from(&self, range: PortRange) -> bool {
        let last = self.range.last().min(range.last());
        let mut next = Some(self.range.first().max(range.first()));
        for reserved in &self.reserved {
            match next {
                Some(port) if reserved.contains(port) => next = reserved.last().checked_add(1),
                _ => {}
            }
        }
        next.is_some_and(|next| next <= last)
    }

    /// The command that keeps the system from drawing ports of `range`, besides all that is reserved already; `None`
    /// where there is none.
    #[must_use]
    pub fn reservation(&self, range: PortRange) -> Option<String> {
        let all: Vec<String> = self.reserved.iter().chain([&range]).map(ToString::to_string).collect();
        cfg!(target_os = "linux").then(|| format!("sysctl net.ipv4.ip_local_reserved_ports={}", all.join(",")))
    }
}

#[cfg(target_os = "linux")]
fn ephemeral_range() -> Option<PortRange> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut numbers = text.split_ascii_whitespace();
    PortRange::new(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?).ok()
}

#[cfg(target_os = "macos")]
fn ephemeral_range() -> Option<PortRange> {
    let port = |name| {
        let number = crate::place::sysctl_number(name)?;
        u16::try_from(number).ok().and_then(portus_core::Port::new)
    };
    PortRange::new(port(c"net.inet.ip.portrange.first")?, port(c"net.inet.ip.portrange.last")?).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn ephemeral_range() -> Option<PortRange> {
    None
}

/// A sandbox may hide the list; then nothing counts as reserved.
fn reserved_ports() -> Vec<PortRange> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_reserved_ports")
        .map_or_else(|_| Vec::new(), |text| parse(&text))
}

/// The kernel's way to write ports, such as `8080,50000-51000`. What makes no sense is left out.
fn parse(list: &str) -> Vec<PortRange> {
    let range = |item: &str| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        PortRange::new(first.parse().ok()?, last.parse().ok()?).ok()
    };
    let mut ranges: Vec<PortRange> = list.trim().split(',').filter_map(range).collect();
    ranges.sort();
    ranges
}

/// Raises this process's limit of open descriptors as far as it may, and returns the limit.
///
/// # Errors
/// When the system refuses.
#[cfg(unix)]
pub fn raise_descriptor_limit() -> io::Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // macOS refuses more than OPEN_MAX (10240), even where the hard limit says "no limit".
    let hard = if cfg!(target_os = "macos") {
        Some(limit.maximum.map_or(10_240, |hard| hard.min(10_240)))
    } else {
        limit.maximum
    };
    if limit.current != hard {
        setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: limit.maximum })?;
    }
    Ok(hard.unwrap_or(u64::MAX))
}

/// Raises this process's limit of open descriptors as far as it may, and returns the limit.
/// Windows has none for sockets.
///
/// # Errors
/// Never, here.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Names the network namespace of this process. Ports mean something to two processes only if
/// both give the same name. `"0"` where there are no namespaces, or none can be read.
#[must_use]
pub fn network_namespace() -> String {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata("/proc/self/ns/net").map_or_else(|_| "0".to_owned(), |namespace| namespace.ino().to_string())
    }
    #[cfg(not(target_os = "linux"))]
    "0".to_owned()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_ephemeral_range_is_where_any_port_is_drawn_from() {
        let drawn = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let ephemeral = EphemeralPorts::read().unwrap();
        let drawn = portus_core::Port::new(drawn).unwrap();
        assert!(ephemeral.range.contains(drawn));
        assert!(ephemeral.may_draw_from(PortRange::new(drawn, drawn).unwrap()));
    }

    #[test]
    fn what_is_reserved_is_not_drawn() {
        let range = |text: &str| text.parse::<PortRange>().unwrap();
        let ephemeral = |reserved: &str| EphemeralPorts { range: range("32768-60999"), reserved: parse(reserved) };
        let whole = range("50000-51000");
        for (reserved, is_drawn) in [
            ("", true),
            ("\n", true),
            ("50000-51000\n", false),
            ("8080,40000-55000,60000\n", false),
            ("50500-51000,50000-50499\n", false),
            ("50000-50999\n", true),
            ("50001-51000\n", true),
            ("50000-50400,50402-51000\n", true),
            ("nonsense,70000,9-3,-,50000-51000\n", false),
        ] {
            assert_eq!(ephemeral(reserved).may_draw_from(whole), is_drawn, "{reserved:?}");
        }
        let none = ephemeral("");
        assert!(!none.may_draw_from(range("20000-29999")) && !none.may_draw_from(range("61000-65535")));
        assert!(none.may_draw_from(range("60999-65535")) && none.may_draw_from(range("1-32768")));
        assert!(!ephemeral("32768-32800").may_draw_from(range("1-32800")), "the rest is not ephemeral");
        assert!(!ephemeral("50000-65535").may_draw_from(range("50000-65535")), "there is no port behind the last");
    }

    #[test]
    fn what_is_reserved_already_stays_so() {
        let ephemeral = EphemeralPorts { range: "32768-60999".parse().unwrap(), reserved: parse("8080,40000-40010\n") };
        let command = "sysctl net.ipv4.ip_local_reserved_ports=8080,40000-40010,50000-51000";
        assert_eq!(ephemeral.reservation("50000-51000".parse().unwrap()).as_deref(), Some(command));
    }

    #[test]
    fn the_limit_of_descriptors_is_raised_once() {
        let limit = raise_descriptor_limit().unwrap();
        assert_eq!(raise_descriptor_limit().unwrap(), limit);
        assert_eq!(rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX), limit);
    }

    #[test]
    fn the_network_namespace_has_a_name() {
        assert!(network_namespace().parse::<u64>().unwrap() > 0);
    }
}
