//! The messages: plain structs and externally tagged enums, so that both codecs can carry them.

mod call;
mod event;
mod hello;
mod names;
mod refusal;
mod reply;
mod shape;
mod stats;
mod time;

pub use call::*;
pub use event::*;
pub use hello::*;
pub use refusal::*;
pub use reply::*;
pub use shape::*;
pub use stats::*;
pub use time::WallTime;
