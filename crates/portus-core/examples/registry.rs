//! Hands out a few ports of a range, and shows what happens when it is exhausted.
//! Run it with `cargo run -p portus-core --example registry`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use portus_core::{PortRegistry, RegistryError};

fn main() -> Result<(), RegistryError> {
    let mut registry = PortRegistry::new(50000..=50004);
    registry.mark_dead(50002);
    let (first, second) = (registry.allocate()?, registry.allocate()?);
    println!("allocated {first} and {second}; 50002 is dead, so the next is {}", registry.allocate()?);
    registry.release(first);
    println!("released {first}; the next is {}", registry.allocate()?);
    println!("then {}", registry.allocate()?);
    match registry.allocate() {
        Err(error) => println!("and then: {error}"),
        Ok(port) => println!("unexpected: {port}"),
    }
    Ok(())
}
