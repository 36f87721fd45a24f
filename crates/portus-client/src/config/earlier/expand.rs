//! `${NAME}` in values of an earlier registry's YAML.

/// What becomes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expanded {
    /// This.
    Text(String),
    /// This variable is not set, and the text says nothing for that case.
    Unset(String),
}

/// Replaces `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `${NAME:default}`. With a colon, a variable that is set
/// to nothing counts as unset.
///
/// # Errors
/// What is wrong with the text, in words.
pub(super) fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Expanded, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, behind) = after.split_once('}').ok_or_else(|| format!("`{}` has no end", text.escape_debug()))?;
        expanded.push_str(before);
        let name_len = inner.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, otherwise) = inner.split_at(name_len);
        if name.is_empty() {
            return Err(format!("`{}` names no variable", text.escape_debug()));
        }
        let (default, nothing_counts) = match otherwise {
            "" => (None, true),
            _ => match (otherwise.strip_prefix(":-"), otherwise.strip_prefix('-'), otherwise.strip_prefix(':')) {
                (Some(default), ..) => (Some(default), false),
                (None, Some(default), _) => (Some(default), true),
                (None, None, Some(default)) => (Some(default), false),
                (None, None, None) => return Err(format!("`{}` is no variable", text.escape_debug())),
            },
        };
        match (variable(name).filter(|value| nothing_counts || !value.is_empty()), default) {
            (Some(value), _) => expanded.push_str(&value),
            (None, Some(default)) => expanded.push_str(default),
            (None, None) => return Ok(Expanded::Unset(name.to_owned())),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(Expanded::Text(expanded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_a_shell_would() {
        let variable = |name: &str| match name {
            "PORT" => Some("9000".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, wanted) in [
            ("8001", "8001"),
            ("${PORT}", "9000"),
            ("${PORT:-8001}", "9000"),
            ("${SERVICE_PORT:-8001}", "8001"),
            ("${SERVICE_PORT-8001}", "8001"),
            ("${SERVICE_PORT:8001}", "8001"),
            ("${EMPTY:-8001}", "8001"),
            ("${EMPTY-8001}", ""),
            ("a${PORT}b${NONE:-}c", "a9000bc"),
            ("$PORT {x}", "$PORT {x}"),
        ] {
            assert_eq!(expand(text, &variable), Ok(Expanded::Text(wanted.to_owned())), "{text}");
        }
        assert_eq!(expand("${NONE}", &variable), Ok(Expanded::Unset("NONE".to_owned())));
        for text in ["${", "${}", "${:-1}", "${A?b}", "x${PORT"] {
            assert!(expand(text, &variable).is_err(), "{text}");
        }
    }
}
