//! How the core's types read in a trace: an object for each struct, and for each variant an object of one field. Field
//! and variant names are the core's own, so that whoever reads a trace reads the code's words.
//!
//! Each type is listed once; what it is written as and how it is read back both follow. A field or a variant that is
//! missing here does not compile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

/// Why something in a trace makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is expected, and there is {found}")]
pub struct Unreadable {
    what: &'static str,
    found: String,
}

/// Can be written into a trace.
pub(super) trait Tell {
    fn tell(&self) -> Value;
}

/// Can be read from a trace.
pub(super) trait Hear: Sized {
    fn hear(value: &Value) -> Result<Self, Unreadable>;
}

pub(super) fn unreadable(what: &'static str, found: &Value) -> Unreadable {
    Unreadable { what, found: found.to_string().chars().take(80).collect() }
}

pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The field of this name; what is not there is null.
pub(super) fn field<T: Hear>(what: &'static str, fields: &Value, name: &str) -> Result<T, Unreadable> {
    let fields: &Map<String, Value> = fields.as_object().ok_or_else(|| unreadable(what, fields))?;
    T::hear(fields.get(name).unwrap_or(&Value::Null))
}

/// Name and content of an object of one field.
pub(super) fn variant<'a>(what: &'static str, value: &'a Value) -> Result<(&'a str, &'a Value), Unreadable> {
    let mut fields = value.as_object().ok_or_else(|| unreadable(what, value))?.iter();
    match (fields.next(), fields.next()) {
        (Some((name, content)), None) => Ok((name, content)),
        _ => Err(unreadable(what, value)),
    }
}

/// Structs and enums that are only written: `Struct { field, ... }`, or `Enum: Variant { field, ... } ..., Newtype ...;`.
macro_rules! tell {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl Tell for $name {
            fn tell(&self) -> Value {
                let Self { $($field),+ } = self;
                object([$((stringify!($field), $field.tell())),+])
            }
        }
    };
    ($name:ident: $($variant:ident { $($field:ident),* })* $(, $newtype:ident)*;) => {
        impl Tell for $name {
            fn tell(&self) -> Value {
                match self {
                    $(Self::$variant { $($field),* } => object([
                        (stringify!($variant), object([$((stringify!($field), $field.tell())),*])),
                    ]),)*
                    $(Self::$newtype(content) => object([(stringify!($newtype), content.tell())]),)*
                }
            }
        }
    };
}

/// The same for those that are also read.
macro_rules! tell_and_hear {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        tell!($name { $($field),+ });

        impl Hear for $name {
            fn hear(value: &Value) -> Result<Self, Unreadable> {
                Ok(Self { $($field: field(stringify!($name), value, stringify!($field))?),+ })
            }
        }
    };
    ($name:ident: $($variant:ident { $($field:ident),* })* $(, $newtype:ident)*;) => {
        tell!($name: $($variant { $($field),* })* $(, $newtype)*;);

        impl Hear for $name {
            fn hear(value: &Value) -> Result<Self, Unreadable> {
                match variant(stringify!($name), value)? {
                    $((stringify!($variant), _content) => Ok(Self::$variant {
                        $($field: field(stringify!($name), _content, stringify!($field))?),*
                    }),)*
                    $((stringify!($newtype), content) => Ok(Self::$newtype(Hear::hear(content)?)),)*
                    _ => Err(unreadable(stringify!($name), value)),
                }
            }
        }
    };
}

/// Types that are one word of text.
macro_rules! words {
    ($($name:ident),+) => {$(
        impl Tell for $name {
            fn tell(&self) -> Value {
                Value::String(self.to_string())
            }
        }

        impl Hear for $name {
            fn hear(value: &Value) -> Result<Self, Unreadable> {
                let word = value.as_str().and_then(|word| word.parse().ok());
                word.ok_or_else(|| unreadable(stringify!($name), value))
            }
        }
    )+};
}

/// Types that are one number: how to get it, and the way back.
macro_rules! numbers {
    ($($name:ident: $get:expr, $make:expr;)+) => {$(
        impl Tell for $name {
            fn tell(&self) -> Value {
                let get: fn(&$name) -> u64 = $get;
                get(self).into()
            }
        }

        impl Hear for $name {
            fn hear(value: &Value) -> Result<Self, Unreadable> {
                let make: fn(u64) -> Option<$name> = $make;
                value.as_u64().and_then(make).ok_or_else(|| unreadable(stringify!($name), value))
            }
        }
    )+};
}

pub(super) use {numbers, tell, tell_and_hear, words};

impl Tell for bool {
    fn tell(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Hear for bool {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        value.as_bool().ok_or_else(|| unreadable("yes or no", value))
    }
}

impl Tell for str {
    fn tell(&self) -> Value {
        Value::String(self.to_owned())
    }
}

impl Tell for Arc<str> {
    fn tell(&self) -> Value {
        self.as_ref().tell()
    }
}

impl Hear for Arc<str> {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        value.as_str().map(Self::from).ok_or_else(|| unreadable("a text", value))
    }
}

impl Tell for &'static str {
    fn tell(&self) -> Value {
        (*self).tell()
    }
}

impl<T: Tell> Tell for Option<T> {
    fn tell(&self) -> Value {
        self.as_ref().map_or(Value::Null, Tell::tell)
    }
}

impl<T: Hear> Hear for Option<T> {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        if value.is_null() { Ok(None) } else { T::hear(value).map(Some) }
    }
}

impl<T: Tell> Tell for Box<T> {
    fn tell(&self) -> Value {
        self.as_ref().tell()
    }
}

impl<T: Hear> Hear for Box<T> {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        T::hear(value).map(Self::new)
    }
}

impl<A: Tell, B: Tell> Tell for (A, B) {
    fn tell(&self) -> Value {
        Value::Array(vec![self.0.tell(), self.1.tell()])
    }
}

impl<A: Hear, B: Hear> Hear for (A, B) {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        match value.as_array().map(Vec::as_slice) {
            Some([one, other]) => Ok((A::hear(one)?, B::hear(other)?)),
            _ => Err(unreadable("a pair", value)),
        }
    }
}

impl<T: Tell> Tell for Vec<T> {
    fn tell(&self) -> Value {
        Value::Array(self.iter().map(Tell::tell).collect())
    }
}

fn items<T: Hear, C: FromIterator<T>>(value: &Value) -> Result<C, Unreadable> {
    value.as_array().ok_or_else(|| unreadable("a list", value))?.iter().map(T::hear).collect()
}

impl<T: Hear> Hear for Vec<T> {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        items(value)
    }
}

impl<T: Tell> Tell for BTreeSet<T> {
    fn tell(&self) -> Value {
        Value::Array(self.iter().map(Tell::tell).collect())
    }
}

impl<T: Hear + Ord> Hear for BTreeSet<T> {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        items(value)
    }
}

impl<K: Tell, V: Tell> Tell for BTreeMap<K, V> {
    fn tell(&self) -> Value {
        Value::Array(self.iter().map(|(key, value)| Value::Array(vec![key.tell(), value.tell()])).collect())
    }
}

impl<K: Hear + Ord, V: Hear> Hear for BTreeMap<K, V> {
    fn hear(value: &Value) -> Result<Self, Unreadable> {
        items(value)
    }
}
