//! `inspect` of a sandbox.

use super::{address, or_empty, rfc3339};
use crate::api::view;
use crate::model::{Endpoint, ExtraHost, HostTarget, Network, Origin, Sandbox, State, Status};
use crate::registry::endpoint_names;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What Docker writes for the end of a sandbox that has not ended.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Shows a sandbox with its endpoints.
pub fn sandbox(state: &State, sandbox: &Sandbox) -> view::Sandbox {
    view::Sandbox {
        id: sandbox.id.to_string(),
        name: sandbox.name.to_string(),
        created: rfc3339(sandbox.created),
        state: sandbox_state(sandbox),
        config: config(sandbox),
        host_config: host_config(sandbox),
        network_settings: network_settings(state, sandbox),
    }
}

fn sandbox_state(sandbox: &Sandbox) -> view::SandboxState {
    let (status, exit_code, finished_at) = match sandbox.status {
        Status::Running => ("running", 0, NEVER.to_owned()),
        Status::Exited { code, at } => ("exited", code, rfc3339(at)),
    };
    let pid = match sandbox.origin {
        Origin::Init(pid) if sandbox.is_running() => pid,
        Origin::Init(_) | Origin::Pid(_) | Origin::Netns(_) => 0,
    };
    view::SandboxState {
        status: status.into(),
        running: sandbox.is_running(),
        paused: false,
        pid,
        exit_code,
        started_at: rfc3339(sandbox.created),
        finished_at,
    }
}

fn config(sandbox: &Sandbox) -> view::Config {
    let config = &sandbox.config;
    let singles = sandbox.publish.iter().flat_map(|publish| publish.singles());
    let published = singles.map(|publish| publish.exposed());
    let served = config.exposed.iter().copied().chain(published);
    view::Config {
        hostname: config.hostname.clone(),
        user: config.user.clone(),
        cmd: config.command.clone(),
        env: config.env.clone(),
        exposed_ports: served.map(|port| (port.to_string(), BTreeMap::new())).collect(),
        labels: config.labels.clone(),
    }
}

fn host_config(sandbox: &Sandbox) -> view::HostConfig {
    view::HostConfig {
        network_mode: sandbox.config.network_mode.clone(),
        port_bindings: bindings(sandbox),
        dns: sandbox.dns.servers.iter().map(IpAddr::to_string).collect(),
        dns_search: sandbox.dns.search.clone(),
        dns_options: sandbox.dns.options.clone(),
        extra_hosts: sandbox.extra_hosts.iter().map(extra_host).collect(),
        sysctls: sandbox.config.sysctls.clone(),
        privileged: sandbox.config.privileged,
        auto_remove: sandbox.config.auto_remove,
    }
}

fn bindings(sandbox: &Sandbox) -> BTreeMap<String, Vec<view::PortBinding>> {
    let mut bindings: BTreeMap<String, Vec<view::PortBinding>> = BTreeMap::new();
    for publish in sandbox.publish.iter().flat_map(|publish| publish.singles()) {
        bindings.entry(publish.exposed().to_string()).or_default().push(view::PortBinding {
            host_ip: publish.host_ip.to_string(),
            host_port: publish.host_port.to_string(),
        });
    }
    bindings
}

fn extra_host(extra: &ExtraHost) -> String {
    match extra.target {
        HostTarget::HostGateway => format!("{}:host-gateway", extra.name),
        HostTarget::Address(address) => format!("{}:{address}", extra.name),
    }
}

/// A sandbox that has ended has no place in the network, but for its settings.
fn network_settings(state: &State, sandbox: &Sandbox) -> view::NetworkSettings {
    if !sandbox.is_running() {
        return view::NetworkSettings {
            sandbox_id: String::new(),
            sandbox_key: String::new(),
            ports: BTreeMap::new(),
            networks: BTreeMap::new(),
        };
    }
    let exposed = sandbox.config.exposed.iter().map(|port| (port.to_string(), None));
    let published = bindings(sandbox).into_iter().map(|(port, hosts)| (port, Some(hosts)));
    let endpoints = state.endpoints_of(sandbox.id);
    view::NetworkSettings {
        sandbox_id: sandbox.id.to_string(),
        sandbox_key: sandbox.origin.key().to_string_lossy().into_owned(),
        ports: exposed.chain(published).collect(),
        networks: endpoints
            .into_iter()
            .map(|(endpoint, network)| {
                (network.name.to_string(), endpoint_settings(state, endpoint, network))
            })
            .collect(),
    }
}

fn endpoint_settings(
    state: &State,
    endpoint: &Endpoint,
    network: &Network,
) -> view::EndpointSettings {
    let names = endpoint_names(state, endpoint).map(|names| names.names).unwrap_or_default();
    let (ipv4, ipv6) = (address(endpoint, false), address(endpoint, true));
    view::EndpointSettings {
        network_id: network.id.to_string(),
        endpoint_id: endpoint.id.to_string(),
        gateway: gateway(network, false),
        ip_address: or_empty(ipv4.map(|net| net.addr())),
        ip_prefix_len: ipv4.map_or(0, |net| net.prefix_len()),
        ipv6_gateway: gateway(network, true),
        global_ipv6_address: or_empty(ipv6.map(|net| net.addr())),
        global_ipv6_prefix_len: ipv6.map_or(0, |net| net.prefix_len()),
        mac_address: endpoint.mac.to_string(),
        aliases: endpoint.aliases.iter().map(ToString::to_string).collect(),
        dns_names: names.into_iter().map(|(name, _)| name.to_string()).collect(),
        gw_priority: endpoint.gw_priority,
    }
}

/// Shows the gateway of a family; an internal network leads nowhere, so it has none.
fn gateway(network: &Network, ipv6: bool) -> String {
    let subnets = network.subnets.iter().filter(|_| !network.internal);
    or_empty(subnets.map(|subnet| subnet.gateway).find(|gateway| gateway.is_ipv6() == ipv6))
}
