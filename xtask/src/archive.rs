//! A `.tar.gz` whose bytes depend on nothing but what is in it.

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Who may do what with a file once it is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Read by all: 0644.
    Plain,
    /// Run by all: 0755.
    Program,
}

/// What goes into an archive, by path inside it. A map, because its order is the archive's order.
#[derive(Default)]
pub(crate) struct Contents {
    files: BTreeMap<String, (Mode, Vec<u8>)>,
}

impl Contents {
    pub(crate) fn add(&mut self, path: String, mode: Mode, bytes: Vec<u8>) {
        self.files.insert(path, (mode, bytes));
    }

    /// Packs everything: names sorted, one time for all (in seconds since 1970), owned by nobody in particular.
    pub(crate) fn pack(&self, modified_s: u64) -> Result<Vec<u8>> {
        let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(gzip);
        for (path, (mode, bytes)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(match mode {
                Mode::Plain => 0o644,
                Mode::Program => 0o755,
            });
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(modified_s);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, bytes.as_slice()).with_context(|| format!("cannot pack {path}"))?;
        }
        Ok(tar.into_inner()?.finish()?)
    }
}

/// SHA-256 in lower-case hexadecimal digits, as `sha256sum` prints it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn sample(order: &[&str]) -> Contents {
        let mut contents = Contents::default();
        for name in order {
            let mode = if *name == "portus" { Mode::Program } else { Mode::Plain };
            contents.add(format!("p/{name}"), mode, name.as_bytes().to_vec());
        }
        contents
    }

    #[test]
    fn the_same_contents_give_the_same_bytes_in_whatever_order_they_were_added() {
        let one = sample(&["portus", "README.md", "man/portus.1"]).pack(1_700_000_000).unwrap();
        let other = sample(&["man/portus.1", "portus", "README.md"]).pack(1_700_000_000).unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn what_was_packed_comes_out_again() {
        let packed = sample(&["portus", "README.md"]).pack(7).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            let path = entry.path().unwrap().display().to_string();
            seen.push((path, header.mode().unwrap(), header.mtime().unwrap(), header.uid().unwrap(), text));
        }
        let expected = [("p/README.md", 0o644, 7, 0, "README.md"), ("p/portus", 0o755, 7, 0, "portus")];
        assert_eq!(seen, expected.map(|(path, mode, time, uid, text)| (path.into(), mode, time, uid, text.into())));
    }

    #[test]
    fn a_hash_reads_as_sha256sum_prints_it() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
