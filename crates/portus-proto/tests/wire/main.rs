//! What goes over the wire: exact bytes, both codecs, streams cut anywhere, and messages of other versions.

mod arbitrary;
mod document;
mod frames;
mod golden;
mod samples;
mod strangers;
mod values;
