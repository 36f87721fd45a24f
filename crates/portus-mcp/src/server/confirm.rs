//! Asking a person, in the way that the client can.
//!
//! A client of the newest revision is answered with the question, and calls again with the reply. An older client that
//! can ask is asked. Where nobody can be asked, the model must have asked, and says so with `confirm`.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, InputRequest,
    InputRequests, InputRequiredResult, ProgressNotificationParam,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::json;

use super::handler::is_modern;
use crate::tools::free::Plan;
use crate::tools::{Bench, ToolError};

/// The name of the question among those a client answers.
const QUESTION: &str = "confirm";

/// How long a person may think before the call gives up. Clients end a call themselves before long.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// What came of asking.
pub(super) enum Agreement {
    /// Somebody agreed.
    Given,
    /// The client shall ask, and call again.
    Asked(InputRequiredResult),
}

/// Gets somebody's agreement to a plan.
pub(super) async fn agreement(
    plan: &Plan,
    bench: &Bench,
    confirmed: bool,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Agreement, ToolError> {
    if !can_ask(context) {
        return if confirmed { Ok(Agreement::Given) } else { Err(plan.unconfirmed()) };
    }
    let question = question(plan, bench)?;
    if is_modern(context) {
        let reply = request.input_responses.as_ref().and_then(|replies| replies.get(QUESTION));
        // Only an answer to this very question counts: what listens there may have changed since.
        let reply = reply.filter(|_| request.request_state.as_deref() == Some(&plan.fingerprint()));
        let Some(reply) = reply else {
            let request = InputRequest::Elicitation(ElicitRequest::new(question));
            let requests = InputRequests::from([(QUESTION.to_owned(), request)]);
            return Ok(Agreement::Asked(InputRequiredResult::new(Some(requests), Some(plan.fingerprint()))));
        };
        let reply = serde_json::from_value(reply.clone())
            .map_err(|error| ToolError::new("bad_reply", format!("the user's answer cannot be read: {error}"), ""))?;
        return decided(plan, &reply);
    }
    match context.peer.create_elicitation_with_timeout(question, Some(ANSWER_WITHIN)).await {
        Ok(reply) => decided(plan, &reply),
        Err(error) => {
            let what = format!("the user did not answer, and nothing was ended ({error})");
            Err(ToolError::new("unanswered", what, "Ask the user in the conversation, then call free_port again"))
        }
    }
}

/// Says on the way that something is going on, if the client wants to hear it.
pub(super) async fn progress(context: &RequestContext<RoleServer>, message: &str) {
    if let Some(token) = context.meta.get_progress_token() {
        let progress = ProgressNotificationParam::new(token, 0.0).with_total(1.0).with_message(message);
        // Nothing depends on it.
        drop(context.peer.notify_progress(progress).await);
    }
}

fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let capability = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
    // One that names no way of asking means forms.
    capability.is_some_and(|capability| capability.form.is_some() || capability.url.is_none())
}

fn question(plan: &Plan, bench: &Bench) -> Result<ElicitRequestParams, ToolError> {
    let schema = json!({
        "type": "object",
        "properties": {"confirm": {"type": "boolean", "title": "End it", "default": true}},
    });
    let schema = serde_json::from_value(schema).map_err(|error| ToolError::internal(&error.to_string()))?;
    Ok(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: plan.question(bench),
        requested_schema: schema,
    })
}

fn decided(plan: &Plan, reply: &ElicitResult) -> Result<Agreement, ToolError> {
    let unticked = reply.content.as_ref().is_some_and(|content| content["confirm"] == json!(false));
    match reply.action {
        ElicitationAction::Accept if !unticked => Ok(Agreement::Given),
        _ => Err(plan.declined()),
    }
}
