//! The networks that always exist: `bridge`, `host` and `none`.

use super::{Decision, Given, options, subnet};
use crate::ipam::first_usable;
use crate::model::{
    DriverKind, EndpointRequest, IfName, Network, NetworkId, NetworkOptions, Refusal, State, Subnet,
};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kernel bridge of the network `bridge`.
pub const DEFAULT_BRIDGE: &str = "netdns0";

/// Decides the predefined networks that are missing or that must change: at the daemon's start, and before the default
/// one has its first endpoint. `bridge` keeps its
/// subnet while it has endpoints, and else as long as nothing of the host's is in the way and `--bip` names no other.
pub fn predefined(given: &Given) -> Result<Decision<Vec<Network>>, Refusal> {
    let (bridge, warnings) = bridge(given)?;
    let host = linkless(given, "host", DriverKind::Host)?;
    let none = linkless(given, "none", DriverKind::None)?;
    Ok(Decision { noun: bridge.into_iter().chain(host).chain(none).collect(), warnings })
}

/// Whether one of the networks to be joined, the default one if none is named, is the default one and has no endpoint.
pub fn joins_idle_default(state: &State, joined: &[EndpointRequest]) -> bool {
    let Some(default) = known(state, "bridge") else { return false };
    let names_it = |request: &EndpointRequest| {
        state.network(&request.network).is_ok_and(|network| network.id == default.id)
    };
    (joined.is_empty() || joined.iter().any(names_it))
        && state.endpoints_on(default.id).next().is_none()
}

fn known<'a>(state: &'a State, name: &str) -> Option<&'a Arc<Network>> {
    state.networks.values().find(|network| network.predefined && network.name.as_str() == name)
}

fn linkless(given: &Given, name: &str, driver: DriverKind) -> Result<Option<Network>, Refusal> {
    if known(given.state, name).is_some() {
        return Ok(None);
    }
    Ok(Some(Network {
        id: NetworkId(given.id()),
        name: name.parse()?,
        driver,
        created: given.now,
        predefined: true,
        internal: false,
        bridge: None,
        subnets: Vec::new(),
        given_options: BTreeMap::new(),
        options: options::defaults(given),
        labels: BTreeMap::new(),
    }))
}

fn bridge(given: &Given) -> Result<(Option<Network>, Vec<String>), Refusal> {
    let old = known(given.state, "bridge");
    let used = old.is_some_and(|old| given.state.endpoints_on(old.id).next().is_some());
    if let Some(old) = old.filter(|_| used) {
        return Ok((None, unheard_bip(given, old)));
    }
    let (subnet, warning) = bridge_subnet(given, old)?;
    let bridge: IfName = DEFAULT_BRIDGE.parse()?;
    let options = options::defaults(given);
    let network = Network {
        id: old.map_or_else(|| NetworkId(given.id()), |old| old.id),
        name: "bridge".parse()?,
        driver: DriverKind::Bridge,
        created: old.map_or(given.now, |old| old.created),
        predefined: true,
        internal: false,
        given_options: shown(&bridge, &options),
        bridge: Some(bridge),
        subnets: vec![subnet],
        options,
        labels: BTreeMap::new(),
    };
    let changed = old.is_none_or(|old| **old != network);
    Ok((changed.then_some(network), warning.into_iter().collect()))
}

/// Says that `--bip` has to wait for the sandboxes on the network to go.
fn unheard_bip(given: &Given, old: &Network) -> Vec<String> {
    let Some(bip) = given.policy.bip else { return Vec::new() };
    if old.subnets.iter().any(|subnet| is_bip(subnet, bip)) {
        return Vec::new();
    }
    vec![format!("--bip {bip} is not in force yet: sandboxes are on network bridge")]
}

fn is_bip(subnet: &Subnet, bip: ipnet::Ipv4Net) -> bool {
    subnet.net == IpNet::V4(bip.trunc()) && subnet.gateway == bip.addr()
}

fn bridge_subnet(
    given: &Given,
    old: Option<&Arc<Network>>,
) -> Result<(Subnet, Option<String>), Refusal> {
    let but = old.map(|old| old.id);
    if let Some(bip) = given.policy.bip {
        let net = subnet::check(bip.trunc().into())?;
        let gateway = subnet::usable(net, bip.addr().into())?;
        let warning = subnet::claim(given, net, but)?;
        return Ok((Subnet { net, gateway, ip_range: None, aux: BTreeMap::new() }, warning));
    }
    let kept = old.and_then(|old| old.subnets.first());
    if let Some(kept) = kept.filter(|kept| subnet::claim(given, kept.net, but).is_ok()) {
        return Ok((kept.clone(), None));
    }
    let pools = given.policy.pools.for_default_network();
    let (net, warning) = subnet::from_pools(given, &pools, but)?;
    let gateway = first_usable(net).ok_or(Refusal::SubnetTooSmall(net))?;
    Ok((Subnet { net, gateway, ip_range: None, aux: BTreeMap::new() }, warning))
}

/// Returns the options that Docker shows for its default network, with what holds here.
fn shown(bridge: &IfName, meant: &NetworkOptions) -> BTreeMap<String, String> {
    let pairs = [
        (options::BRIDGE_NAME, bridge.to_string()),
        ("com.docker.network.bridge.default_bridge", "true".into()),
        ("com.docker.network.bridge.enable_icc", "true".into()),
        (options::MASQUERADE, meant.masquerade.to_string()),
        ("com.docker.network.bridge.host_binding_ipv4", "0.0.0.0".into()),
        (options::MTU, meant.mtu.to_string()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
