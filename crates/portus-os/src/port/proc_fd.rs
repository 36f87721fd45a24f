//! Linux: `/proc/PID/fd`, read with descriptors of directories and without an allocation per file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, RawDir, openat, readlinkat_raw};

/// Room for the names of about two hundred descriptors per call.
const NAMES_LEN: usize = 8 * 1024;

/// Starting a thread costs about as much as looking at a few processes.
const PROCESSES_PER_THREAD: usize = 128;
const THREADS_MAX: usize = 4;

type Owners = BTreeMap<u64, Vec<u32>>;

pub(super) fn owners(inodes: &BTreeSet<u64>) -> Owners {
    let Some(proc) = open_proc() else { return Owners::new() };
    let mut pids = Vec::new();
    each_name(proc.as_fd(), |name| pids.extend(number(name.to_bytes()).and_then(|pid| u32::try_from(pid).ok())));
    owners_in(proc.as_fd(), &pids, inodes)
}

pub(super) fn owners_among(pids: impl IntoIterator<Item = u32>, inodes: &BTreeSet<u64>) -> Owners {
    let pids: Vec<u32> = pids.into_iter().collect();
    open_proc().map_or_else(Owners::new, |proc| owners_in(proc.as_fd(), &pids, inodes))
}

fn open_proc() -> Option<OwnedFd> {
    openat(rustix::fs::CWD, c"/proc", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Looks at the processes on several threads, where there are enough of both to be worth it.
fn owners_in(proc: BorrowedFd<'_>, pids: &[u32], inodes: &BTreeSet<u64>) -> Owners {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(THREADS_MAX).min(pids.len().div_ceil(PROCESSES_PER_THREAD)).max(1);
    let mut found = Owners::new();
    std::thread::scope(|scope| {
        let (own, others) = pids.split_at(pids.len().div_ceil(threads));
        let others: Vec<_> = others
            .chunks(own.len().max(1))
            .map(|share| (share, std::thread::Builder::new().spawn_scoped(scope, || sequentially(proc, share, inodes))))
            .collect();
        found = sequentially(proc, own, inodes);
        for (share, other) in others {
            // A thread that cannot be had leaves its share to this one.
            let theirs = other.ok().and_then(|thread| thread.join().ok());
            for (inode, pids) in theirs.unwrap_or_else(|| sequentially(proc, share, inodes)) {
                found.entry(inode).or_default().extend(pids);
            }
        }
    });
    for pids in found.values_mut() {
        pids.sort_unstable();
        pids.dedup();
    }
    found
}

fn sequentially(proc: BorrowedFd<'_>, pids: &[u32], inodes: &BTreeSet<u64>) -> Owners {
    let mut found = Owners::new();
    for &pid in pids {
        let path = format!("{pid}/fd");
        // Gone, or another user's: neither is ours to know.
        let Ok(folder) = openat(proc, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
            continue;
        };
        each_name(folder.as_fd(), |name| {
            if let Some(inode) = socket_inode(folder.as_fd(), name)
                && inodes.contains(&inode)
            {
                let pids = found.entry(inode).or_default();
                if pids.last() != Some(&pid) {
                    pids.push(pid);
                }
            }
        });
    }
    found
}

/// Hands every name in `folder` to `each`, as far as the folder can be read.
fn each_name(folder: BorrowedFd<'_>, mut each: impl FnMut(&CStr)) {
    let mut buffer = [MaybeUninit::uninit(); NAMES_LEN];
    let mut names = RawDir::new(folder, &mut buffer);
    while let Some(Ok(entry)) = names.next() {
        each(entry.file_name());
    }
}

/// The inode of the socket behind descriptor `name`; `None` when it is no socket.
fn socket_inode(folder: BorrowedFd<'_>, name: &CStr) -> Option<u64> {
    let mut buffer = [MaybeUninit::uninit(); 32];
    let (target, _) = readlinkat_raw(folder, name, &mut buffer).ok()?;
    number(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
