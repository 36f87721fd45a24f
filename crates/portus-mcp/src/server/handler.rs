//! The protocol's side of the tools and of the resource.

use std::sync::{Arc, Mutex, PoisonError};

use portus_proto::Scope;
use rmcp::ErrorData;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
    Resource, ResourceContents, ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, Tool,
    UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};

use super::Setup;
use super::confirm::{self, Agreement};
use super::feed::Feed;
use super::place::{self, Located};
use crate::tools::{self, Arguments, Bench, INSTRUCTIONS, ToolError, ToolName};

/// The one resource: the user's live leases.
pub(super) const LEASES_URI: &str = "portus://leases";

/// Serves one client.
pub(super) struct Handler {
    setup: Setup,
    /// The roots that the client offered, once asked for.
    roots: Mutex<Option<Vec<String>>>,
    feed: Feed,
    /// The old era's subscription, if there is one.
    subscriber: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Handler {
    pub(super) fn new(setup: Setup) -> Self {
        let feed = Feed::new(Arc::clone(&setup.connect));
        Self { setup, roots: Mutex::new(None), feed, subscriber: Mutex::new(None) }
    }

    async fn answer(
        &self,
        tool: ToolName,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ToolError> {
        let arguments = Arguments::new(tool, request.arguments.clone())?;
        let named = arguments.text("worktree")?.map(str::to_owned);
        let workspace = match place::locate(&self.setup, &self.roots, named.as_deref(), &request, context).await? {
            Located::At(workspace) => *workspace,
            Located::Ask(question) => return Ok(question.into()),
        };
        let bench =
            Arc::new(Bench { connect: Arc::clone(&self.setup.connect), workspace, requester: self.requester(context) });
        if tool == ToolName::FreePort {
            return free(bench, arguments, request, context).await;
        }
        let call = match tool {
            ToolName::RequestPort => tools::request::call,
            ToolName::ReleasePort => tools::release::call,
            ToolName::ListPorts => tools::list::call,
            ToolName::CheckPort | ToolName::FreePort => tools::check::call,
        };
        let answer = blocking(move || call(&bench, &arguments)).await?;
        Ok(CallToolResult::from(answer).into())
    }

    /// Who asks: the process that started this one, under the name that the client gives itself.
    fn requester(&self, context: &RequestContext<RoleServer>) -> portus_proto::Requester {
        let mut requester = self.setup.requester.clone();
        if let Some(info) = context.client_info().filter(|info| !info.name.is_empty()) {
            requester.client = Some(info.name.chars().filter(|letter| !letter.is_control()).take(128).collect());
        }
        requester
    }
}

/// Ends what listens, once somebody agreed to it.
async fn free(
    bench: Arc<Bench>,
    arguments: Arguments,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ToolError> {
    let confirmed = arguments.flag("confirm")?;
    let at = Arc::clone(&bench);
    let plan = blocking(move || tools::free::look(&at, &arguments)).await?;
    match confirm::agreement(&plan, &bench, confirmed, &request, context).await? {
        Agreement::Given => {
            confirm::progress(context, "ending what listens there").await;
            let answer = blocking(move || tools::free::end(&bench, &plan)).await?;
            Ok(CallToolResult::from(answer).into())
        }
        Agreement::Asked(question) => Ok(question.into()),
    }
}

/// Calls to the daemon block, and must not hold up other calls.
pub(super) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    let outcome = tokio::task::spawn_blocking(call).await;
    outcome.unwrap_or_else(|error| Err(ToolError::internal(&error.to_string())))
}

/// Whether the client speaks the revision without sessions, or a later one.
pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        if let Some(resources) = &mut capabilities.resources {
            resources.subscribe = Some(true);
        }
        let server = Implementation::new("portus", env!("CARGO_PKG_VERSION")).with_title("Portus");
        ServerConfig::new(capabilities).with_server_info(server).with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().into_iter().find(|tool| tool.name == name)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = ToolName::find(&request.name) else {
            let names = ToolName::ALL.map(ToolName::word).join(", ");
            let message = format!("there is no tool `{}`; there are: {names}", request.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let answered = self.answer(tool, request, &context).await;
        Ok(answered.unwrap_or_else(|error| CallToolResult::from(error).into()))
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = Resource::new(LEASES_URI, "leases")
            .with_title("Port leases")
            .with_description("All live leases of this user, in all worktrees")
            .with_mime_type("application/json");
        Ok(ListResourcesResult::with_all_items(vec![resource]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != LEASES_URI {
            let message = format!("there is no resource {}; there is {LEASES_URI}", request.uri);
            return Err(ErrorData::resource_not_found(message, None));
        }
        let connect = Arc::clone(&self.setup.connect);
        let leases = blocking(move || {
            let listing = connect()?.all_leases(Scope::All, false)?;
            Ok(serde_json::json!({"schema": "portus/1", "leases": listing.leases}).to_string())
        });
        let text = leases.await.map_err(|error| ErrorData::internal_error(error.text(), None))?;
        let contents = ResourceContents::text(text, LEASES_URI).with_mime_type("application/json");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = requested.clone();
        if let Some(uris) = &mut accepted.resource_subscriptions {
            uris.retain(|uri| uri == LEASES_URI);
        }
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let wanted = context.accepted().resource_subscriptions.as_ref().is_some_and(|uris| !uris.is_empty());
        if !wanted {
            context.cancelled().await;
            return Ok(());
        }
        let mut changes = self.feed.changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => {
                    // The feed ends when no daemon can be had; so does the subscription, and the client hears of it.
                    if changed.is_err() || context.sink().notify_resource_updated(LEASES_URI).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if request.uri != LEASES_URI {
            return Err(ErrorData::resource_not_found(format!("there is no resource {}", request.uri), None));
        }
        let mut changes = self.feed.changes();
        let task = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let update = rmcp::model::ResourceUpdatedNotificationParam::new(LEASES_URI);
                if context.peer.notify_resource_updated(update).await.is_err() {
                    break;
                }
            }
        });
        let former = self.subscriber.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
        if let Some(former) = former {
            former.abort();
        }
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if let Some(task) = self.subscriber.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        Ok(())
    }

    async fn on_roots_list_changed(&self, _context: NotificationContext<RoleServer>) {
        *self.roots.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
