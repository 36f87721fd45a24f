//! Binds a server on the next port of a range that nobody else has. Needs no daemon.
//! Run it with `cargo run -p portus-core --example retry`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::disallowed_types, reason = "the sockets are the embedding program's: the core has none")]

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::TcpListener;

use portus_core::{Bind, PortRegistry};

fn main() -> Result<(), Box<dyn Error>> {
    let mut registry = PortRegistry::new(50000..=51000);
    // Somebody else sits on the first port that is to be had.
    let (taken, _stranger) = registry.bind_with_retry(1000, bind)?;
    registry.release(taken);

    let (port, listener) = registry.bind_with_retry(1000, bind)?;
    println!("{taken} is in use, so it is dead, and the server is on {port}");
    println!("dead: {:?}, allocated: {:?}", registry.dead(), registry.allocated());

    drop(listener);
    registry.release(port);
    println!("allocated after the server's end: {:?}", registry.allocated());
    Ok(())
}

/// The socket that is to serve is the one that tells whether the port is in use.
fn bind(port: u16) -> Bind<io::Result<TcpListener>> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Bind::InUse,
        other => Bind::Done(other),
    }
}
