//! The command as it is started: its ports filled in, its flag added, its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

use portus_client::config::ConfigError;
use portus_client::{Assigned, CallError, Workspace, WorkspaceError};
use portus_core::{Port, ServiceName};
use portus_os::supervise::Spec;
use portus_proto::Claim;

use super::RunArgs;
use super::announce::Voice;
use super::expand::{Ports, UnknownService, expand};
use super::frameworks::{self, Addition};
use super::lease::Tenancy;
use crate::failure::Failure;

/// The variable that marks the processes of a lease.
pub(super) const MARKER: &str = "PORTUS_LEASE";

/// A command, ready to start.
#[derive(Debug)]
pub(super) struct Command {
    spec: Spec,
    addition: Option<Addition>,
}

/// The ports that a command can be told of.
#[derive(Debug)]
pub(super) struct Known {
    /// Those of its environment: its own, declared ones, and those with a live lease.
    assigned: Vec<Assigned>,
    /// Numbers of services that this worktree once used. They are there for who names them, and not told otherwise.
    used_once: BTreeMap<ServiceName, Port>,
}

impl Known {
    /// These ports.
    pub(super) const fn only(assigned: Vec<Assigned>) -> Self {
        Self { assigned, used_once: BTreeMap::new() }
    }

    /// These ports and those of the worktree's other services.
    pub(super) fn around(
        mut assigned: Vec<Assigned>,
        workspace: &Workspace,
        tenancy: &mut Tenancy,
    ) -> Result<Self, CallError> {
        let live = tenancy.live_services()?;
        let mut used_once = BTreeMap::new();
        for Claim { service, port, protocol, .. } in tenancy.claims()? {
            if assigned.iter().any(|known| known.service == service) {
                continue;
            }
            if workspace.config.services.contains_key(&service) || live.contains(&service) {
                assigned.push(Assigned { service, port, protocol });
            } else {
                used_once.insert(service, port);
            }
        }
        Ok(Self { assigned, used_once })
    }
}

impl Command {
    /// Fills in what the leases say.
    pub(super) fn prepare(args: &RunArgs, workspace: &Workspace, tenancy: &mut Tenancy) -> Result<Self, Failure> {
        let leases = tenancy.leases();
        let Some(main) = leases.first().map(|lease| lease.service.clone()) else {
            return Err(Failure::new(crate::exit::Exit::FAILED, "internal", "the daemon gave no lease", ""));
        };
        let assigned: Vec<Assigned> = leases
            .iter()
            .map(|lease| Assigned { service: lease.service.clone(), port: lease.port, protocol: lease.protocol })
            .collect();
        let ids: Vec<String> = leases.iter().map(|lease| lease.id.to_string()).collect();
        let marker = format!("{}:{}", tenancy.journal(), ids.join(","));
        let known = Known::around(assigned, workspace, tenancy)?;
        Self::with(args, workspace, known, &main, Some(marker))
    }

    /// Fills in these ports; `main` is one of the services.
    pub(super) fn with(
        args: &RunArgs,
        workspace: &Workspace,
        known: Known,
        main: &ServiceName,
        marker: Option<String>,
    ) -> Result<Self, Failure> {
        let Known { assigned, used_once: mut services } = known;
        services.extend(assigned.iter().map(|assigned| (assigned.service.clone(), assigned.port)));
        let Some(own) = services.get(main).copied() else {
            return Err(Failure::new(crate::exit::Exit::FAILED, "internal", format!("`{main}` has no port"), ""));
        };
        let ports = Ports { own, services };
        let mut words = args.command.clone();
        let mut addition = None;
        if !args.no_expand {
            let says_port = fill_in(&mut words, &ports)?;
            if !says_port {
                addition = add_flag(&mut words, own);
            }
        }
        let variables = portus_client::environment(&assigned, Some(main), &workspace.config)
            .map_err(|error| Failure::usage(error.to_string(), "rename one of the services"))?;
        let variables = variables
            .into_iter()
            .chain(of_commands(workspace, &ports, main)?)
            .chain(marker.map(|marker| (MARKER.to_owned(), marker)));
        let env = variables.map(|(name, value)| (name.into(), Some(value.into()))).collect();
        let program = if words.is_empty() { OsString::new() } else { words.remove(0) };
        Ok(Self { spec: Spec { program, args: words, env, cwd: None }, addition })
    }

    /// What to start.
    pub(super) const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Says what was added to the command.
    pub(super) fn tell(&self, voice: Voice) {
        if let Some(Addition { tool, arguments, .. }) = &self.addition {
            voice.tell("flag", &[], &format!("{tool} does not heed PORT: added {}", arguments.join(" ")));
        }
    }
}

/// Fills the ports into the words. Whether one of them says `{port}`.
fn fill_in(words: &mut [OsString], ports: &Ports) -> Result<bool, Failure> {
    let mut says_port = false;
    for word in words {
        // What is not text has no placeholder.
        let Some(text) = word.to_str().filter(|text| text.contains('{')) else { continue };
        let expanded = expand(text, ports).map_err(|error| unknown_service(&error))?;
        says_port |= expanded.says_port;
        *word = expanded.text.into();
    }
    Ok(says_port)
}

fn unknown_service(error: &UnknownService) -> Failure {
    Failure::usage(
        error.to_string(),
        format!("declare it in portus.toml ([services.{}]), or lease it with -s {}", error.name, error.name),
    )
}

/// Adds the flag of a tool that does not heed `PORT`.
fn add_flag(words: &mut Vec<OsString>, port: Port) -> Option<Addition> {
    let text: Option<Vec<String>> = words.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    let cwd = std::env::current_dir().ok()?;
    let addition = frameworks::addition(&text?, &cwd, port)?;
    words.splice(addition.at..addition.at, addition.arguments.iter().map(OsString::from));
    Some(addition)
}

/// The variables that the configuration has for commands. Those of the main service go before the others', and only
/// its own mistakes are the user's at this moment.
pub(crate) fn of_commands(
    workspace: &Workspace,
    ports: &Ports,
    main: &ServiceName,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = BTreeMap::new();
    let declared = &workspace.config.services;
    let (own, others): (Vec<_>, Vec<_>) = declared.values().partition(|service| service.name == *main);
    for service in others.into_iter().chain(own) {
        let Some(port) = ports.services.get(&service.name) else { continue };
        let ports = Ports { own: *port, services: ports.services.clone() };
        for (name, template) in &service.command_env {
            match expand(&template.value, &ports) {
                Ok(expanded) => drop(variables.insert(name.clone(), expanded.text)),
                Err(error) if service.name == *main => {
                    let key = format!("services.{}.command_env.{name}", service.name);
                    let failure = unknown_service(&error);
                    let at = template.source.clone();
                    let message = format!("`{key}`: {}", failure.message);
                    let error = ConfigError { at, message, hint: failure.hint };
                    return Err(WorkspaceError::from(error).into());
                }
                Err(_) => {}
            }
        }
    }
    Ok(variables)
}
