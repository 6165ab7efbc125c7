//! What the resolver is to know, derived from State alone.

use super::{EndpointNames, Forward, NetworkNames, SandboxView, Source, Update};
use crate::model::{DnsName, Endpoint, Exposed, Id, Network, Route, SandboxId, State};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// The most ports of one sandbox that have SRV records: a range may have thousands.
const SERVICES: usize = 256;

/// Returns what the resolver knows of a network.
pub fn network_names(network: &Network) -> NetworkNames {
    NetworkNames {
        id: network.id,
        name: network.name.clone(),
        domain: network.domain(),
        named: network.has_names(),
        subnets: network.subnets.iter().map(|subnet| subnet.net).collect(),
        ttl: network.options.ttl,
        own_domain: network.options.own_domain,
    }
}

/// Returns an endpoint's names, or nothing on a network without names.
pub fn endpoint_names(state: &State, endpoint: &Endpoint) -> Option<EndpointNames> {
    let network = state.networks.get(&endpoint.network).filter(|network| network.has_names())?;
    let sandbox = state.sandboxes.get(&endpoint.sandbox)?;
    let own = [(sandbox.name.as_dns(), Source::Container)];
    let aliases = endpoint.aliases.iter().map(|alias| (alias.clone(), Source::Alias));
    let id = sandbox.id.short().parse().ok().map(|id| (id, Source::Id));
    let hostname = DnsName::parse_owned(&sandbox.config.hostname).ok();
    let hostname = hostname.map(|name| (name, Source::Hostname));
    let mut names: Vec<(DnsName, Source)> = Vec::new();
    for (name, source) in own.into_iter().chain(aliases).chain(id).chain(hostname) {
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, source));
        }
    }
    Some(EndpointNames {
        id: endpoint.id,
        network: network.id,
        owner: sandbox.id,
        sandbox: sandbox.name.clone(),
        names,
        addresses: endpoint.addresses.iter().map(IpNet::addr).collect(),
        services: services(state, sandbox.id),
    })
}

/// Returns the ports that are served in a sandbox's namespace, exposed or published; of very many the first.
fn services(state: &State, id: SandboxId) -> Vec<Exposed> {
    let all = state.in_namespace_of(id).flat_map(|sandbox| {
        let published = sandbox.publish.iter().flat_map(|publish| publish.singles());
        let published = published.map(|publish| publish.exposed());
        sandbox.config.exposed.iter().copied().chain(published)
    });
    let all: BTreeSet<Exposed> = all.take(SERVICES).collect();
    all.into_iter().collect()
}

/// Decides whom a sandbox's unknown names are asked of. A sandbox on internal networks alone asks nobody, except a
/// server of its own that lies in a subnet it is attached to: such a question does not leave that subnet.
pub fn forward_of(state: &State, id: SandboxId) -> Forward {
    let servers = state.sandboxes.get(&id).map_or(&[][..], |sandbox| &sandbox.dns.servers);
    match reachable(state, id, servers) {
        servers if !servers.is_empty() => Forward::Inside(servers),
        _ if leads_out(&state.endpoints_of(id)) => Forward::Host,
        _ => Forward::Nobody,
    }
}

/// Returns which of a sandbox's own servers may be asked from inside it.
fn reachable(state: &State, id: SandboxId, servers: &[IpAddr]) -> Vec<IpAddr> {
    let endpoints = state.endpoints_of(id);
    let on_link = |server: &IpAddr| {
        let mut subnets = endpoints.iter().flat_map(|(_, network)| &network.subnets);
        subnets.any(|subnet| subnet.net.contains(server) && subnet.gateway != *server)
    };
    let out = leads_out(&endpoints);
    servers.iter().copied().filter(|server| out || on_link(server)).collect()
}

fn leads_out(endpoints: &[(&Arc<Endpoint>, &Arc<Network>)]) -> bool {
    endpoints.iter().any(|(_, network)| !network.internal)
}

/// Returns a sandbox's own routes with those servers that may be asked.
fn inside_routes(state: &State, id: SandboxId) -> Vec<Route> {
    let routes = state.sandboxes.get(&id).map_or(&[][..], |sandbox| &sandbox.dns.routes);
    let allowed = routes.iter().map(|route| {
        let (domain, servers) = (route.domain.clone(), reachable(state, id, &route.servers));
        Route { domain, servers }
    });
    allowed.filter(|route| !route.servers.is_empty()).collect()
}

/// Returns the routes of a sandbox's networks; nothing where nothing is asked from the host's namespace.
fn host_routes(endpoints: &[(&Arc<Endpoint>, &Arc<Network>)]) -> Option<Vec<Route>> {
    let routes = endpoints.iter().flat_map(|(_, network)| network.options.routes.iter().cloned());
    leads_out(endpoints).then(|| routes.collect())
}

/// Returns what the resolver knows of a sandbox.
pub fn sandbox_view(state: &State, id: SandboxId) -> SandboxView {
    let endpoints = state.endpoints_of(id);
    let named = endpoints.iter().filter(|(_, network)| network.has_names());
    SandboxView {
        id,
        networks: named.map(|(_, network)| network.id).collect(),
        forward: forward_of(state, id),
        host: state.host_address(id),
        inside_routes: inside_routes(state, id),
        host_routes: host_routes(&endpoints),
    }
}

/// Returns what a sandbox would see that is on one network alone.
pub fn member_view(network: &Network) -> SandboxView {
    SandboxView {
        id: SandboxId(Id::from_bytes([0; 32])),
        networks: network.has_names().then_some(network.id).into_iter().collect(),
        forward: if network.internal { Forward::Nobody } else { Forward::Host },
        host: network.host_addresses(),
        inside_routes: Vec::new(),
        host_routes: (!network.internal).then(|| network.options.routes.clone()),
    }
}

/// Returns everything the resolver is to know, but for the servers.
pub fn snapshot(state: &State) -> Vec<Update> {
    let networks = state.networks.values().map(|n| Update::PutNetwork(network_names(n)));
    let endpoints =
        state.endpoints.values().filter_map(|e| endpoint_names(state, e).map(Update::PutEndpoint));
    let records = state.registrations.values().map(|r| Update::PutRecord(r.as_ref().clone()));
    let running = state.sandboxes.values().filter(|sandbox| sandbox.is_running());
    let sandboxes = running.map(|s| Update::PutSandbox(sandbox_view(state, s.id)));
    networks.chain(endpoints).chain(records).chain(sandboxes).collect()
}

#[cfg(test)]
mod tests;
