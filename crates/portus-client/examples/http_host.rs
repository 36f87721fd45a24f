//! A server in this process on a port of its own from 50000-51000, leased from the daemon for the process's life.
//! Run it with `cargo run -p portus-client --example http_host`, with `portus` on the path.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::net::TcpListener;

use portus_client::config::Wish;
use portus_client::{Client, Options, Overrides, ServerPort, ServerWish, Workspace, portus_on_path};
use portus_os::place::Home;

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = Workspace::find(&std::env::current_dir()?, &Overrides::default())?;
    // This program is no daemon: the one that is started, if none runs, is Portus' own.
    let options = Options { program: portus_on_path(), ..Options::default() };
    let client = Client::connect(&Home::find()?, options)?;

    let wanted = ServerWish {
        service: "mcp".parse()?,
        wish: Wish { range: Some("50000-51000".parse()?), sequential: true, ..Wish::default() },
        retries: 10,
    };
    let bind = |port| TcpListener::bind(("127.0.0.1", port));
    let (own, listener) = ServerPort::bind(client, &workspace, &wanted, bind)?;
    for note in own.notes() {
        println!("note: {note}");
    }
    println!("serving on {}", listener.local_addr()?);

    // Here the server would take connections. When it stops, the port is given back.
    drop(listener);
    own.release()?;
    println!("given back");
    Ok(())
}
