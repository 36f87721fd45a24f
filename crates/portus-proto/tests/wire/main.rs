//! What goes over the wire: exact bytes, both codecs, streams cut anywhere, and messages of other versions.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, have nothing better to do than to stop")]

mod arbitrary;
mod document;
mod frames;
mod golden;
mod samples;
mod strangers;
mod values;
