//! The `port:` section of an earlier registry's YAML, as a service of `portus.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use portus_client::Workspace;
use portus_client::config::mirror_path;
use portus_core::{Port, PortRange, ServiceName};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::project_file::{Edit, Setting};
use super::variables::{Expanded, expand};
use super::{Args, Imported, misread};
use crate::failure::Failure;

pub(super) fn import(args: &Args, text: &str, workspace: &Workspace) -> Result<Imported, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut section = Section::read(&args.file, text, &variable)?;
    let settings = section.settings(workspace)?;
    let edit = Edit::of(Path::new(&workspace.worktree), &settings, args.force)?;
    let mut notes = section.notes;
    notes.extend(edit.notes.iter().cloned());
    if edit.diff.is_empty() {
        notes.push("portus.toml stays as it is".to_owned());
    } else if args.dry_run {
        notes.push("nothing was written: this is what portus.toml would become".to_owned());
    } else {
        edit.write()?;
    }
    Ok(Imported { diff: Some(edit.diff), dry_run: args.dry_run, notes, ..Imported::default() })
}

/// Any YAML, as far as it matters here.
enum Node {
    Nothing,
    Scalar(String),
    Map(BTreeMap<String, Spanned<Node>>),
    List,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            entries.insert(key, value);
        }
        Ok(Node::Map(entries))
    }
}

/// A value, its variables replaced, and where it stands.
struct Value {
    text: String,
    line: u64,
    column: u64,
}

/// The section, as far as it is not used up.
struct Section<'a> {
    file: &'a Path,
    /// By name; those of a section within this one by both names, such as `discovery.enabled`.
    values: BTreeMap<String, Value>,
    notes: Vec<String>,
}

impl<'a> Section<'a> {
    fn read(file: &'a Path, text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let whole: Spanned<Node> = serde_saphyr::from_str(text).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            let what = error.without_snippet().to_string();
            let what = what.lines().next().unwrap_or_default().trim_start_matches("error: ");
            // Some say the place once more.
            let what = what.split(" at line ").next().unwrap_or_default();
            misread(file, line, column, &format!("this is no YAML: {what}"))
        })?;
        let mut section = Self { file, values: BTreeMap::new(), notes: Vec::new() };
        let found = match whole.value {
            Node::Map(mut entries) => entries.remove("port"),
            _ => None,
        };
        match found {
            Some(Spanned { value: Node::Map(entries), .. }) => section.take("", entries, variable)?,
            Some(other) => {
                let (line, column) = (other.referenced.line(), other.referenced.column());
                return Err(misread(file, line, column, "`port` must be a section with keys of its own"));
            }
            None => return Err(misread(file, 1, 1, "there is no `port:` section")),
        }
        Ok(section)
    }

    fn take(
        &mut self,
        prefix: &str,
        entries: BTreeMap<String, Spanned<Node>>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        for (key, found) in entries {
            let name = format!("{prefix}{key}");
            let (line, column) = (found.referenced.line(), found.referenced.column());
            match found.value {
                Node::Nothing => {}
                Node::Map(entries) if prefix.is_empty() => self.take(&format!("{name}."), entries, variable)?,
                Node::Map(_) | Node::List => self.notes.push(format!("`port.{name}` is not known, and left out")),
                Node::Scalar(text) => match expand(&text, variable) {
                    Ok(Expanded::Text(text)) => drop(self.values.insert(name, Value { text, line, column })),
                    Ok(Expanded::Unset(unset)) => {
                        self.notes.push(format!("`port.{name}` is left out: the variable {unset} is not set"));
                    }
                    Err(why) => return Err(misread(self.file, line, column, &format!("`port.{name}`: {why}"))),
                },
            }
        }
        Ok(())
    }

    /// What it says, as settings; what has no counterpart is said.
    fn settings(&mut self, workspace: &Workspace) -> Result<Vec<Setting>, Failure> {
        let service = match self.parsed::<ServiceName>("service_name")? {
            Some(service) => service,
            None => workspace.service()?,
        };
        let tables = || vec!["services".to_owned(), service.to_string()];
        let mut settings = Vec::new();
        if let Some(port) = self.parsed::<Port>("preferred")? {
            settings.push(Setting { tables: tables(), key: "preferred", value: i64::from(port.number()).into() });
        }
        if let Some(range) = self.range()? {
            settings.push(Setting { tables: tables(), key: "range", value: range.to_string().into() });
        }
        if let Some(port) = self.parsed::<Port>("fallback")? {
            settings.push(Setting { tables: tables(), key: "fallback", value: i64::from(port.number()).into() });
        }
        if let Some(path) = self.mirror(&workspace.worktree) {
            settings.push(Setting { tables: vec!["mirror".to_owned()], key: "ports_json", value: path.into() });
        }
        self.note_the_rest()?;
        Ok(settings)
    }

    fn range(&mut self) -> Result<Option<PortRange>, Failure> {
        let at = self.values.get("range_start").map(|value| (value.line, value.column));
        match (self.parsed::<Port>("range_start")?, self.parsed::<Port>("range_end")?) {
            (Some(first), Some(last)) => match PortRange::new(first, last) {
                Ok(range) => Ok(Some(range)),
                Err(error) => {
                    let (line, column) = at.unwrap_or((1, 1));
                    Err(misread(self.file, line, column, &format!("`port.range_start`: {error}")))
                }
            },
            (None, None) => Ok(None),
            _ => {
                self.notes.push("a range needs both `port.range_start` and `port.range_end`: left out".to_owned());
                Ok(None)
            }
        }
    }

    /// Where the earlier registry kept its file, if a mirror may lie there.
    fn mirror(&mut self, worktree: &str) -> Option<String> {
        let path = self.values.remove("registry_file")?.text;
        let within = Path::new(&path).strip_prefix(worktree).ok().and_then(Path::to_str).unwrap_or(&path);
        match mirror_path(within) {
            Ok(_) => Some(within.to_owned()),
            Err(why) => {
                self.notes.push(format!("`port.registry_file` is left out: {why}"));
                None
            }
        }
    }

    fn note_the_rest(&mut self) -> Result<(), Failure> {
        if self.parsed::<bool>("discovery.enabled")? == Some(false) {
            self.notes.push(
                "`port.discovery.enabled` is false, which no file can say: set PORTUS_DISABLED=1 where the service is started"
                    .to_owned(),
            );
        }
        if self.parsed::<bool>("cleanup_stale")? == Some(false) {
            self.notes.push("`port.cleanup_stale` is left out: leases always end with their holders".to_owned());
        }
        if let Some(attempts) = self.parsed::<u32>("retry_attempts")? {
            self.notes
                .push(format!("`port.retry_attempts`: say `portus run --retry {attempts} -- …` where it is started"));
        }
        if self.values.remove("retry_delay").is_some() {
            self.notes.push("`port.retry_delay` is left out: the next attempt is at once, on another port".to_owned());
        }
        let unknown = std::mem::take(&mut self.values);
        self.notes.extend(unknown.into_keys().map(|name| format!("`port.{name}` is not known, and left out")));
        Ok(())
    }

    fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let Some(Value { text, line, column }) = self.values.remove(key) else { return Ok(None) };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(misread(self.file, line, column, &format!("`port.{key}`: {error}"))),
        }
    }
}
