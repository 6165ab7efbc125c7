//! `stats`: sandboxes with what their links have carried.

use crate::api::view;
use crate::channel::SandboxCounters;
use crate::controller::DnsCounts;
use crate::model::{Flow, IfName, Sandbox, State, Traffic};
use std::collections::BTreeMap;

/// Shows every sandbox; one that has ended, or uses another's namespace, has no links.
pub fn stats(
    state: &State,
    traffic: &BTreeMap<IfName, Traffic>,
    dns: &DnsCounts,
) -> Vec<view::Stats> {
    state.sandboxes.values().map(|sandbox| one(state, sandbox, traffic, dns)).collect()
}

fn one(
    state: &State,
    sandbox: &Sandbox,
    traffic: &BTreeMap<IfName, Traffic>,
    dns: &DnsCounts,
) -> view::Stats {
    let links = state.endpoints_of(sandbox.id).into_iter().map(|(endpoint, network)| {
        // A link that is being made has carried nothing yet.
        let carried = traffic.get(&endpoint.host_link).copied().unwrap_or_default();
        view::LinkStats {
            network: network.name.to_string(),
            interface: endpoint.link.to_string(),
            received: flow(carried.received),
            sent: flow(carried.sent),
        }
    });
    view::Stats {
        id: sandbox.id.to_string(),
        name: sandbox.name.to_string(),
        running: sandbox.is_running(),
        links: links.collect(),
        dns: queries(dns.sandboxes.get(&sandbox.id).copied().unwrap_or_default()),
    }
}

fn flow(flow: Flow) -> view::Flow {
    let Flow { bytes, packets, dropped, errors } = flow;
    view::Flow { bytes, packets, dropped, errors }
}

fn queries(counted: SandboxCounters) -> view::DnsStats {
    let SandboxCounters { queries, local, cached, stale, forwarded, failed } = counted;
    view::DnsStats { queries, local, cached, stale, forwarded, failed }
}
