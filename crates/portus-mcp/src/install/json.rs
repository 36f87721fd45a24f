//! An entry in settings written as JSON, with or without comments.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::Value;

use super::edit::Edit;

/// The server's name in every list.
const NAME: &str = "portus";

/// What settings files begin with that were written on Windows.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One server in the list of this name.
pub(super) struct JsonEntry {
    pub(super) list: &'static str,
    pub(super) entry: Vec<(&'static str, Value)>,
}

impl Edit for JsonEntry {
    fn put_in(&self, text: &str) -> Result<String, String> {
        let (mark, body) = split_mark(text);
        let is_new = body.trim().is_empty();
        let root = parse(if is_new { "{}\n" } else { body })?;
        let list = match object_of(&root)?.get(self.list) {
            Some(list) => list.object_value().ok_or_else(|| format!("`{}` is not an object in it", self.list))?,
            None => object_of(&root)?.object_value_or_set(self.list),
        };
        let is_changed = match list.get(NAME) {
            None => {
                let fields = self.entry.iter().map(|(name, value)| ((*name).to_owned(), input(value))).collect();
                list.append(NAME, CstInputValue::Object(fields));
                true
            }
            Some(entry) => match entry.object_value() {
                Some(entry) => self.correct(&entry),
                None => return Err(format!("`{}.{NAME}` is not an object in it", self.list)),
            },
        };
        Ok(if is_changed { format!("{mark}{root}") } else { text.to_owned() })
    }

    fn take_out(&self, text: &str) -> Result<String, String> {
        let (mark, body) = split_mark(text);
        if body.trim().is_empty() {
            return Ok(text.to_owned());
        }
        let root = parse(body)?;
        let root_object = object_of(&root)?;
        let Some(list) = root_object.get(self.list).and_then(|list| list.object_value()) else {
            return Ok(text.to_owned());
        };
        let Some(entry) = list.get(NAME) else { return Ok(text.to_owned()) };
        entry.remove();
        let is_commented = list.to_string().contains("//") || list.to_string().contains("/*");
        if list.properties().is_empty()
            && !is_commented
            && let Some(list) = root_object.get(self.list)
        {
            list.remove();
        }
        Ok(format!("{mark}{root}"))
    }
}

impl JsonEntry {
    /// Sets what makes an entry work, and leaves the rest of it as its user wants it.
    fn correct(&self, entry: &CstObject) -> bool {
        let mut is_changed = false;
        for (name, wanted) in &self.entry {
            let found = entry.get(name).and_then(|field| field.value()).and_then(|value| value.to_serde_value());
            if found.as_ref().is_some_and(|found| serves(name, found, wanted)) {
                continue;
            }
            match entry.get(name) {
                Some(field) => field.set_value(input(wanted)),
                None => drop(entry.append(name, input(wanted))),
            }
            is_changed = true;
        }
        is_changed
    }
}

/// Whether what stands there will do: the same, another path to the same program, or the user's own choice.
fn serves(name: &str, found: &Value, wanted: &Value) -> bool {
    let is_portus = |value: &Value| {
        let program = value.as_str().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
        program == NAME || program == "portus.exe"
    };
    match (name, found) {
        ("command", Value::Array(words)) => {
            words.first().is_some_and(is_portus) && words.get(1..) == Some(&["mcp".into()])
        }
        ("command", found) => is_portus(found),
        ("env" | "enabled" | "alwaysLoad" | "tools", _) => true,
        _ => found == wanted,
    }
}

fn parse(text: &str) -> Result<CstRootNode, String> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    CstRootNode::parse(text, &options).map_err(|error| format!("it is not JSON: {error}"))
}

fn object_of(root: &CstRootNode) -> Result<CstObject, String> {
    root.object_value().ok_or_else(|| "it does not hold an object".to_owned())
}

fn split_mark(text: &str) -> (&str, &str) {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    text.split_at(text.len() - body.len())
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}
