//! What this machine is called.

/// The name that programs of this machine give it, as the system keeps it: no other machine is asked. `None` where it
/// has none that is text.
#[must_use]
pub fn host_name() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_str().ok().map(ToOwned::to_owned);
    #[cfg(windows)]
    let name = std::env::var("COMPUTERNAME").ok();
    name.filter(|name| !name.is_empty())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_kernel_s() {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(host_name().unwrap_or_default(), name.trim_end());
    }
}
