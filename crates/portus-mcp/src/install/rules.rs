//! The block of rules in a project's file of instructions.

use super::edit::Edit;

const BEGIN: &str = "<!-- portus:begin (written by `portus install --instructions`) -->";
const END: &str = "<!-- portus:end -->";

/// Six lines, the fences included.
const BLOCK: &str = include_str!("rules.md");

/// The block.
pub(super) struct Rules;

impl Edit for Rules {
    fn put_in(&self, text: &str) -> Result<String, String> {
        if let Some((from, to)) = place(text)? {
            return Ok(format!("{}{}{}", &text[..from], BLOCK, &text[to..]));
        }
        let gap = match text {
            "" => "",
            text if text.ends_with("\n\n") => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        Ok(format!("{text}{gap}{BLOCK}"))
    }

    fn take_out(&self, text: &str) -> Result<String, String> {
        let Some((from, to)) = place(text)? else { return Ok(text.to_owned()) };
        // The empty line in front of it came with it.
        let before = text[..from].strip_suffix('\n').filter(|before| before.ends_with('\n')).unwrap_or(&text[..from]);
        Ok(format!("{before}{}", &text[to..]))
    }
}

/// Where the block stands, its last line's end included.
fn place(text: &str) -> Result<Option<(usize, usize)>, String> {
    let Some(from) = text.find("<!-- portus:begin") else { return Ok(None) };
    let Some(length) = text[from..].find(END) else {
        return Err(format!("the block that begins with `{BEGIN}` has no end"));
    };
    let to = from + length + END.len();
    Ok(Some((from, to + usize::from(text[to..].starts_with('\n')))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_has_six_lines_and_its_fences() {
        let lines: Vec<&str> = BLOCK.lines().collect();
        assert_eq!((lines.len(), lines.first(), lines.last()), (6, Some(&BEGIN), Some(&END)));
    }
}
