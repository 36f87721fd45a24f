//! The `port:` section of an earlier registry's YAML.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use portus_core::{Port, PortRange, ServiceName};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::expand::{Expanded, expand};
use crate::config::project::mirror_path;
use crate::config::{ConfigError, Source, Variables};

/// What an earlier registry's YAML wishes for its service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EarlierSection {
    /// The service's name.
    pub service: Option<ServiceName>,
    /// The port it likes best.
    pub preferred: Option<Port>,
    /// Where to look.
    pub range: Option<PortRange>,
    /// What to take when that is full.
    pub fallback: Option<Port>,
    /// Where the registry kept its file, relative to the worktree, if a mirror may lie there.
    pub mirror: Option<String>,
    /// What has no counterpart, or was left out, and why.
    pub notes: Vec<String>,
}

impl EarlierSection {
    /// Reads the text of `file`, whose variables are replaced by what they are. Nothing but the text is looked at.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the line and the column of the first mistake.
    pub fn read(file: &Path, text: &str, worktree: &Path, variable: Variables<'_>) -> Result<Self, ConfigError> {
        let mut section = Section::read(file, text, variable)?;
        Ok(Self {
            service: section.parsed("service_name")?,
            preferred: section.parsed("preferred")?,
            range: section.range()?,
            fallback: section.parsed("fallback")?,
            mirror: section.mirror(worktree),
            notes: section.rest()?,
        })
    }
}

/// How deeply a file may be nested. Each level takes some of the stack, 30 KiB where nothing is optimised.
const DEPTH_MAX: usize = 32;

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
    fn read(file: &'a Path, text: &str, variable: Variables<'_>) -> Result<Self, ConfigError> {
        let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEPTH_MAX } };
        let whole: Spanned<Node> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            misread(file, line.max(1), column.max(1), &in_words(error.without_snippet()))
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
        variable: Variables<'_>,
    ) -> Result<(), ConfigError> {
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

    fn range(&mut self) -> Result<Option<PortRange>, ConfigError> {
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
    fn mirror(&mut self, worktree: &Path) -> Option<String> {
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

    /// What has no counterpart, and all else that is to be said.
    fn rest(mut self) -> Result<Vec<String>, ConfigError> {
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
        Ok(self.notes)
    }

    fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&mut self, key: &str) -> Result<Option<T>, ConfigError> {
        let Some(Value { text, line, column }) = self.values.remove(key) else { return Ok(None) };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(misread(self.file, line, column, &format!("`port.{key}`: {error}"))),
        }
    }
}

/// What the parser does not like, without the parser's own terms where it has some.
fn in_words(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error as No;
    match error {
        No::Budget { .. } => format!("too much YAML, or nested more than {DEPTH_MAX} deep"),
        No::AliasError { error, .. } => in_words(error),
        No::MultipleDocuments { .. } => "a second document (after `---`) begins here, and only one is read".to_owned(),
        No::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{}` is there twice", key.escape_debug()),
        No::DuplicateMappingKey { key: None, .. } => "a key is there twice".to_owned(),
        No::UnknownAnchor { .. } => "an alias (`*name`) names no anchor (`&name`) before it".to_owned(),
        No::RecursiveReferencesRequireWeakTypes { .. } => "an alias (`*name`) stands within what it names".to_owned(),
        No::AliasReplayCounterOverflow { .. }
        | No::AliasReplayLimitExceeded { .. }
        | No::AliasExpansionLimitExceeded { .. }
        | No::AliasReplayStackDepthExceeded { .. } => "too many aliases (`*name`)".to_owned(),
        No::Eof { .. } => "this is no YAML: it ends too early".to_owned(),
        other => {
            let what = other.to_string();
            let what = what.lines().next().unwrap_or_default().trim_start_matches("error: ");
            // Some say the place once more.
            format!("this is no YAML: {}", what.split(" at line ").next().unwrap_or_default())
        }
    }
}

/// A mistake, with its place in the file.
fn misread(file: &Path, line: u64, column: u64, what: &str) -> ConfigError {
    let number = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let at = Source::File { path: file.to_owned(), line: number(line), column: number(column) };
    ConfigError::new(at, what, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EarlierSection, ConfigError> {
        EarlierSection::read(Path::new("service.yaml"), text, Path::new("/w"), &|_| None)
    }

    #[test]
    fn mistakes_are_told_in_our_words_and_with_their_place() {
        for (text, wanted) in [
            ("port: {}\n---\nport: {}\n", "3:1: a second document (after `---`) begins here, and only one is read"),
            ("port:\n  a: 1\n  a: 2\n", "3:3: the key `a` is there twice"),
            ("port: *x\n", "1:7: an alias (`*name`) names no anchor (`&name`) before it"),
            ("port: &a [*a]\n", "1:11: an alias (`*name`) stands within what it names"),
            ("", "1:1: there is no `port:` section"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), format!("service.yaml:{wanted}"), "{text}");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_and_does_no_harm() {
        for (open, close) in [("[", "]"), ("{a: ", "}")] {
            let nested = |depth: usize| format!("port: {{a: {}1{}}}", open.repeat(depth - 2), close.repeat(depth - 2));
            assert!(read(&nested(DEPTH_MAX)).is_ok());
            for depth in [DEPTH_MAX + 1, 100, 30_000] {
                assert!(read(&nested(depth)).is_err(), "{depth}");
            }
        }
        let error = read(&format!("port:\n  {}1{}", "{a: ".repeat(40), "}".repeat(40))).unwrap_err().to_string();
        assert!(error.starts_with("service.yaml:2:") && error.contains(": too much YAML, or nested"), "{error}");
    }
}
