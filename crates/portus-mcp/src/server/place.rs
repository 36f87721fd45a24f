//! In which worktree a call is meant: the argument, the client's roots, `CLAUDE_PROJECT_DIR`, the current directory.
//!
//! Clients that are configured for the whole user start the server in the home directory, which is nobody's project.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use portus_client::{Overrides, Workspace};
use rmcp::model::{CallToolRequestParams, InputRequiredResult};
use rmcp::service::{RequestContext, RoleServer};

use super::Setup;
use super::handler::blocking;
use super::roots::{Roots, path_of, roots};
use crate::tools::ToolError;

/// What came of looking.
pub(super) enum Located {
    /// Here.
    At(Box<Workspace>),
    /// The client shall name its roots, and call again.
    Ask(InputRequiredResult),
}

/// Finds the worktree that a call is meant for.
pub(super) async fn locate(
    setup: &Setup,
    known_roots: &Mutex<Option<Vec<String>>>,
    named: Option<&str>,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Located, ToolError> {
    let setup = setup.clone();
    if let Some(named) = named {
        let dir = PathBuf::from(named);
        return blocking(move || explicit(&setup, dir)).await;
    }
    let roots = match roots(known_roots, request, context).await {
        Roots::Known(roots) => roots,
        Roots::Ask(question) => return Ok(Located::Ask(question)),
    };
    blocking(move || implicit(&setup, &roots)).await
}

fn explicit(setup: &Setup, dir: PathBuf) -> Result<Located, ToolError> {
    if !dir.is_absolute() {
        let what = format!("`worktree` is {}, which is not an absolute path", dir.display());
        return Err(ToolError::new("bad_argument", what, "Pass the absolute path of the checkout you work in"));
    }
    let workspace = find(&dir)?;
    if workspace.is_nobodys(setup.home_dir.as_deref()) {
        return Err(required(&format!("{} is no project", workspace.worktree)));
    }
    Ok(Located::At(Box::new(workspace)))
}

fn implicit(setup: &Setup, roots: &[String]) -> Result<Located, ToolError> {
    let mut offered: Vec<Workspace> = Vec::new();
    for dir in roots.iter().filter_map(|uri| path_of(uri)) {
        let Ok(workspace) = find(&dir) else { continue };
        if !workspace.is_nobodys(setup.home_dir.as_deref())
            && offered.iter().all(|other| other.worktree != workspace.worktree)
        {
            offered.push(workspace);
        }
    }
    if offered.len() > 1 {
        // Several folders are open: the one that the server was started in is meant, if any.
        let within = |workspace: &Workspace| setup.current_dir.starts_with(&workspace.worktree);
        if offered.iter().any(within) {
            offered.retain(within);
        } else {
            let names: Vec<&str> = offered.iter().map(|workspace| workspace.worktree.as_str()).collect();
            return Err(required(&format!("the client has several folders open: {}", names.join(", "))));
        }
    }
    if let Some(workspace) = offered.pop() {
        return Ok(Located::At(Box::new(workspace)));
    }
    if let Some(dir) = setup.project_dir.as_ref().filter(|dir| dir.is_dir()) {
        let workspace = find(dir)?;
        if !workspace.is_nobodys(setup.home_dir.as_deref()) {
            return Ok(Located::At(Box::new(workspace)));
        }
    }
    let workspace = find(&setup.current_dir)?;
    if workspace.is_nobodys(setup.home_dir.as_deref()) || !is_project(Path::new(&workspace.worktree)) {
        return Err(required(&format!("this server was started in {}, which is no project", workspace.worktree)));
    }
    Ok(Located::At(Box::new(workspace)))
}

fn find(dir: &Path) -> Result<Workspace, ToolError> {
    Workspace::find(dir, &Overrides::default()).map_err(ToolError::from)
}

fn required(what: &str) -> ToolError {
    let todo = "Call the tool again with `worktree`: the absolute path of the checkout you work in";
    ToolError::new("worktree_required", what, todo)
}

/// Whether something makes it a project, besides that somebody was there.
fn is_project(worktree: &Path) -> bool {
    [".git", portus_client::config::PROJECT_FILE, "HEAD"].iter().any(|sign| worktree.join(sign).exists())
}
