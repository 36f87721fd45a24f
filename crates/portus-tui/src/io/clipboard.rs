//! The clipboard, by OSC 52: the terminal is asked, so that it works over ssh as well.

use std::io::{self, Write};

/// Asks the terminal to put a text into the clipboard. Whether it does is never told.
pub(super) fn copy(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(sequence(text).as_bytes())?;
    out.flush()
}

fn sequence(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", base64(text.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let table =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (text, wanted) in table {
            assert_eq!(base64(text.as_bytes()), wanted);
        }
        assert_eq!(sequence("20001"), "\x1b]52;c;MjAwMDE=\x07");
    }
}
