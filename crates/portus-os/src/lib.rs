//! Asks and tells the operating system about sockets, processes, signals, paths and clocks.
//!
//! May import `portus-core` (its vocabulary only), rustix, libc, listeners and windows-sys.
//! Never knows a rule, serialises, spawns a runtime, prints, or decides who may have what.
//! Start reading at [`port::Guard`], the socket by which a lease is enforced, then [`place::Home`].
//! Tested with real sockets, real children and real directories, each module beside its code.

pub mod checkout;
pub mod clock;
pub mod http;
pub mod inside;
pub mod place;
pub mod port;
pub mod process;
pub mod supervise;
