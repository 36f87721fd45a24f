//! Which boot of the machine this is.

use portus_core::BootId;

/// Names this boot of this machine; the same until it is started anew. Zero where the system
/// does not say, so that no two readings ever claim a reboot that was none.
#[cfg(target_os = "linux")]
#[must_use]
pub fn boot_id() -> BootId {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| BootId::default(), |text| parse(&text))
}

/// Names this boot of this machine; the same until it is started anew.
#[cfg(target_os = "macos")]
#[must_use]
pub fn boot_id() -> BootId {
    let mut text = [0_u8; 64];
    sysctl(c"kern.bootsessionuuid", &mut text)
        .and_then(|len| text.get(..len))
        .map_or_else(BootId::default, |text| parse(&String::from_utf8_lossy(text)))
}

/// Names this boot of this machine; the same until it is started anew.
///
/// The loader counts boots in the page that the system shares with every process
/// (`KUSER_SHARED_DATA.BootId`). A time of boot computed from the clock would move with it.
#[cfg(windows)]
#[expect(unsafe_code, reason = "the shared page is at a fixed address")]
#[must_use]
pub fn boot_id() -> BootId {
    const SHARED_BOOT_ID: *const u32 = (0x7FFE_0000 + 0x2C4) as *const u32;
    // SAFETY: the page is mapped, readable, into every process of Windows 8 and later.
    BootId(u128::from(unsafe { SHARED_BOOT_ID.read_volatile() }))
}

/// Takes the hexadecimal digits of a UUID.
#[cfg(unix)]
fn parse(uuid: &str) -> BootId {
    let digits: String = uuid.chars().filter(char::is_ascii_hexdigit).collect();
    digits.parse().unwrap_or_default()
}

/// A whole number that the kernel keeps under `name`.
#[cfg(target_os = "macos")]
pub(crate) fn sysctl_number(name: &std::ffi::CStr) -> Option<i32> {
    let mut bytes = [0_u8; 4];
    (sysctl(name, &mut bytes)? == bytes.len()).then(|| i32::from_ne_bytes(bytes))
}

/// Fills `value` with what the kernel keeps under `name`, and returns its length.
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "rustix has no sysctl")]
fn sysctl(name: &std::ffi::CStr, value: &mut [u8]) -> Option<usize> {
    let mut len = value.len();
    // SAFETY: `value` is writable for `len` bytes, `name` ends with a zero, nothing is set.
    let code =
        unsafe { libc::sysctlbyname(name.as_ptr(), value.as_mut_ptr().cast(), &raw mut len, std::ptr::null_mut(), 0) };
    (code == 0).then_some(len)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn one_boot_has_one_name() {
        assert_ne!(boot_id(), BootId::default());
        assert_eq!(boot_id(), boot_id());
    }

    #[test]
    fn a_uuid_is_read_as_its_digits() {
        assert_eq!(parse("00000000-0000-0000-0000-0000000000ff\n"), BootId(255));
        assert_eq!(parse("nonsense without"), parse("nonsense without"));
        assert_eq!(parse(""), BootId::default());
    }
}
