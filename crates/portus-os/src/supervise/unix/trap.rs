//! Signals as things to read: a handler notes the number and wakes whoever waits.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use libc::c_int;
use rustix::event::{PollFd, PollFlags, poll};

use crate::process::Signal;

/// What is caught. `SIGTTOU` is not among them but blocked: our own messages must not stop us while the
/// command has the terminal.
const TRAPPED: [c_int; 10] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGCONT,
    libc::SIGCHLD,
];
/// The bit of [`PENDING`] that stands for a [`Waker`]; no signal has the number 0.
const WOKEN: u64 = 1;

/// One bit for each signal that came and was not taken yet. The kernel also keeps no more than that.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// Where the handler writes a byte to wake the reader; -1 while there is none.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// The trapped signals that have our handler (the others were ignored from the start), as bits.
static HANDLED: AtomicU64 = AtomicU64::new(0);
/// The signals that were blocked before us, which is what a command of ours starts with.
static MASK_BEFORE: OnceLock<libc::sigset_t> = OnceLock::new();

/// Catches the signals that concern a supervisor, from the moment it is installed.
#[derive(Debug)]
pub struct SignalTrap {
    wake: OwnedFd,
    /// Kept open for the handler, which knows only its number.
    _write: OwnedFd,
}

/// Wakes a [`super::Supervisor`] out of its wait, from any thread.
#[derive(Debug, Clone, Copy)]
pub struct Waker(());

impl SignalTrap {
    /// Catches signals from here on; none that comes later is lost. To be called first of all, on the
    /// main thread, once. What was ignored when this process started (as under `nohup`) stays ignored.
    ///
    /// # Errors
    /// When it is installed already, or the system has no descriptor left.
    pub fn install() -> io::Result<Self> {
        let (wake, write) = rustix::pipe::pipe()?;
        for end in [&wake, &write] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(end, true)?;
        }
        if WAKE.compare_exchange(-1, write.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "signals are trapped already"));
        }
        let before = set_mask(libc::SIG_BLOCK, &set_of(&[libc::SIGTTOU]))?;
        MASK_BEFORE.get_or_init(|| before);
        for signal in TRAPPED {
            trap(signal)?;
        }
        set_mask(libc::SIG_UNBLOCK, &set_of(&TRAPPED))?;
        Ok(Self { wake, _write: write })
    }

    /// The signals that came and were not taken yet, without waiting. For use before there is a
    /// [`super::Supervisor`].
    #[must_use]
    pub fn take(&self) -> Vec<Signal> {
        self.take_raw().into_iter().filter_map(meaning_of).collect()
    }

    /// Waits for signals, for a program with a screen: it follows no command, and stops only by [`suspend_own_group`].
    /// A terminal at the standard input that is gone for good counts as [`Signal::Hangup`], sent or not.
    ///
    /// # Errors
    /// When the system cannot wait, which has no known cause.
    pub fn wait(&self) -> io::Result<Vec<Signal>> {
        let stdin = rustix::stdio::stdin();
        loop {
            // Nothing is asked of the input: what poll tells unasked is that it has been hung up.
            let mut waited = [PollFd::new(self, PollFlags::IN), PollFd::new(&stdin, PollFlags::empty())];
            match poll(&mut waited, None) {
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready?,
            };
            let mut signals: Vec<Signal> = self.take_raw().into_iter().filter_map(screen_meaning_of).collect();
            if waited.get(1).is_some_and(|stdin| !stdin.revents().is_empty()) {
                signals.push(Signal::Hangup);
            }
            if !signals.is_empty() {
                return Ok(signals);
            }
        }
    }

    /// Something that wakes the wait from another thread.
    #[must_use]
    pub const fn waker(&self) -> Waker {
        Waker(())
    }

    /// The numbers of the signals that came; 0 stands for a waker.
    pub(super) fn take_raw(&self) -> Vec<c_int> {
        // The bytes first: a signal after that leaves both its bit and a byte for the next time.
        let mut bytes = [0_u8; 256];
        while rustix::io::read(&self.wake, &mut bytes).is_ok_and(|length| length == bytes.len()) {}
        let pending = PENDING.swap(0, Ordering::SeqCst);
        (0..64).filter(|number| pending & (1 << number) != 0).collect()
    }
}

impl AsFd for SignalTrap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Waker {
    /// Ends the current or the next wait with [`super::super::Event::Woken`].
    pub fn wake(self) {
        note(WOKEN);
    }
}

/// What a signal means to a supervisor's owner; `None` for those that are its own affair.
pub(super) const fn meaning_of(number: c_int) -> Option<Signal> {
    match number {
        libc::SIGHUP => Some(Signal::Hangup),
        libc::SIGINT => Some(Signal::Interrupt),
        libc::SIGQUIT => Some(Signal::Quit),
        libc::SIGTERM => Some(Signal::Terminate),
        libc::SIGUSR1 => Some(Signal::User1),
        libc::SIGUSR2 => Some(Signal::User2),
        _ => None,
    }
}

/// What a signal means to a program with a screen, which must put the terminal back before it stops.
const fn screen_meaning_of(number: c_int) -> Option<Signal> {
    match number {
        libc::SIGTSTP => Some(Signal::Suspend),
        libc::SIGCONT => Some(Signal::Continue),
        other => meaning_of(other),
    }
}

/// Stops this process group as Ctrl-Z would, and returns when it is continued; at once if nobody could
/// continue it, for then the system does not stop it. For programs that have a [`SignalTrap`].
///
/// # Errors
/// When the system refuses, or has no such thing.
pub fn suspend_own_group() -> io::Result<()> {
    set_disposition(libc::SIGTSTP, libc::SIG_DFL)?;
    // On the main thread, the stop takes effect before this returns.
    let asked = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    trap(libc::SIGTSTP)?;
    // The signal that continued us is answered by whoever called this.
    PENDING.fetch_and(!(1 << libc::SIGCONT), Ordering::SeqCst);
    Ok(asked?)
}

/// Runs `spawn` such that no signal is handled between fork and exec: the child would note it in its copy
/// of our memory and forget it. It stays pending instead, and meets the command.
pub(super) fn with_signals_held<T>(spawn: impl FnOnce() -> T) -> io::Result<T> {
    let before = set_mask(libc::SIG_SETMASK, &full_set())?;
    let done = spawn();
    set_mask(libc::SIG_SETMASK, &before)?;
    Ok(done)
}

/// In the child, before exec: signals as they were before they were trapped. Only makes system calls.
pub(super) fn undo_in_child() -> io::Result<()> {
    let handled = HANDLED.load(Ordering::SeqCst);
    for signal in TRAPPED {
        if handled & (1 << signal) != 0 {
            set_disposition(signal, libc::SIG_DFL)?;
        }
    }
    let before = MASK_BEFORE.get().copied().unwrap_or_else(|| set_of(&[]));
    set_mask(libc::SIG_SETMASK, &before)?;
    Ok(())
}

fn trap(signal: c_int) -> io::Result<()> {
    let steers_us = matches!(signal, libc::SIGCHLD | libc::SIGCONT | libc::SIGWINCH);
    if !steers_us && disposition(signal)? == libc::SIG_IGN {
        return Ok(());
    }
    let handler: extern "C" fn(c_int) = on_signal;
    set_disposition(signal, handler as *const () as libc::sighandler_t)?;
    HANDLED.fetch_or(1 << signal, Ordering::SeqCst);
    Ok(())
}

extern "C" fn on_signal(number: c_int) {
    note(1 << number);
}

/// Notes the bits and wakes the reader. Safe in a handler: atomics and one `write`, with `errno` left as it was.
fn note(bits: u64) {
    PENDING.fetch_or(bits, Ordering::SeqCst);
    let write = WAKE.load(Ordering::SeqCst);
    if write >= 0 {
        let errno = errno();
        // A full pipe wakes as well as one more byte would.
        #[expect(unsafe_code, reason = "a handler has the pipe only as a number")]
        // SAFETY: one byte is read from a live buffer; a number that is no descriptor makes an error.
        let _ = unsafe { libc::write(write, [0_u8].as_ptr().cast(), 1) };
        set_errno(errno);
    }
}

impl Drop for SignalTrap {
    fn drop(&mut self) {
        WAKE.store(-1, Ordering::SeqCst);
        for signal in TRAPPED.into_iter().filter(|signal| HANDLED.load(Ordering::SeqCst) & (1 << signal) != 0) {
            // Nothing can be done about a refusal, and none is known.
            let _ = set_disposition(signal, libc::SIG_DFL);
        }
    }
}

#[expect(unsafe_code, reason = "rustix has no sigaction")]
fn set_disposition(signal: c_int, action: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: all zero is a valid sigaction: no flags, nothing blocked meanwhile.
    let mut wanted: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    wanted.sa_sigaction = action;
    wanted.sa_flags = libc::SA_RESTART;
    // SAFETY: the action is the default, ignoring, or `on_signal`, which does only what handlers may.
    let done = unsafe { libc::sigaction(signal, &raw const wanted, std::ptr::null_mut()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "rustix has no sigaction")]
fn disposition(signal: c_int) -> io::Result<libc::sighandler_t> {
    let mut found = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and `found` has room for the answer.
    let done = unsafe { libc::sigaction(signal, std::ptr::null(), found.as_mut_ptr()) };
    // SAFETY: all zero is valid, and the kernel has filled it if it succeeded.
    if done == 0 { Ok(unsafe { found.assume_init() }.sa_sigaction) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "rustix has no signal sets")]
fn set_of(signals: &[c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `sigemptyset` initialises the set, and `sigaddset` changes it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

#[expect(unsafe_code, reason = "rustix has no signal sets")]
fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `sigfillset` initialises the set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// Changes the calling thread's mask and returns the one before.
#[expect(unsafe_code, reason = "rustix has no signal masks")]
fn set_mask(how: c_int, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: both sets are live, and `before` has room for the answer.
    let error = unsafe { libc::pthread_sigmask(how, set, before.as_mut_ptr()) };
    // SAFETY: filled in by the call that succeeded.
    if error == 0 { Ok(unsafe { before.assume_init() }) } else { Err(io::Error::from_raw_os_error(error)) }
}

#[expect(unsafe_code, reason = "errno is reached through a pointer")]
fn errno_place() -> *mut c_int {
    #[cfg(target_os = "macos")]
    // SAFETY: always a valid pointer to the calling thread's own.
    unsafe {
        libc::__error()
    }
    #[cfg(not(target_os = "macos"))]
    // SAFETY: always a valid pointer to the calling thread's own.
    unsafe {
        libc::__errno_location()
    }
}

#[expect(unsafe_code, reason = "errno is reached through a pointer")]
fn errno() -> c_int {
    // SAFETY: see `errno_place`.
    unsafe { *errno_place() }
}

#[expect(unsafe_code, reason = "errno is reached through a pointer")]
fn set_errno(value: c_int) {
    // SAFETY: see `errno_place`.
    unsafe { *errno_place() = value };
}
