//! `portus.toml`: what a project wishes for. Not trusted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portus_core::{Port, PortRange, Protocol, ServiceName};
use portus_proto::ports_json::check_path;

use super::error::{ConfigError, Sourced, nearest};
use super::read::{Document, Section};
use super::settings::{Pool, pool};
use super::{Service, keys, names};
use crate::environment::variable_part;

/// The most services one project may declare: as many as one request may name.
const SERVICES_MAX: usize = 64;

/// The longest project name, in bytes.
const PROJECT_NAME_LEN_MAX: usize = 200;

/// What one file says.
pub(super) struct ProjectFile {
    pub(super) name: Option<Sourced<String>>,
    pub(super) pool: Pool,
    pub(super) services: Vec<Service>,
    pub(super) mirror: Option<Sourced<PathBuf>>,
}

/// Whether a text may stand in a project's file of this path, by itself.
///
/// # Errors
/// [`ConfigError`] names the first mistake.
pub fn check_project_text(path: &Path, text: &str) -> Result<(), ConfigError> {
    let found = parse(path, text)?;
    check_names(&found.services.into_iter().map(|service| (service.name.clone(), service)).collect())
}

pub(super) fn parse(path: &Path, text: &str) -> Result<ProjectFile, ConfigError> {
    let document = Document { path, text };
    let table = document.parse()?;
    let root = Section::whole(document, table.get_ref());
    root.knows_tables(keys::PROJECT_FILE)?;

    let mut file = ProjectFile { name: None, pool: Pool::default(), services: Vec::new(), mirror: None };
    if let Some(project) = root.known_table(&keys::PROJECT)? {
        file.name = project.text("name", |text| project_name(text).map(str::to_owned))?;
    }
    if let Some(section) = root.known_table(&keys::POOL)? {
        file.pool = pool(&section)?;
    }
    if let Some(mirror) = root.known_table(&keys::MIRROR)? {
        file.mirror = mirror.text("ports_json", mirror_path)?;
    }
    if let Some(services) = root.table(&keys::SERVICE)? {
        for (key, source) in services.keys() {
            let parsed = key.parse::<ServiceName>();
            let name = parsed.map_err(|error| ConfigError::new(source.clone(), error.to_string(), ""))?;
            if file.services.len() == SERVICES_MAX {
                return Err(ConfigError::new(source, format!("more than {SERVICES_MAX} services"), ""));
            }
            let full = format!("services.{key}");
            if let Some(section) = services.section(key, &full)? {
                file.services.push(service(name, source, &section)?);
            }
        }
    }
    Ok(file)
}

fn service(name: ServiceName, source: super::Source, section: &Section<'_>) -> Result<Service, ConfigError> {
    section.knows_keys(&keys::SERVICE)?;
    let range = |text: &str| text.parse::<PortRange>().map_err(|error| error.to_string());
    let mut command_env = Vec::new();
    if let Some(variables) = section.section("command_env", "command_env")? {
        for (key, source) in variables.keys() {
            if let Some(why) = names::refusal(key) {
                return Err(ConfigError::new(source, why, ""));
            }
            if let Some(value) = variables.scalar(key, template)? {
                command_env.push((key.to_owned(), value));
            }
        }
    }
    Ok(Service {
        preferred: section.scalar("preferred", |text| text.parse::<Port>().map_err(|error| error.to_string()))?,
        range: section.text("range", range)?,
        fallback: section.scalar("fallback", range)?,
        protocol: section.text("protocol", protocol)?,
        env: section.scalars("env", |text| names::refusal(text).map_or_else(|| Ok(text.to_owned()), Err))?,
        health: section.text("health", health)?,
        command_env,
        name,
        source,
    })
}

fn protocol(text: &str) -> Result<Protocol, String> {
    const WORDS: [(&str, Protocol); 3] = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("both", Protocol::Both)];
    WORDS.iter().find(|(word, _)| *word == text).map(|(_, protocol)| *protocol).ok_or_else(|| {
        let near = nearest(text, &WORDS.map(|(word, _)| word)).map(|near| format!(" (did you mean `{near}`?)"));
        format!("`{}` is no protocol: tcp, udp or both{}", text.escape_debug(), near.unwrap_or_default())
    })
}

/// A value that ends up in an environment cannot hold a zero byte.
fn template(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err("holds a zero byte".to_owned()) } else { Ok(text.to_owned()) }
}

/// A path, or a URL of this machine: a clone must not make us call somebody else.
fn health(text: &str) -> Result<String, String> {
    text.parse::<crate::health::Check>().map(|_| text.to_owned())
}

/// The path of a mirror within its worktree.
///
/// # Errors
/// What is wrong with it, in words.
pub fn mirror_path(text: &str) -> Result<PathBuf, String> {
    check_path(text).map_err(|why| format!("`{}` {why}", text.escape_debug()))?;
    Ok(PathBuf::from(text))
}

/// A project's name as people give it.
pub(crate) fn project_name(text: &str) -> Result<&str, String> {
    if text.trim().is_empty() {
        return Err("a project's name is not empty".to_owned());
    }
    if text.len() > PROJECT_NAME_LEN_MAX {
        return Err(format!("a project's name has at most {PROJECT_NAME_LEN_MAX} bytes, this one {}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("a project's name has no control characters: `{}`", text.escape_debug()));
    }
    Ok(text)
}

/// Refuses two services that would be told to programs under one name. `PORT` is always a program's own.
pub(super) fn check_names(services: &BTreeMap<ServiceName, Service>) -> Result<(), ConfigError> {
    let mut parts: BTreeMap<String, &ServiceName> = BTreeMap::new();
    let mut variables: BTreeMap<&str, &ServiceName> = BTreeMap::new();
    for service in services.values() {
        let part = variable_part(&service.name);
        if let Some(other) = parts.insert(part.clone(), &service.name) {
            return Err(ConfigError::new(
                service.source.clone(),
                format!("the services `{other}` and `{}` would both be PORTUS_PORT_{part}", service.name),
                "rename one of them",
            ));
        }
        for variable in service.env.iter().filter(|variable| variable.value != "PORT") {
            match variables.insert(&variable.value, &service.name) {
                Some(other) if *other != service.name => {
                    return Err(ConfigError::new(
                        variable.source.clone(),
                        format!("the services `{other}` and `{}` both set `{}`", service.name, variable.value),
                        "give one of them another variable",
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
