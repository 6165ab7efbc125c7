//! Subnets of a new network: the one asked for, if it can be used, else one from the pools.

use super::Given;
use crate::ipam::{Chosen, Pools, choose_subnet, first_usable, is_edge, overlap, overlapping};
use crate::model::{NetworkId, NetworkRequest, Refusal, State, Subnet};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};

/// Ranges in which no sandbox can live (RFC 6890), and why.
const UNUSABLE: [(Ipv4Net, &str); 4] = [
    (Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8), "0.0.0.0/8 means \"this network\""),
    (Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8), "127.0.0.0/8 is loopback"),
    (Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16), "169.254.0.0/16 is link-local"),
    (Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 3), "224.0.0.0/3 is multicast or reserved"),
];

/// Decides the subnet of a bridge network; a warning where it hides a route.
pub fn decide(
    given: &Given,
    request: &NetworkRequest,
) -> Result<(Subnet, Option<String>), Refusal> {
    let (net, warning) = match wanted(request)? {
        Some(net) => (net, claim(given, net, None)?),
        None => from_pools(given, &given.policy.pools, None)?,
    };
    let subnet = Subnet {
        net,
        gateway: gateway(request, net)?,
        ip_range: ip_range(request, net)?,
        aux: request.aux.clone(),
    };
    check_aux(&subnet)?;
    Ok((subnet, warning))
}

/// Returns the subnet that is asked for, if one is.
fn wanted(request: &NetworkRequest) -> Result<Option<IpNet>, Refusal> {
    if let Some(net) = request.subnets.iter().find(|net| net.addr().is_ipv6()) {
        return Err(Refusal::NoIpv6(*net));
    }
    match *request.subnets.as_slice() {
        [] if request.ip_ranges.is_empty() && request.gateways.is_empty() => Ok(None),
        [] => Err(Refusal::NoSubnetFor),
        [net] => check(net).map(Some),
        [first, second, ..] => Err(Refusal::TwoSubnets(first, second)),
    }
}

/// Refuses what is no subnet for sandboxes, whoever else is on the host.
pub fn check(net: IpNet) -> Result<IpNet, Refusal> {
    if net != net.trunc() {
        return Err(Refusal::SubnetHostBits { given: net, meant: net.trunc() });
    }
    let unusable = UNUSABLE.iter().find(|(range, _)| overlap(net, (*range).into()));
    if let Some((_, why)) = unusable {
        return Err(Refusal::SubnetUnusable(net, why));
    }
    if net.prefix_len() == net.max_prefix_len() {
        return Err(Refusal::SubnetTooSmall(net));
    }
    Ok(net)
}

/// Refuses a subnet that overlaps another network or something of the host's; warns where it hides a route. The
/// network `but` does not count.
pub fn claim(given: &Given, net: IpNet, but: Option<NetworkId>) -> Result<Option<String>, Refusal> {
    let ours = networks(given.state, but).find(|(other, _)| overlap(net, *other));
    if let Some((with, owner)) = ours {
        return Err(Refusal::Overlap { wanted: net, with, owner });
    }
    if let Some((with, what)) = overlapping(net, &given.facts.taken) {
        let owner = format!("the host ({what})");
        return Err(Refusal::Overlap { wanted: net, with: *with, owner });
    }
    Ok(overlapping(net, &given.facts.routed).map(|route| hiding(net, route)))
}

/// Chooses a subnet from the pools, with a warning where it hides a route. The network `but` does not count.
pub fn from_pools(
    given: &Given,
    pools: &Pools,
    but: Option<NetworkId>,
) -> Result<(IpNet, Option<String>), Refusal> {
    let ours: Vec<IpNet> = networks(given.state, but).map(|(net, _)| net).collect();
    let Chosen { net, hides } = choose_subnet(pools, &ours, given.facts)?;
    Ok((net.into(), hides.map(|route| hiding(net.into(), &route))))
}

fn hiding(net: IpNet, (route, what): &(IpNet, String)) -> String {
    format!(
        "subnet {net} hides the route to {route} ({what}): its hosts cannot be reached any more"
    )
}

/// Returns the subnets of our networks with their owners' names.
fn networks(state: &State, but: Option<NetworkId>) -> impl Iterator<Item = (IpNet, String)> {
    let others = state.networks.values().filter(move |network| Some(network.id) != but);
    others.flat_map(|network| {
        network.subnets.iter().map(|subnet| (subnet.net, format!("network {}", network.name)))
    })
}

fn gateway(request: &NetworkRequest, net: IpNet) -> Result<IpAddr, Refusal> {
    let gateway = match *request.gateways.as_slice() {
        [] => return first_usable(net).ok_or(Refusal::SubnetTooSmall(net)),
        [gateway] => inside("gateway", gateway, net)?,
        [first, second, ..] => return Err(two("gateway", first, second, net)),
    };
    usable(net, gateway)
}

/// Refuses the network and broadcast address as an address of a link.
pub fn usable(net: IpNet, address: IpAddr) -> Result<IpAddr, Refusal> {
    let edge = is_edge(net, &address);
    (!edge).then_some(address).ok_or(Refusal::AddressUnusable(address, net))
}

fn ip_range(request: &NetworkRequest, net: IpNet) -> Result<Option<IpNet>, Refusal> {
    match *request.ip_ranges.as_slice() {
        [] => Ok(None),
        [range] if net.contains(&range) => Ok(Some(range.trunc())),
        [range] => Err(Refusal::OutsideSubnet { what: "range", value: range.to_string() }),
        [first, second, ..] => Err(two("range", first, second, net)),
    }
}

fn check_aux(subnet: &Subnet) -> Result<(), Refusal> {
    for address in subnet.aux.values() {
        inside("aux-address", *address, subnet.net)?;
        if *address == subnet.gateway {
            return Err(Refusal::AddressTaken { address: *address, by: "the gateway".into() });
        }
    }
    Ok(())
}

fn inside(what: &'static str, address: IpAddr, net: IpNet) -> Result<IpAddr, Refusal> {
    let outside = || Refusal::OutsideSubnet { what, value: address.to_string() };
    net.contains(&address).then_some(address).ok_or_else(outside)
}

fn two(what: &'static str, first: impl ToString, second: impl ToString, subnet: IpNet) -> Refusal {
    Refusal::TwoOnSubnet { what, first: first.to_string(), second: second.to_string(), subnet }
}
