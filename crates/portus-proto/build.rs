//! Names the build after the sources that decide what its messages mean: see `build_id` in src/greet.rs.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Where the meaning of messages is written down, seen from this crate. The second is absent when the crate is built
/// on its own, and then the version alone stands for it.
const PLACES: [&str; 2] = ["src", "../portus-core/src/vocabulary"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut hash = Fnv::new();
    for place in PLACES {
        if Path::new(place).exists() {
            println!("cargo::rerun-if-changed={place}");
            for file in sources(Path::new(place))? {
                hash.add(file.to_string_lossy().replace('\\', "/").as_bytes());
                // A checkout may have translated the ends of lines.
                hash.add(fs::read_to_string(&file)?.replace('\r', "").as_bytes());
            }
        }
    }
    let version = env::var("CARGO_PKG_VERSION").map_err(io::Error::other)?;
    println!("cargo::rustc-env=PORTUS_BUILD_ID={version}+{:08x}", hash.folded());
    Ok(())
}

/// The Rust files below a directory, in an order that is the same everywhere.
fn sources(place: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// FNV-1a with 64 bits: stable over compilers and machines, unlike the standard library's hasher.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in some bytes, and that they ended.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    const fn folded(&self) -> u64 {
        (self.0 >> 32) ^ (self.0 & 0xffff_ffff)
    }
}
