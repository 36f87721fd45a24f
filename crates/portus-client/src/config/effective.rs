//! Every value that counts, and where it was said: for `portus doctor`.

use std::fmt::Display;

use super::error::Sourced;
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
        list.shown("project.name", self.project_name.as_ref(), "the repository's", |name| name.clone());
        list.shown("pool.range", self.pool.range.as_ref(), "20000-29999", ToString::to_string);
        for range in &self.pool.exclude {
            list.push("pool.exclude", range.value, &range.source);
        }
        list.shown("pool.on_exhausted", self.pool.on_exhausted.as_ref(), "fail", |wish| match wish {
            OnExhausted::Fail => "fail".to_owned(),
            OnExhausted::Expand => "expand".to_owned(),
        });
        list.shown("pool.expand_range", self.pool.expand_range.as_ref(), "none", ToString::to_string);
        list.shown("pool.dead", self.pool.dead.as_ref(), "reboot", |wish| match wish {
            UnboundPorts::Reboot => "reboot".to_owned(),
            UnboundPorts::Keep => "keep".to_owned(),
        });
        let span = |duration: &std::time::Duration| show_duration(*duration);
        list.shown("leases.pending", settings.pending.as_ref(), "5m", span);
        list.shown("leases.lapsing", settings.lapsing.as_ref(), "30s", span);
        list.shown("leases.ttl_max", settings.ttl_max.as_ref(), "24h", span);
        list.shown("leases.cool_down", settings.cool_down.as_ref(), "1m", span);
        list.shown("claims.unused", settings.claim_unused.as_ref(), "30d", span);
        list.shown("claims.missing", settings.claim_missing.as_ref(), "7d", span);
        list.shown("daemon.idle_exit", settings.idle_exit.as_ref(), "10m", |idle| {
            if idle.is_zero() { "never".to_owned() } else { show_duration(*idle) }
        });
        list.shown("daemon.log_level", settings.log_level.as_ref(), "info", String::clone);
        list.shown("metrics.address", settings.metrics_address.as_ref(), "off", ToString::to_string);
        list.shown("alerts.pool_percent", settings.alert_pool_percent.as_ref(), "90", ToString::to_string);
        list.shown("mirror.ports_json", self.mirror.as_ref(), "off", |path| path.display().to_string());
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

    fn shown<T>(&mut self, name: &str, set: Option<&Sourced<T>>, default: &str, show: impl Fn(&T) -> String) {
        match set {
            Some(set) => self.push(name, show(&set.value), &set.source),
            None => self.push(name, default, &Source::Default),
        }
    }

    fn set<T: Display>(&mut self, name: String, set: Option<&Sourced<T>>) {
        if let Some(set) = set {
            self.push(&name, &set.value, &set.source);
        }
    }

    fn service(&mut self, name: &str, service: &super::Service) {
        self.set(format!("{name}.preferred"), service.preferred.as_ref());
        self.set(format!("{name}.range"), service.range.as_ref());
        self.set(format!("{name}.fallback"), service.fallback.as_ref());
        self.set(format!("{name}.protocol"), service.protocol.as_ref());
        self.set(format!("{name}.health"), service.health.as_ref());
        for variable in &service.env {
            self.set(format!("{name}.env"), Some(variable));
        }
        for (variable, value) in &service.command_env {
            self.set(format!("{name}.command_env.{variable}"), Some(value));
        }
    }
}
