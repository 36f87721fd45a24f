//! `portus env`

use std::collections::BTreeMap;

use clap::ValueEnum;
use portus_client::config::Wish;
use portus_client::{Assigned, Client, Workspace, environment, requester};
use portus_core::{Port, ServiceName};
use portus_proto::{Ask, Claim, RequestCall};
use serde::Serialize;

use crate::args::Place;
use crate::asking::declared_without_daemon;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::{Ports, of_commands};

/// Print the environment of this worktree's services, for eval, direnv or .env
///
/// PORT is the named service's, else the package's, else that of the first one. Services that portus.toml declares
/// have their numbers before they start.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Whose port is PORT
    #[arg(value_name = "SERVICE")]
    service: Option<ServiceName>,
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Sh)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// export NAME='value'
    Sh,
    /// set -gx NAME 'value'
    Fish,
    /// NAME=value
    Dotenv,
    /// {"NAME": "value"}
    Json,
    /// $env:NAME = 'value'
    Powershell,
}

/// The variables by name, as a reply.
#[derive(Serialize)]
struct Variables {
    env: BTreeMap<String, String>,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let assigned = match workspace.config.disabled_by {
        Some(switch) => {
            context.output.note_ahead(&format!("{switch} is set: these are only the ports that services prefer"));
            declared_without_daemon(&workspace)?
        }
        None => assigned(&workspace, args.service.as_ref(), &mut context.connect()?)?,
    };
    let main = match args.service {
        Some(service) => Some(known(service, &assigned)?),
        None => {
            let own = workspace.service()?;
            let is_known = assigned.iter().any(|known| known.service == own);
            if is_known { Some(own) } else { assigned.first().map(|first| first.service.clone()) }
        }
    };
    if assigned.is_empty() {
        context.output.note("this worktree has no ports yet: `portus request SERVICE` leases one");
    }
    let mut variables = environment(&assigned, main.as_ref(), &workspace.config)
        .map_err(|error| Failure::usage(error.to_string(), "rename one of the services"))?;
    let services: BTreeMap<ServiceName, Port> =
        assigned.iter().map(|known| (known.service.clone(), known.port)).collect();
    if let Some((main, own)) = main.and_then(|main| services.get(&main).map(|own| (main.clone(), *own))) {
        variables.extend(of_commands(&workspace, &Ports { own, services: services.clone() }, &main)?);
    }
    if context.output.json {
        context.output.reply(Variables { env: variables.into_iter().collect() })?;
    } else {
        context.output.data(written(&variables, args.format)?.as_bytes())?;
    }
    Ok(Exit::DONE)
}

fn known(service: ServiceName, assigned: &[Assigned]) -> Result<ServiceName, Failure> {
    if assigned.iter().any(|known| known.service == service) {
        return Ok(service);
    }
    let hint = format!("`portus request {service}` leases one");
    Err(Failure::new(Exit::NOT_FOUND, "no_such_lease", format!("`{service}` has no port in this worktree"), hint))
}

/// The services of this worktree with their ports: those with a live lease, those that the configuration declares, and
/// the one asked for. What was used here once is none of these. Declared ones that have no number are given one.
fn assigned(workspace: &Workspace, asked: Option<&ServiceName>, client: &mut Client) -> Result<Vec<Assigned>, Failure> {
    let mut ports: BTreeMap<ServiceName, Assigned> = BTreeMap::new();
    let is_told = |service: &ServiceName| workspace.config.services.contains_key(service) || Some(service) == asked;
    for claim in claimed(workspace, client)?.into_iter().filter(|claim| is_told(&claim.service)) {
        ports.insert(claim.service.clone(), claim);
    }
    let leases = client.all_leases(workspace.scope(), false)?.leases;
    for lease in leases.into_iter().filter(|lease| lease.project == workspace.project) {
        let service = lease.service.clone();
        ports.insert(service, Assigned { service: lease.service, port: lease.port, protocol: lease.protocol });
    }
    Ok(ports.into_values().collect())
}

/// A worktree may have been used under another project's name before: those numbers are not meant.
fn own_claims(workspace: &Workspace, client: &mut Client) -> Result<Vec<Claim>, Failure> {
    let mut claims = client.all_claims(workspace.scope())?;
    claims.retain(|claim| claim.project == workspace.project);
    Ok(claims)
}

fn claimed(workspace: &Workspace, client: &mut Client) -> Result<Vec<Assigned>, Failure> {
    let mut claims = own_claims(workspace, client)?;
    let is_claimed = |service: &&ServiceName| claims.iter().any(|claim| claim.service == **service);
    let asks: Vec<Ask> = workspace
        .config
        .services
        .keys()
        .filter(|service| !is_claimed(service))
        .map(|service| {
            let key = workspace.key(service.clone());
            let ask = workspace.config.ask(key, &Wish::default(), workspace.linked.as_deref());
            Ask { claim_only: true, ..ask }
        })
        .collect();
    if !asks.is_empty() {
        let call = RequestCall {
            asks,
            contiguous: false,
            holder: None,
            requester: requester(),
            ttl_ms: None,
            guard: None,
            wait_ms: None,
        };
        client.request_mirrored(call, &workspace.mirror())?;
        claims = own_claims(workspace, client)?;
    }
    Ok(claims
        .into_iter()
        .map(|claim| Assigned { service: claim.service, port: claim.port, protocol: claim.protocol })
        .collect())
}

fn written(variables: &[(String, String)], format: Format) -> Result<String, Failure> {
    if format == Format::Json {
        let by_name: BTreeMap<&String, &String> = variables.iter().map(|(name, value)| (name, value)).collect();
        let text = serde_json::to_string_pretty(&by_name)
            .map_err(|error| Failure::new(Exit::FAILED, "internal", error.to_string(), ""))?;
        return Ok(text + "\n");
    }
    Ok(variables.iter().map(|(name, value)| line(name, value, format) + "\n").collect())
}

fn line(name: &str, value: &str, format: Format) -> String {
    match format {
        Format::Sh => format!("export {name}={}", sh(value)),
        Format::Fish => format!("set -gx {name} '{}'", value.replace('\\', "\\\\").replace('\'', "\\'")),
        Format::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        Format::Dotenv => format!("{name}={}", dotenv(value)),
        Format::Json => String::new(),
    }
}

/// Quoted only where a shell would read something else into it.
fn sh(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-=".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

/// In double quotes, with what the readers of `.env` files replace kept from them.
fn dotenv(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-=".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' | '$' | '`' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_quoted_its_own_way() {
        for (format, value, wanted) in [
            (Format::Sh, "3000", "export X=3000"),
            (Format::Sh, "http://localhost:3000", "export X=http://localhost:3000"),
            (Format::Sh, "a'b $c", "export X='a'\\''b $c'"),
            (Format::Sh, "", "export X=''"),
            (Format::Sh, "a\nb;rm", "export X='a\nb;rm'"),
            (Format::Fish, "it's \\ $x", "set -gx X 'it\\'s \\\\ $x'"),
            (Format::Powershell, "it's $x", "$env:X = 'it''s $x'"),
            (Format::Dotenv, "3000", "X=3000"),
            (Format::Dotenv, "a \"b\" $c\n", "X=\"a \\\"b\\\" \\$c\\n\""),
            (Format::Dotenv, "", "X="),
        ] {
            assert_eq!(line("X", value, format), wanted);
        }
    }
}
