//! `ps --filter`: Docker's keys that mean something here. Where Docker looks at sandboxes that have ended although `-a` was
//! not given (`status`), so does this.

use super::listing;
use crate::api::view;
use crate::cli::filter::Filters;
use crate::cli::outcome::Failure;
use crate::cli::spec;
use regex::Regex;

const KNOWN: [&str; 10] =
    ["id", "name", "label", "status", "exited", "network", "before", "since", "publish", "expose"];

/// States of Docker's; here a sandbox is in one of two of them.
const STATES: [&str; 7] =
    ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

/// What `ps` shows, read from its filters.
pub struct PsFilter {
    filters: Filters,
    names: Vec<Regex>,
}

impl PsFilter {
    /// Parses `K=V` texts. A value that its key cannot have is a failure.
    pub fn parse(texts: &[String]) -> Result<Self, Failure> {
        let filters = Filters::parse(texts, &KNOWN)?;
        filters.check("status", &STATES.join(", "), |value| STATES.contains(&value))?;
        filters.check("exited", "an exit code", |value| value.parse::<i32>().is_ok())?;
        for key in ["publish", "expose"] {
            filters.check(key, "PORT[/tcp|udp]", |value| spec::expose(value).is_ok())?;
        }
        let name = |value: &str| {
            Regex::new(value).map_err(|_| {
                Failure::new(format!("invalid filter 'name={}'", value.escape_debug()))
                    .hint("name is a regular expression: web, ^web$")
            })
        };
        let names = filters.values("name").map(name).collect::<Result<_, _>>()?;
        Ok(Self { filters, names })
    }

    /// Keeps those that match of all sandboxes; those that have ended only if they are asked for.
    pub fn keep(&self, sandboxes: &mut Vec<view::Sandbox>, all: bool) -> Result<(), Failure> {
        let before = self.created("before", sandboxes)?;
        let since = self.created("since", sandboxes)?;
        let all = all || self.filters.values("status").next().is_some();
        sandboxes.retain(|sandbox| {
            (all || sandbox.state.running)
                && before.iter().all(|time| sandbox.created < *time)
                && since.iter().all(|time| sandbox.created > *time)
                && self.matches(sandbox)
        });
        Ok(())
    }

    /// Returns when the sandboxes were made that a filter names.
    fn created(&self, key: &str, sandboxes: &[view::Sandbox]) -> Result<Vec<String>, Failure> {
        let find = |text: &str| {
            let named = |s: &&view::Sandbox| s.name == text || s.id == text;
            let prefixed = |s: &&view::Sandbox| !text.is_empty() && s.id.starts_with(text);
            let found = sandboxes.iter().find(named).or_else(|| sandboxes.iter().find(prefixed));
            found.map(|sandbox| sandbox.created.clone()).ok_or_else(|| {
                Failure::new(format!("No such sandbox: {}", text.escape_debug()))
                    .hint("netdns ps -a lists them")
            })
        };
        self.filters.values(key).map(find).collect()
    }

    fn matches(&self, sandbox: &view::Sandbox) -> bool {
        let Self { filters, names } = self;
        let networks = &sandbox.network_settings.networks;
        let on = |wanted: &str| {
            networks.iter().any(|(name, on)| name == wanted || on.network_id == wanted)
                || sandbox.host_config.network_mode == wanted
        };
        let exited =
            |wanted: &str| !sandbox.state.running && wanted.parse() == Ok(sandbox.state.exit_code);
        let ports = |wanted: &str| spec::expose(wanted).unwrap_or_default();
        let among = |wanted: &str, key: &str| ports(wanted).iter().any(|p| p.to_string() == key);
        let published =
            |wanted: &str| listing::published(sandbox).any(|(key, _)| among(wanted, key));
        let exposed = |wanted: &str| {
            ports(wanted).iter().any(|p| sandbox.config.exposed_ports.contains_key(&p.to_string()))
        };
        filters.any("id", |value| sandbox.id.starts_with(value))
            && (names.is_empty() || names.iter().any(|name| name.is_match(&sandbox.name)))
            && filters.any("status", |value| sandbox.state.status == value)
            && filters.any("exited", exited)
            && filters.any("network", on)
            && filters.any("publish", published)
            && filters.any("expose", exposed)
            && filters.labels(&sandbox.config.labels)
    }
}
