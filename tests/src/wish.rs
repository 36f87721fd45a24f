//! A plain wish for one port, as a client sends it.

use portus_client::{Client, Options};
use portus_os::place::Home;
use portus_proto::{Ask, Key, RequestCall, Requester};

/// One TCP port for a key, without a guard, a holder or a time to live.
pub fn for_one_port(key: Key) -> RequestCall {
    let ask = Ask {
        key,
        claim_only: false,
        protocol: portus_core::Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool: None,
        fallback: None,
        expand: None,
        sequential: false,
        linked: None,
        exclude: Vec::new(),
    };
    RequestCall {
        asks: vec![ask],
        contiguous: false,
        holder: None,
        requester: Requester::default(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    }
}

/// The key of a numbered service of a numbered project. A project has at most 4,096 leases.
pub fn numbered_key(number: usize) -> Key {
    let project = format!("p{}", number / 4_000);
    Key { worktree: format!("/bench/{project}"), project, service: format!("s{number}").parse().unwrap() }
}

/// A connection that speaks like one of the same build.
pub fn connect(home: &Home) -> Client {
    let options = Options { program: Some(crate::portus_binary()), ..Options::default() };
    Client::connect(home, options).unwrap()
}
