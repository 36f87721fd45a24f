//! The user this process acts as, and where the user database says they live.

use std::path::PathBuf;

/// Who this process acts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The effective user id; zero on Windows, where users have no such number.
    pub uid: u32,
    /// The name in the user database; the number as text for a user who is not in it.
    pub name: String,
}

/// Who this process acts as.
#[must_use]
pub fn user() -> User {
    let uid = uid();
    let name = account(uid).map_or_else(|| uid.to_string(), |account| account.name);
    User { uid, name }
}

/// The user who became root by `sudo`, when this process is such a root.
#[must_use]
pub fn sudo_user() -> Option<String> {
    (cfg!(unix) && uid() == 0).then(|| std::env::var("SUDO_USER").ok()).flatten().filter(|name| !name.is_empty())
}

/// An entry of the user database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    /// The home directory; `None` when the entry has none that is absolute.
    pub(super) home: Option<PathBuf>,
}

#[cfg(unix)]
pub(super) fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Looks a user up by number, not through the environment, which sandboxes strip or move.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the user database is reached through the C library only")]
pub(super) fn account(uid: u32) -> Option<Account> {
    use std::ffi::{CStr, OsStr};
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt as _;

    /// Entries are far smaller; some directories' names are long.
    const ENTRY_LEN_MAX: usize = 1024 * 1024;
    let mut buffer: Vec<libc::c_char> = vec![0; 4 * 1024];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut result = std::ptr::null_mut();
        // SAFETY: all pointers are to live memory of the stated sizes, and outlive the call.
        let code =
            unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len(), &raw mut result) };
        if code == libc::ERANGE && buffer.len() < ENTRY_LEN_MAX {
            buffer.resize(buffer.len() * 4, 0);
            continue;
        }
        if code != 0 || result.is_null() {
            return None;
        }
        // SAFETY: the call succeeded and found an entry, so `entry` is filled.
        let entry = unsafe { entry.assume_init() };
        if entry.pw_name.is_null() || entry.pw_dir.is_null() {
            return None;
        }
        // SAFETY: both point to texts that end with a zero, within `buffer`, which lives.
        let (name, home) = unsafe { (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir)) };
        let home = PathBuf::from(OsStr::from_bytes(home.to_bytes()));
        return Some(Account { name: name.to_string_lossy().into_owned(), home: home.is_absolute().then_some(home) });
    }
}

#[cfg(windows)]
pub(super) fn uid() -> u32 {
    0
}

/// On Windows the name is the environment's: it is shown and hashed, and decides nothing.
#[cfg(windows)]
pub(super) fn account(_uid: u32) -> Option<Account> {
    let name = std::env::var("USERNAME").ok()?;
    Some(Account { name, home: None })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_user_database_names_this_user_and_their_home() {
        let me = user();
        assert_eq!(me.uid, rustix::process::geteuid().as_raw());
        assert!(!me.name.is_empty());
        if let Some(account) = account(me.uid) {
            assert_eq!(account.name, me.name);
        }
    }

    #[test]
    fn a_user_who_is_not_in_the_database_has_no_account() {
        assert_eq!(account(4_000_000_123), None);
    }
}
