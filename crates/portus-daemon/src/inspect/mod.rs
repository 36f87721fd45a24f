//! Questions about the machine as a whole, joined with the ledger on the read side. One file each.

mod explain;
mod kill;
mod scan;
mod verify;

pub(crate) use explain::explain;
pub(crate) use kill::kill;
pub(crate) use scan::scan;
pub(crate) use verify::verify;
