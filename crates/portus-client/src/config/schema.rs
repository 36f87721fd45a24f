//! JSON Schemas of both files, for editors. Made from the same table as the readers ([`super::keys`]); looser than
//! those where a pattern cannot tell.

use serde_json::{Map, Value, json};

use super::keys::{Key, Kind, PROJECT_FILE, SERVICE, Table, USER_FILE};

/// The schema of a project's `portus.toml`.
#[must_use]
pub fn project_schema() -> Value {
    whole("portus.toml", "What a project wishes for its ports. Checked in; it runs nothing.", PROJECT_FILE)
}

/// The schema of the user's `config.toml`.
#[must_use]
pub fn user_schema() -> Value {
    whole("Portus: the user's config.toml", "Where ports come from, and what the daemon goes by.", USER_FILE)
}

fn whole(title: &str, about: &str, tables: &[Table]) -> Value {
    let sections = tables.iter().map(|table| (table.name.to_owned(), section(table))).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": about,
    });
    extend(&mut schema, object(sections));
    schema
}

fn section(table: &Table) -> Value {
    let keys = object(table.keys.iter().map(|key| (key.name.to_owned(), value(key))).collect());
    if table.name != SERVICE.name {
        let mut keys = keys;
        extend(&mut keys, json!({ "description": table.about }));
        return keys;
    }
    json!({
        "type": "object",
        "description": table.about,
        "propertyNames": { "pattern": "^(?=.*[^0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
        "maxProperties": 64,
        "additionalProperties": keys,
    })
}

/// A table with these keys and no others.
fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn value(key: &Key) -> Value {
    let mut shape = shape(key.kind);
    extend(&mut shape, json!({ "description": key.about }));
    if !key.default.is_empty() {
        let default = key.default.parse::<u64>().map_or_else(|_| json!(key.default), |number| json!(number));
        extend(&mut shape, json!({ "default": default }));
    }
    shape
}

const RANGE: &str = "^ *[0-9]{1,5} *(- *[0-9]{1,5} *)?$";
const DURATION: &str = "(0|(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)";
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// Letters of `http` and `localhost` may be of either case.
const HEALTH: &str = r"^(tcp|/\S*|[Hh][Tt][Tt][Pp]://(([A-Za-z0-9._-]+\.)?[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]|\{host\})(:([0-9]{1,5}|\{port\}))?([/?#]\S*)?)$";
const LOOPBACK: &str = r"^(127(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";

fn shape(kind: Kind) -> Value {
    let port = || json!({ "type": "integer", "minimum": 1, "maximum": 65_535 });
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let port_or_range = || json!({ "anyOf": [port(), text(RANGE)] });
    let some_of = |one: Value| json!({ "anyOf": [one, { "type": "array", "items": one }] });
    match kind {
        Kind::Name => json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
        Kind::Port => json!({ "anyOf": [port(), text("^[0-9]{1,5}$")] }),
        Kind::Range => text(RANGE),
        Kind::PortOrRange => port_or_range(),
        Kind::PortsAndRanges => some_of(port_or_range()),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Duration => text(&format!("^{DURATION}$")),
        Kind::DurationOrNever => text(&format!("^(never|{DURATION})$")),
        Kind::Loopback => text(LOOPBACK),
        Kind::Percent => json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 100 },
            text("^([1-9][0-9]?|100)$"),
        ] }),
        Kind::Variables => some_of(text(VARIABLE)),
        Kind::Environment => json!({
            "type": "object",
            "propertyNames": { "pattern": VARIABLE },
            "additionalProperties": { "type": ["string", "integer"] },
        }),
        Kind::Health => text(HEALTH),
        Kind::MirrorPath => text(r"^(?!/)(?!(.*/)?\.\.(/|$))[^\\]*ports\.json$"),
    }
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
