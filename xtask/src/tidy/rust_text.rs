//! Tells Rust code from comments, strings and characters, so that a law about a word is not broken by talking of it.

use std::ops::Range;

/// A source file in two layers of the same length and the same lines, blank where the other kind stands.
pub(super) struct Layers {
    /// Code alone.
    pub(super) code: String,
    /// The contents of string literals alone.
    pub(super) strings: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Text,
    Neither,
}

/// Splits a file. Understands nested comments, raw strings, and lifetimes beside character literals.
pub(super) fn layers(source: &str) -> Layers {
    let bytes = source.as_bytes();
    let mut kinds = vec![Kind::Code; bytes.len()];
    let mut at = 0;
    while at < bytes.len() {
        let (end, kind) = token(bytes, at);
        kinds[at..end].fill(kind);
        at = end;
    }
    Layers { code: only(bytes, &kinds, Kind::Code), strings: only(bytes, &kinds, Kind::Text) }
}

fn only(bytes: &[u8], kinds: &[Kind], wanted: Kind) -> String {
    let keep = |(byte, kind): (&u8, &Kind)| if *kind == wanted || *byte == b'\n' { *byte } else { b' ' };
    // Tokens begin and end at ASCII characters, so none is cut and the result is UTF-8 again.
    String::from_utf8_lossy(&bytes.iter().zip(kinds).map(keep).collect::<Vec<u8>>()).into_owned()
}

/// Where the token that starts here ends, and what it is.
fn token(bytes: &[u8], at: usize) -> (usize, Kind) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        return (at + length, Kind::Neither);
    }
    if rest.starts_with(b"/*") {
        return (at + block_comment_len(rest), Kind::Neither);
    }
    if rest[0] == b'"' {
        return (at + quoted_len(rest, b'"'), Kind::Text);
    }
    if rest[0] == b'\'' {
        return character(rest).map_or((at + 1, Kind::Code), |length| (at + length, Kind::Neither));
    }
    if is_word(rest[0]) {
        let length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        if matches!(&rest[..length], b"r" | b"br" | b"cr")
            && let Some(raw) = raw_string_len(&rest[length..])
        {
            return (at + length + raw, Kind::Text);
        }
        return (at + length, Kind::Code);
    }
    (at + 1, Kind::Code)
}

fn block_comment_len(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of `#"..."#` with any number of `#`, if that is what follows.
fn raw_string_len(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().position(|byte| *byte != b'#')?;
    if rest[hashes] != b'"' {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(hashes + 1, b'#');
    let body = hashes + 1;
    let end = rest[body..].windows(closing.len()).position(|window| window == closing);
    Some(end.map_or(rest.len(), |end| body + end + closing.len()))
}

/// The length of a character literal; none for a lifetime or a label.
fn character(rest: &[u8]) -> Option<usize> {
    let first = *rest.get(1)?;
    if first == b'\\' {
        return Some(quoted_len(rest, b'\''));
    }
    let width = match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Where a word stands by itself, not as a part of a longer one.
pub(super) fn word<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let bytes = code.as_bytes();
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let after = bytes.get(at + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The line of an offset, counted from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// From the next `open` after an offset to the `close` that belongs to it.
pub(super) fn balanced(code: &str, from: usize, open: u8, close: u8) -> Option<Range<usize>> {
    let bytes = code.as_bytes();
    let start = from + bytes[from..].iter().position(|byte| *byte == open)?;
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(start + 1..at);
            }
        }
    }
    Some(start + 1..bytes.len())
}

/// The bodies of what is compiled for tests only.
pub(super) fn test_regions(code: &str) -> Vec<Range<usize>> {
    let gates =
        word(code, "cfg").filter(|at| code[*at..].starts_with("cfg(test)") || code[*at..].starts_with("cfg(all(test"));
    let body = |gate: usize| {
        let stop = gate + code[gate..].find(['{', ';'])?;
        (code.as_bytes()[stop] == b'{').then(|| balanced(code, stop, b'{', b'}'))?
    };
    gates.filter_map(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn code(source: &str, expected: &str) {
        assert_eq!(layers(source).code.split_whitespace().collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn comments_strings_and_characters_are_not_code() {
        code("a // b\nc", "a c");
        code("a /* b /* c */ d */ e", "a e");
        code(r#"a "b \" c" d"#, "a d");
        code(r###"a r#"b " c"# d br"e" f"###, "a d f");
        code(r"a '\'' b 'c' d 'é' e", "a b d e");
        code("fn f<'a>(x: &'a str, y: &'static str)", "fn f<'a>(x: &'a str, y: &'static str)");
        code("let r = 1; for_r\"x\"", "let r = 1; for_r");
        code("'outer: loop { break 'outer; }", "'outer: loop { break 'outer; }");
    }

    #[test]
    fn both_layers_keep_the_places() {
        let source = "let é = \"SELECT\n1\"; // no\nx";
        let layers = layers(source);
        assert_eq!((layers.code.len(), layers.strings.len()), (source.len(), source.len()));
        let at = layers.strings.find("SELECT").unwrap();
        assert_eq!((line_of(source, at), line_of(&layers.code, layers.code.find('x').unwrap())), (1, 3));
        assert!(!layers.code.contains("SELECT") && !layers.strings.contains("let"));
    }

    #[test]
    fn a_word_is_not_part_of_another() {
        assert_eq!(word("unsafe_code unsafe un_unsafe", "unsafe").collect::<Vec<_>>(), [12]);
    }

    #[test]
    fn test_regions_end_with_their_braces() {
        let code = "fn a() {} #[cfg(test)] mod t { fn b() { } } fn c() {} #[cfg(test)] mod elsewhere; fn d() {}";
        let bodies: Vec<_> = test_regions(code).into_iter().map(|range| &code[range]).collect();
        assert_eq!(bodies, [" fn b() { } "]);
    }
}
