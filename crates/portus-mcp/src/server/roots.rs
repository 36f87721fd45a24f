//! The folders that a client says it works in.
#![expect(deprecated, reason = "the protocol lets roots go, and most clients have nothing else to say where they work")]

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, InputRequest, InputRequests, InputRequiredResult, ListRootsRequest, ListRootsResult,
};
use rmcp::service::{RequestContext, RoleServer};

use super::handler::is_modern;

/// The name of the question for roots among those a client answers.
const QUESTION: &str = "roots";

/// How long a client may take to name its roots.
const ROOTS_WITHIN: Duration = Duration::from_secs(2);

/// What a client says of its folders.
pub(super) enum Roots {
    /// Their URIs.
    Known(Vec<String>),
    /// It shall name them, and call again.
    Ask(InputRequiredResult),
}

/// The roots that the client offers, asked for once.
pub(super) async fn roots(
    known: &Mutex<Option<Vec<String>>>,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Roots {
    let offers = context.client_capabilities().is_some_and(|capabilities| capabilities.roots.is_some());
    if !offers {
        return Roots::Known(Vec::new());
    }
    if let Some(roots) = known.lock().unwrap_or_else(PoisonError::into_inner).clone() {
        return Roots::Known(roots);
    }
    let reply = if is_modern(context) {
        let Some(reply) = request.input_responses.as_ref().and_then(|replies| replies.get(QUESTION)) else {
            return Roots::Ask(roots_wanted());
        };
        serde_json::from_value::<ListRootsResult>(reply.clone()).ok()
    } else {
        tokio::time::timeout(ROOTS_WITHIN, context.peer.list_roots()).await.ok().and_then(Result::ok)
    };
    // A client that does not answer is not asked again with each call.
    let roots: Vec<String> =
        reply.map(|reply| reply.roots.into_iter().map(|root| root.uri).collect()).unwrap_or_default();
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(roots.clone());
    Roots::Known(roots)
}

fn roots_wanted() -> InputRequiredResult {
    let request = InputRequest::ListRoots(ListRootsRequest::default());
    InputRequiredResult::from_input_requests(InputRequests::from([(QUESTION.to_owned(), request)]))
}

/// The path that a `file:` URI means.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
    let mut bytes = Vec::with_capacity(path.len());
    let mut letters = path.bytes();
    while let Some(letter) = letters.next() {
        if letter != b'%' {
            bytes.push(letter);
            continue;
        }
        let digits = [letters.next()?, letters.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    let path = String::from_utf8(bytes).ok()?;
    // `file:///C:/x` is `C:/x`.
    let has_drive = path.as_bytes().get(2) == Some(&b':') && path.starts_with('/');
    let path = if has_drive { &path[1..] } else { &path };
    path.starts_with('/').then(|| PathBuf::from(path)).or_else(|| has_drive.then(|| PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::path_of;
    use std::path::Path;

    #[test]
    fn a_root_is_a_file_uri() {
        let path = |uri: &str| path_of(uri).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(path("file:///home/a%20b/c"), Some("/home/a b/c".to_owned()));
        assert_eq!(path("file://localhost/x"), Some("/x".to_owned()));
        assert_eq!(path("file:///C:/x"), Some("C:/x".to_owned()));
        assert_eq!(path("https://example.com/x"), None);
        assert_eq!(path("file:///a%2"), None);
        assert_eq!(path_of("file:///%C3%A9").as_deref(), Some(Path::new("/é")));
    }
}
