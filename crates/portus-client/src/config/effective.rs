//! Every value that counts, and where it was said: for `portus doctor`.

use std::fmt::Display;

use super::error::Sourced;
use super::keys::{self, Table};
use super::settings::{OnExhausted, UnboundPorts};
use super::{Config, Source};
use crate::duration::show_duration;

/// One value that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its name, such as `pool.range`.
    pub name: String,
    /// Its value as it would be written.
    pub value: String,
    /// Where it was said.
    pub source: String,
}

impl Config {
    /// Every value that counts, the defaults included.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let mut list = List(Vec::new());
        let settings = &self.settings;
        list.said("disabled", self.disabled_by.map(|by| ("yes", by)), "no");
        list.set("request.preferred", self.environment.preferred.as_ref());
        list.set("request.range", self.environment.range.as_ref());
        list.of(&keys::POOL, "range", self.pool.range.as_ref(), ToString::to_string);
        for range in &self.pool.exclude {
            list.push("pool.exclude", range.value, &range.source);
        }
        list.of(&keys::POOL, "on_exhausted", self.pool.on_exhausted.as_ref(), |wish| match wish {
            OnExhausted::Fail => "fail".to_owned(),
            OnExhausted::Expand => "expand".to_owned(),
        });
        list.of(&keys::POOL, "expand_range", self.pool.expand_range.as_ref(), ToString::to_string);
        list.of(&keys::POOL, "dead", self.pool.dead.as_ref(), |wish| match wish {
            UnboundPorts::Reboot => "reboot".to_owned(),
            UnboundPorts::Keep => "keep".to_owned(),
        });
        let span = |duration: &std::time::Duration| show_duration(*duration);
        list.of(&keys::LEASES, "pending", settings.pending.as_ref(), span);
        list.of(&keys::LEASES, "lapsing", settings.lapsing.as_ref(), span);
        list.of(&keys::LEASES, "ttl_max", settings.ttl_max.as_ref(), span);
        list.of(&keys::LEASES, "cool_down", settings.cool_down.as_ref(), span);
        list.of(&keys::CLAIMS, "unused", settings.claim_unused.as_ref(), span);
        list.of(&keys::CLAIMS, "missing", settings.claim_missing.as_ref(), span);
        list.of(&keys::DAEMON, "idle_exit", settings.idle_exit.as_ref(), |idle| {
            if idle.is_zero() { "never".to_owned() } else { show_duration(*idle) }
        });
        list.of(&keys::DAEMON, "log_level", settings.log_level.as_ref(), String::clone);
        list.of(&keys::METRICS, "address", settings.metrics_address.as_ref(), ToString::to_string);
        list.of(&keys::ALERTS, "pool_percent", settings.alert_pool_percent.as_ref(), ToString::to_string);
        list.of(&keys::MIRROR, "ports_json", self.mirror.as_ref(), |path| path.display().to_string());
        for (name, service) in &self.services {
            list.service(&format!("services.{name}"), service);
        }
        list.0
    }
}

struct List(Vec<Effective>);

impl List {
    fn push(&mut self, name: &str, value: impl Display, source: &Source) {
        self.0.push(Effective { name: name.to_owned(), value: value.to_string(), source: source.to_string() });
    }

    /// A setting of a section, or what counts where nothing is said.
    fn of<T>(&mut self, table: &Table, key: &str, set: Option<&Sourced<T>>, show: impl Fn(&T) -> String) {
        self.shown(&format!("{}.{key}", table.name), set, table.default(key), show);
    }

    fn shown<T>(&mut self, name: &str, set: Option<&Sourced<T>>, default: &str, show: impl Fn(&T) -> String) {
        match set {
            Some(set) => self.push(name, show(&set.value), &set.source),
            None => self.push(name, default, &Source::Default),
        }
    }

    /// A switch that a variable may have set.
    fn said(&mut self, name: &str, by: Option<(&str, &str)>, default: &str) {
        match by {
            Some((value, variable)) => self.push(name, value, &Source::Environment(variable.to_owned())),
            None => self.push(name, default, &Source::Default),
        }
    }

    /// Only where something is said.
    fn set<T: Display>(&mut self, name: &str, set: Option<&Sourced<T>>) {
        if let Some(set) = set {
            self.push(name, &set.value, &set.source);
        }
    }

    fn service(&mut self, name: &str, service: &super::Service) {
        let full = |key: &str| format!("{name}.{key}");
        let default = |key: &str| keys::SERVICE.default(key);
        self.shown(&full("preferred"), service.preferred.as_ref(), default("preferred"), ToString::to_string);
        self.shown(&full("range"), service.range.as_ref(), "the pool's", ToString::to_string);
        self.shown(&full("fallback"), service.fallback.as_ref(), default("fallback"), ToString::to_string);
        self.shown(&full("protocol"), service.protocol.as_ref(), default("protocol"), ToString::to_string);
        self.shown(&full("health"), service.health.as_ref(), default("health"), String::clone);
        for variable in &service.env {
            self.push(&full("env"), &variable.value, &variable.source);
        }
        for (variable, value) in &service.command_env {
            self.push(&full(&format!("command_env.{variable}")), &value.value, &value.source);
        }
    }
}
