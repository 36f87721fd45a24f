//! JSON, the public contract. What does not fit is looked at once more, to answer it on its own id.

use super::error::shortened;
use super::{DecodeError, EncodeError, Payload};
use crate::message::{Call, ClientFrame, ServerFrame, What};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) fn encode(message: &impl Serialize, payload: &mut Payload<'_>) -> Result<(), EncodeError> {
    serde_json::to_writer(payload, message).map_err(|error| EncodeError::Unwritable(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(payload).map_err(DecodeError::malformed)
}

pub(super) fn decode_client(payload: &[u8]) -> Result<ClientFrame, DecodeError> {
    serde_json::from_slice(payload).or_else(|error| explain(payload, &error))
}

pub(super) fn decode_server(payload: &[u8]) -> Result<ServerFrame, DecodeError> {
    serde_json::from_slice(payload).map_err(|error| {
        let outline: Option<ServerOutline> = serde_json::from_slice(payload).ok();
        match outline.as_ref().and_then(|outline| tag(&outline.event.what)) {
            Some((what, _)) if !What::KINDS.contains(&what) => {
                DecodeError::UnknownEvent { what: shortened(what.to_owned()) }
            }
            _ => DecodeError::malformed(error),
        }
    })
}

/// Finds out what is wrong with a call that could not be read, and reads the one form that the types do not know: a
/// method without arguments called with an empty object.
fn explain(payload: &[u8], error: &serde_json::Error) -> Result<ClientFrame, DecodeError> {
    let outline: CallOutline = serde_json::from_slice(payload).map_err(DecodeError::malformed)?;
    let id = outline.id;
    let reason = || shortened(error.to_string());
    let Some((name, arguments)) = tag(&outline.call) else {
        return Err(DecodeError::BadArguments { id, method: "call", reason: reason() });
    };
    let Some(method) = Call::METHODS.iter().find(|method| **method == name) else {
        return Err(DecodeError::UnknownMethod { id, method: shortened(name.to_owned()) });
    };
    match (Call::without_arguments(method), arguments) {
        (Some(call), Value::Object(fields)) if fields.is_empty() => Ok(ClientFrame { id, call }),
        _ => Err(DecodeError::BadArguments { id, method, reason: reason() }),
    }
}

/// As much of a call as must be there to answer it.
#[derive(Deserialize)]
struct CallOutline {
    id: u64,
    #[serde(default)]
    call: Value,
}

/// As much of an event as tells its kind.
#[derive(Deserialize)]
struct ServerOutline {
    event: EventOutline,
}

#[derive(Deserialize)]
struct EventOutline {
    what: Value,
}

/// The name of an enum's variant, and what it carries: `"name"` or `{"name": content}`.
fn tag(value: &Value) -> Option<(&str, &Value)> {
    match value {
        Value::String(name) => Some((name, &Value::Null)),
        Value::Object(object) if object.len() == 1 => {
            object.iter().next().map(|(name, content)| (name.as_str(), content))
        }
        _ => None,
    }
}
