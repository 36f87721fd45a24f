//! Settings put into `portus.toml`, whose comments and other content stay.

use std::path::Path;

use portus_client::config::{PROJECT_FILE, check_project_text};
use portus_os::inside::{Inside, InsideError};
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::diff::diff;
use crate::exit::Exit;
use crate::failure::Failure;

/// The longest `portus.toml` that is edited, in bytes.
const LEN_MAX: usize = 1 << 20;

/// One setting.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The tables it stands in.
    pub(super) tables: Vec<String>,
    pub(super) key: &'static str,
    pub(super) value: Value,
}

/// What becomes of the file.
#[derive(Debug)]
pub(super) struct Edit {
    file: Inside,
    text: String,
    /// Empty when nothing changes.
    pub(super) diff: String,
    /// What was left as it is.
    pub(super) notes: Vec<String>,
}

impl Edit {
    /// Finds out what these settings change in the file of a worktree.
    pub(super) fn of(worktree: &Path, settings: &[Setting], force: bool) -> Result<Self, Failure> {
        let file = Inside::open(worktree, Path::new(PROJECT_FILE)).map_err(untouched)?;
        let path = worktree.join(PROJECT_FILE);
        // One byte more than may be, so that what is too long is known to be.
        let bytes = file.read(LEN_MAX + 1).map_err(untouched)?.unwrap_or_default();
        let invalid =
            |what: &str| Failure::new(Exit::USAGE, "invalid_config", format!("{}: {what}", path.display()), "");
        if bytes.len() > LEN_MAX {
            return Err(invalid(&format!("has more than {LEN_MAX} bytes, and is not edited")));
        }
        let before = String::from_utf8(bytes).map_err(|_| invalid("is not UTF-8"))?;
        let mut document: DocumentMut = before
            .parse()
            .map_err(|error: toml_edit::TomlError| invalid(&format!("is not TOML: {}", error.message())))?;
        let mut notes = Vec::new();
        for setting in settings {
            let table = table(&mut document, &setting.tables)
                .ok_or_else(|| invalid(&format!("`{}` is no table", setting.tables.join("."))))?;
            notes.extend(put(table, setting, force));
        }
        let text = document.to_string();
        check_project_text(&path, &text).map_err(portus_client::WorkspaceError::from)?;
        Ok(Self { diff: diff(PROJECT_FILE, &before, &text), file, text, notes })
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self) -> Result<(), Failure> {
        self.file.replace(self.text.as_bytes()).map_err(untouched)
    }
}

fn untouched(error: InsideError) -> Failure {
    let (exit, hint) = match error {
        InsideError::Symlink(_) => {
            (Exit::USAGE, "portus.toml is written through no symlink: change the file that it names by hand")
        }
        _ => (Exit::FAILED, "nothing was changed"),
    };
    Failure::new(exit, "unwritable", error.to_string(), hint)
}

/// The table of these names, made where it is missing.
fn table<'a>(document: &'a mut DocumentMut, names: &[String]) -> Option<&'a mut dyn TableLike> {
    let mut table: &mut dyn TableLike = document.as_table_mut();
    let mut is_inline = false;
    for (level, name) in names.iter().enumerate() {
        let item = table.entry(name).or_insert_with(|| {
            if is_inline {
                return Item::Value(Value::InlineTable(InlineTable::new()));
            }
            let mut fresh = Table::new();
            fresh.set_implicit(level + 1 < names.len());
            Item::Table(fresh)
        });
        is_inline |= item.is_inline_table();
        table = item.as_table_like_mut()?;
    }
    Some(table)
}

/// Sets the value, or says why not.
fn put(table: &mut dyn TableLike, setting: &Setting, force: bool) -> Option<String> {
    let Setting { tables, key, value } = setting;
    let found = table.get(key).and_then(Item::as_value).map(shown);
    match found {
        Some(found) if found == shown(value) => None,
        Some(found) if !force => Some(format!(
            "`{}.{key}` stays {found}, and the imported file says {}: --force takes it over",
            tables.join("."),
            shown(value)
        )),
        _ => {
            // The comment behind a value stays.
            let mut value = value.clone();
            if let Some(old) = table.get(key).and_then(Item::as_value) {
                *value.decor_mut() = old.decor().clone();
            }
            table.insert(key, Item::Value(value));
            None
        }
    }
}

/// A value without its quotes: 3000 and "3000" are the same port.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        Value::Integer(number) => number.value().to_string(),
        other => other.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Vec<Setting> {
        let tables = || vec!["services".to_owned(), "web".to_owned()];
        vec![
            Setting { tables: tables(), key: "preferred", value: 8001.into() },
            Setting { tables: tables(), key: "range", value: "8001-8100".into() },
        ]
    }

    fn edited(before: &str, force: bool) -> (String, String, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        if !before.is_empty() {
            std::fs::write(root.join(PROJECT_FILE), before).unwrap();
        }
        let edit = Edit::of(&root, &settings(), force).unwrap();
        edit.write().unwrap();
        (std::fs::read_to_string(root.join(PROJECT_FILE)).unwrap(), edit.diff, edit.notes)
    }

    #[test]
    fn a_new_file_holds_just_the_service() {
        let (text, diff, notes) = edited("", false);
        assert_eq!(text, "[services.web]\npreferred = 8001\nrange = \"8001-8100\"\n");
        assert_eq!(diff.lines().filter(|line| line.starts_with('+')).count(), 4);
        assert!(notes.is_empty());
    }

    #[test]
    fn comments_and_all_else_stay() {
        let before = "# ours\n[project]\nname = \"shop\" # the shop\n\n[services.web] # front\nenv = [\"PORT\"]\n\n# last\n\
                      [services.api]\npreferred = 4000\n";
        let (text, diff, notes) = edited(before, false);
        let wanted =
            before.replace("env = [\"PORT\"]\n", "env = [\"PORT\"]\npreferred = 8001\nrange = \"8001-8100\"\n");
        assert_eq!(text, wanted);
        assert_eq!(diff.lines().filter(|line| line.starts_with('-')).count(), 1, "{diff}");
        assert!(notes.is_empty());
        assert_eq!(edited(&text, false).1, "", "twice is once");
    }

    #[test]
    fn other_values_stay_unless_they_are_not_to() {
        let before = "[services.web]\npreferred = 3000 # liked\nrange = \"8001-8100\"\n";
        let (text, diff, notes) = edited(before, false);
        assert_eq!((text.as_str(), diff.as_str()), (before, ""));
        assert_eq!(
            notes,
            ["`services.web.preferred` stays 3000, and the imported file says 8001: --force takes it over"]
        );
        let (text, _, notes) = edited(before, true);
        assert_eq!((text, notes.len()), (before.replace("3000", "8001"), 0));
    }

    #[test]
    fn tables_written_in_one_line_stay_so() {
        let (text, ..) = edited("services = { api = { preferred = 4000 } }\n", false);
        let read: toml_edit::DocumentMut = text.parse().unwrap();
        assert_eq!(read["services"]["web"]["preferred"].as_integer(), Some(8001), "{text}");
        assert_eq!(read["services"]["api"]["preferred"].as_integer(), Some(4000), "{text}");
    }

    #[test]
    fn what_is_too_long_is_refused_and_not_cut() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let long = "# no\n".repeat(LEN_MAX / 5 + 1);
        std::fs::write(root.join(PROJECT_FILE), &long).unwrap();
        let failure = Edit::of(&root, &settings(), false).unwrap_err();
        assert!(failure.message.contains("more than 1048576 bytes"), "{}", failure.message);
        assert_eq!(std::fs::read_to_string(root.join(PROJECT_FILE)).unwrap().len(), long.len());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::write(root.join("elsewhere"), "").unwrap();
        std::os::unix::fs::symlink(root.join("elsewhere"), root.join(PROJECT_FILE)).unwrap();
        let failure = Edit::of(&root, &settings(), false).and_then(|edit| edit.write()).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::USAGE, "unwritable"));
        assert_eq!(std::fs::read_to_string(root.join("elsewhere")).unwrap(), "");
    }
}
