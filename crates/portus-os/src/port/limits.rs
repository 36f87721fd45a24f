//! What the system reserves and allows: the ephemeral range, descriptors, the network namespace.

use std::io;

use portus_core::PortRange;

/// The range from which the system draws source ports and `bind(0)`; `None` where it is unknown.
#[cfg(target_os = "linux")]
#[must_use]
pub fn ephemeral_range() -> Option<PortRange> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut numbers = text.split_ascii_whitespace();
    PortRange::new(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?).ok()
}

/// The range from which the system draws source ports and `bind(0)`; `None` where it is unknown.
#[cfg(target_os = "macos")]
#[must_use]
pub fn ephemeral_range() -> Option<PortRange> {
    let port = |name| {
        let number = crate::place::sysctl_number(name)?;
        u16::try_from(number).ok().and_then(portus_core::Port::new)
    };
    PortRange::new(port(c"net.inet.ip.portrange.first")?, port(c"net.inet.ip.portrange.last")?).ok()
}

/// The range from which the system draws source ports and `bind(0)`; `None` where it is unknown.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[must_use]
pub fn ephemeral_range() -> Option<PortRange> {
    None
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
        assert!(ephemeral_range().unwrap().contains(portus_core::Port::new(drawn).unwrap()));
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
