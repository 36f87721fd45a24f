//! Reading TOML table by table, so that every mistake can be named with its place.

use std::fs::{self, File};
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Source, Sourced, nearest};
use super::keys::{self, Table};

/// The longest configuration file that is read, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// The text of a configuration file; `None` when there is none.
pub(super) fn text_of(path: &Path) -> Result<Option<String>, ConfigError> {
    let at = || Source::File { path: path.to_owned(), line: 1, column: 1 };
    let unreadable = |error: std::io::Error| ConfigError::new(at(), format!("cannot be read: {error}"), "");
    // Opening a pipe would wait for its writer.
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(ConfigError::new(at(), "is no file", "a configuration is a file in TOML")),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(FILE_LEN_MAX + 1).read_to_string(&mut text)).map_err(unreadable)?;
    if text.len() as u64 > FILE_LEN_MAX {
        return Err(ConfigError::new(at(), format!("is longer than {FILE_LEN_MAX} bytes"), ""));
    }
    Ok(Some(text))
}

/// A file and its text: what turns places in the text into lines.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn parse(self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        DeTable::parse(self.text).map_err(|error| {
            let at = self.source(error.span().unwrap_or(0..0));
            ConfigError::new(at, format!("is not TOML: {}", error.message().replace('\n', "; ")), "")
        })
    }

    pub(super) fn source(self, span: Range<usize>) -> Source {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Source::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A table of a document, with its name for people.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    document: Document<'a>,
    /// Such as `services.web`; empty for the document itself.
    name: &'a str,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    pub(super) const fn whole(document: Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self { document, name: "", table }
    }

    /// A section within this one.
    pub(super) fn section(&self, key: &str, name: &'a str) -> Result<Option<Self>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(value, key, "a table"))?;
        Ok(Some(Self { document: self.document, name, table }))
    }

    /// A section that holds other sections by its own keys.
    pub(super) fn table(&self, table: &Table) -> Result<Option<Self>, ConfigError> {
        self.section(table.name, table.name)
    }

    /// A section of these keys and no others.
    pub(super) fn known_table(&self, table: &Table) -> Result<Option<Self>, ConfigError> {
        let section = self.table(table)?;
        section.iter().try_for_each(|section| section.knows_keys(table))?;
        Ok(section)
    }

    /// Refuses sections that mean nothing.
    pub(super) fn knows_tables(&self, tables: &[Table]) -> Result<(), ConfigError> {
        self.knows(&tables.iter().map(|table| table.name).collect::<Vec<_>>())
    }

    /// Refuses keys that mean nothing.
    pub(super) fn knows_keys(&self, table: &Table) -> Result<(), ConfigError> {
        self.knows(&table.keys.iter().map(|key| key.name).collect::<Vec<_>>())
    }

    /// Refuses what means nothing, with the name that may be meant.
    fn knows(&self, known: &[&str]) -> Result<(), ConfigError> {
        let stranger = self.table.keys().find(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(key) = stranger else { return Ok(()) };
        let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
        let hint = match nearest(key.get_ref(), known) {
            _ if self.is_users_own(key.get_ref(), known) => {
                format!("[{}] is the user's to set, in config.toml (`portus doctor` names it)", key.get_ref())
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        let at = self.document.source(key.span());
        Err(ConfigError::new(at, format!("unknown key `{}`{place}", key.get_ref().escape_debug()), hint))
    }

    /// Whether a section that a project's file does not know is one of the user's file.
    fn is_users_own(&self, key: &str, known: &[&str]) -> bool {
        let is_of_project = keys::PROJECT_FILE.iter().all(|table| known.contains(&table.name));
        self.name.is_empty() && is_of_project && keys::USER_FILE.iter().any(|table| table.name == key)
    }

    /// The keys of this table, with where they stand.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'a str, Source)> {
        let document = self.document;
        self.table.keys().map(move |key| (key.get_ref().as_ref(), document.source(key.span())))
    }

    /// A value that is written as text, read by `parse`, whose error says what is wrong.
    pub(super) fn text<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Sourced<T>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(None) };
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong(value, key, "a text in quotes"))?;
        self.parsed(key, value, text, parse).map(Some)
    }

    /// A value that is written as a number or as text.
    pub(super) fn scalar<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Sourced<T>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(None) };
        let text = scalar_text(value.get_ref()).ok_or_else(|| self.wrong(value, key, "a number or a text"))?;
        self.parsed(key, value, &text, parse).map(Some)
    }

    /// A list of numbers and texts; one alone will do.
    pub(super) fn scalars<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<Sourced<T>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(Vec::new()) };
        let wrong = |value| self.wrong(value, key, "a list of numbers and texts");
        let read = |value: &'a Spanned<DeValue<'a>>| {
            let text = scalar_text(value.get_ref()).ok_or_else(|| wrong(value))?;
            self.parsed(key, value, &text, &parse)
        };
        match value.get_ref().as_array() {
            Some(list) => list.iter().map(read).collect(),
            None => Ok(vec![read(value)?]),
        }
    }

    fn parsed<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        text: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Sourced<T>, ConfigError> {
        let source = self.document.source(value.span());
        match parse(text) {
            Ok(value) => Ok(Sourced { value, source }),
            Err(why) => Err(ConfigError::new(source, format!("`{}`: {why}", self.full(key)), "")),
        }
    }

    fn find(&self, key: &str) -> Option<(&'a str, &'a Spanned<DeValue<'a>>)> {
        self.table.iter().find(|(found, _)| found.get_ref() == key).map(|(key, value)| (key.get_ref().as_ref(), value))
    }

    fn wrong(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        let at = self.document.source(value.span());
        ConfigError::new(at, format!("`{}` must be {wanted}, not {}", self.full(key), with_article(found)), "")
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

fn scalar_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}
