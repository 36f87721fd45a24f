//! What a doctor looks at, in the order in which one thing depends on the other.

use std::collections::BTreeMap;
use std::path::Path;

use portus_client::config::{Config, Effective};
use portus_client::{Client, Container, Overrides, Workspace};
use portus_core::PortRange;
use portus_os::place::{self, Home};
use portus_os::port::EphemeralPorts;
use portus_proto::{Scope, Status, build_id};

use super::Check;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Everything, and the configuration that counts here.
pub(super) fn all(context: &Context) -> (Vec<Check>, Vec<Effective>) {
    let mut checks = vec![user()];
    let (configured, workspace) = configuration(context);
    let effective = workspace.as_ref().map(Workspace::effective).unwrap_or_default();
    let config = workspace.as_ref().map(|workspace| &workspace.config);
    checks.push(configured);
    checks.extend(switched_off(config));
    checks.extend(container());
    let home = match context.home() {
        Ok(home) => home,
        Err(failure) => {
            checks.push(Check::fail("home", &failure));
            return (checks, effective);
        }
    };
    checks.push(directory(home));
    checks.push(journal(home));
    let status = match context.connect_to_running() {
        Ok(Some(client)) => Some(running(client, config, &mut checks)),
        Ok(None) => {
            checks.push(not_running(home));
            None
        }
        Err(failure) => {
            checks.push(Check::fail("daemon", &failure));
            None
        }
    };
    checks.extend(ranges(config, status.flatten().as_ref()));
    (checks, effective)
}

fn user() -> Check {
    if let Some(user) = place::sudo_user() {
        let message = format!("this is root, by sudo from {user}: root's ports are not those of {user}");
        return Check::warn("user", message, "run portus without sudo");
    }
    if portus_client::sandboxed() {
        let hint = "where the socket is forbidden, use the MCP tool request_port, or allow the socket";
        return Check::warn("user", "the environment says that this is a sandbox", hint);
    }
    Check::ok("user", place::user().name)
}

/// Portus switched off for whatever is started from here.
fn switched_off(config: Option<&Config>) -> Option<Check> {
    let switch = config?.disabled_by?;
    let message = format!("{switch} is set: requests are answered with preferred ports, which nobody keeps");
    Some(Check::warn("disabled", message, format!("unset {switch} to lease ports")))
}

fn container() -> Option<Check> {
    let container = Container::around()?;
    Some(Check::warn("container", container.note(), container.hint()))
}

fn configuration(context: &Context) -> (Check, Option<Workspace>) {
    let found = std::env::current_dir()
        .map_err(|error| Failure::io("tell the current directory", &error))
        .and_then(|dir| Ok(Workspace::find(&dir, &Overrides::default())?));
    match found {
        Err(failure) => (Check::fail("config", &failure), None),
        Ok(workspace) => {
            for note in workspace.note.iter().chain(&workspace.config.notes) {
                context.output.note(note);
            }
            let files: Vec<String> = workspace.config.files.iter().map(|file| file.display().to_string()).collect();
            let files = if files.is_empty() { "no files, only defaults".to_owned() } else { files.join(", ") };
            (Check::ok("config", format!("{} in {}: {files}", workspace.project, workspace.worktree)), Some(workspace))
        }
    }
}

fn directory(home: &Home) -> Check {
    let dir = home.dir();
    if !dir.exists() {
        return Check::ok("home", format!("{} is made when the daemon starts", dir.display()));
    }
    // This also mends a mode that lets others in, as the daemon's start would.
    match home.ensure() {
        Err(error) => Check::fail("home", &error.into()),
        Ok(()) if dir.starts_with(std::env::temp_dir()) && std::env::var_os(place::HOME_VARIABLE).is_none() => {
            let message = format!("{} is temporary: the home directory is not usable for sockets", dir.display());
            Check::warn("home", message, "set PORTUS_HOME to a local directory to keep claims over a reboot")
        }
        Ok(()) => Check::ok("home", dir.display().to_string()),
    }
}

/// Journals that could not be read are set aside under a name that begins with the journal's own.
fn journal(home: &Home) -> Check {
    let path = home.journal();
    let aside: Vec<String> = set_aside(&path);
    if !aside.is_empty() {
        let message = format!("a journal could not be read and was set aside: {}", aside.join(", "));
        return Check::warn(
            "journal",
            message,
            "leases from before are lost; delete the file when it is of no more use",
        );
    }
    match std::fs::OpenOptions::new().read(true).append(true).open(&path) {
        Ok(_) => Check::ok("journal", path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Check::ok("journal", "none yet"),
        Err(error) => {
            let message = format!("{} cannot be written: {error}", path.display());
            Check::fail("journal", &Failure::new(Exit::FAILED, "journal", message, "see that the disk is not full"))
        }
    }
}

fn set_aside(journal: &Path) -> Vec<String> {
    let (Some(dir), Some(name)) = (journal.parent(), journal.file_name()) else { return Vec::new() };
    let prefix = format!("{}.broken", name.to_string_lossy());
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_whole = |name: &String| name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm");
    names.filter(is_whole).map(|name| dir.join(name).display().to_string()).collect()
}

fn not_running(home: &Home) -> Check {
    if home.socket().symlink_metadata().is_ok() {
        let message = "not running; a socket without a daemon is left over";
        return Check::warn("daemon", message, "nothing to do: the next start replaces it");
    }
    Check::ok("daemon", "not running; it is started when it is needed")
}

/// What a running daemon says of itself and of its leases.
fn running(mut client: Client, config: Option<&Config>, checks: &mut Vec<Check>) -> Option<Status> {
    let build = client.welcome().build.clone();
    let status = match client.status() {
        Ok(status) => status,
        Err(error) => {
            checks.push(Check::fail("daemon", &error.into()));
            return None;
        }
    };
    checks.push(if build == build_id() {
        Check::ok("daemon", format!("running, pid {}, version {}, up {}s", status.pid, status.version, status.uptime_s))
    } else {
        let message = format!("pid {} is of another build ({}) than this command", status.pid, status.version);
        Check::warn("daemon", message, "`portus daemon restart` starts this one; leases stay")
    });
    match client.all_leases(Scope::All, false) {
        Err(error) => checks.push(Check::fail("leases", &error.into())),
        Ok(listing) => {
            let count = |is: fn(&portus_proto::Lease) -> bool| listing.leases.iter().filter(|lease| is(lease)).count();
            let (contested, orphaned) = (count(|lease| lease.contested), count(|lease| lease.orphaned));
            let drifted = count(|lease| lease.drifted_to.is_some());
            let total = listing.leases.len();
            let message = format!("{total} live, {contested} contested, {orphaned} orphaned, {drifted} drifted");
            checks.push(if contested + orphaned + drifted == 0 {
                Check::ok("leases", message)
            } else {
                Check::warn("leases", message, "`portus list --all` shows them; `portus explain PORT` says what to do")
            });
            let wanted = count(|lease| lease.guarded);
            let held = usize::try_from(status.guards).unwrap_or(usize::MAX);
            checks.push(if held < wanted {
                let message = format!("{wanted} leases are guarded, and only {held} guards are held");
                Check::warn("guards", message, "`portus daemon restart` takes them again")
            } else {
                Check::ok("guards", format!("{held} held"))
            });
        }
    }
    checks.extend(super::figures::checks(&mut client, config));
    Some(status)
}

/// Ranges within which the system itself draws numbers for outgoing connections.
fn ranges(config: Option<&Config>, status: Option<&Status>) -> Vec<Check> {
    let Some(ephemeral) = EphemeralPorts::read() else {
        return vec![Check::ok("ranges", "the system does not tell its ephemeral range")];
    };
    let default = "20000-29999".parse::<PortRange>().ok();
    let pool = config.and_then(|config| config.pool.range.as_ref().map(|range| range.value));
    let pool = pool.or_else(|| status.map(|status| status.pool)).or(default);
    let mut ranges: Vec<(String, PortRange)> = pool.map(|pool| ("pool.range".to_owned(), pool)).into_iter().collect();
    let expand = config.and_then(|config| config.pool.expand_range.as_ref());
    ranges.extend(expand.map(|range| ("pool.expand_range".to_owned(), range.value)));
    let of_requests = config.and_then(|config| config.environment.range.as_ref());
    ranges.extend(of_requests.map(|range| ("request.range".to_owned(), range.value)));
    for (name, service) in config.iter().flat_map(|config| &config.services) {
        let range = service.range.as_ref().map(|range| (format!("services.{name}.range"), range.value));
        let fallback = service.fallback.as_ref().map(|range| (format!("services.{name}.fallback"), range.value));
        ranges.extend(range.into_iter().chain(fallback));
    }
    // Several services often share a range: one sentence for each range is enough.
    let mut named: BTreeMap<PortRange, Vec<String>> = BTreeMap::new();
    for (name, range) in ranges.into_iter().filter(|(_, range)| ephemeral.may_draw_from(*range)) {
        named.entry(range).or_default().push(name);
    }
    let overlapping: Vec<Check> = named
        .iter()
        .map(|(range, names)| {
            let names = names.join(", ");
            let message = format!("{names}: {range} overlaps the system's ephemeral range {}", ephemeral.range);
            let reservation = ephemeral.reservation(*range);
            let reserve = reservation.map(|command| format!(", or reserve this one: `{command}`")).unwrap_or_default();
            let hint = format!("a client's socket can take such a port at any time; choose a range outside{reserve}");
            Check::warn("ranges", message, hint)
        })
        .collect();
    if overlapping.is_empty() {
        let message = format!("all outside the system's ephemeral range {}, or reserved", ephemeral.range);
        return vec![Check::ok("ranges", message)];
    }
    overlapping
}
