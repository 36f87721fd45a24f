//! The entry in Codex's settings, which are TOML.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, value};

use super::edit::Edit;

/// The list of servers.
const LIST: &str = "mcp_servers";
/// The server's name in it.
const NAME: &str = "portus";
/// Codex hands its servers only the variables that are named.
const VARIABLES: [&str; 3] = ["PORTUS_HOME", "PORTUS_PROJECT", "CONDUCTOR_PORT"];

/// The server's table.
pub(super) struct TomlEntry;

impl Edit for TomlEntry {
    fn put_in(&self, text: &str) -> Result<String, String> {
        let mut document = parse(text)?;
        let list = document.entry(LIST).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        let list = list.as_table_like_mut().ok_or_else(|| format!("`{LIST}` is not a table in it"))?;
        match list.get_mut(NAME) {
            Some(entry) => {
                let entry = entry.as_table_like_mut().ok_or_else(|| format!("`{LIST}.{NAME}` is not a table in it"))?;
                if serves(entry) {
                    return Ok(text.to_owned());
                }
                entry.insert("command", value(NAME));
                entry.insert("args", value(Array::from_iter(["mcp"])));
            }
            None => {
                let mut entry = Table::new();
                entry.insert("command", value(NAME));
                entry.insert("args", value(Array::from_iter(["mcp"])));
                entry.insert("env_vars", value(Array::from_iter(VARIABLES)));
                if !text.trim().is_empty() {
                    entry.decor_mut().set_prefix("\n");
                }
                list.insert(NAME, Item::Table(entry));
            }
        }
        Ok(document.to_string())
    }

    fn take_out(&self, text: &str) -> Result<String, String> {
        let mut document = parse(text)?;
        let Some(list) = document.get_mut(LIST).and_then(Item::as_table_like_mut) else { return Ok(text.to_owned()) };
        if list.remove(NAME).is_none() {
            return Ok(text.to_owned());
        }
        if list.is_empty() {
            document.remove(LIST);
        }
        Ok(document.to_string())
    }
}

/// Whether the entry starts Portus, be it by another path.
fn serves(entry: &dyn TableLike) -> bool {
    let command = entry.get("command").and_then(Item::as_str).unwrap_or_default();
    let program = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let args = entry.get("args").and_then(Item::as_array);
    let is_mcp = args.is_some_and(|args| args.len() == 1 && args.get(0).and_then(|word| word.as_str()) == Some("mcp"));
    matches!(program, NAME | "portus.exe") && is_mcp
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let place = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let place = place.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("it is not TOML{place}: {}", error.message().trim())
    })
}
