//! Subnets of a new network: the one asked for, if it can be used, else one from the pools.

use super::Given;
use crate::ipam::{
    Chosen, Pools, choose_subnet, choose_ula, first_usable, is_edge, overlap, overlapping,
    ula_prefix,
};
use crate::model::{NetworkId, NetworkRequest, Refusal, State, Subnet};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges in which no sandbox can live (RFC 6890), and why.
const UNUSABLE: [(Ipv4Net, &str); 4] = [
    (Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8), "0.0.0.0/8 means \"this network\""),
    (Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8), "127.0.0.0/8 is loopback"),
    (Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16), "169.254.0.0/16 is link-local"),
    (Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 3), "224.0.0.0/3 is multicast or reserved"),
];

/// The same for IPv6 (RFC 4291, RFC 6666).
const UNUSABLE_6: [(Ipv6Net, &str); 5] = [
    (
        Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 8),
        "::/8 holds loopback, IPv4-mapped and reserved addresses",
    ),
    (Ipv6Net::new_assert(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64), "100::/64 is discarded"),
    (
        Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
        "fe80::/10 is link-local",
    ),
    (
        Ipv6Net::new_assert(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
        "fec0::/10 is deprecated",
    ),
    (Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8), "ff00::/8 is multicast"),
];

/// Decides the subnets of a bridge network, IPv4 first; warnings where they hide a route.
pub fn decide(
    given: &Given,
    request: &NetworkRequest,
) -> Result<(Vec<Subnet>, Vec<String>), Refusal> {
    let (mut nets, mut warnings) = (Vec::new(), Vec::new());
    for ipv6 in [false, true] {
        let (net, warning) = match wanted(request, ipv6)? {
            Some(net) => (net, claim(given, net, None)?),
            None if !ipv6 => from_pools(given, &given.policy.pools, None)?,
            None if request.ipv6 => (own_ula(given)?, None),
            None => continue,
        };
        nets.push(net);
        warnings.extend(warning);
    }
    refuse_homeless(request, &nets)?;
    let subnets = nets.into_iter().map(|net| subnet(request, net)).collect::<Result<_, _>>()?;
    Ok((subnets, warnings))
}

fn subnet(request: &NetworkRequest, net: IpNet) -> Result<Subnet, Refusal> {
    let aux = request.aux.iter().filter(|(_, address)| net.contains(*address));
    let subnet = Subnet {
        net,
        gateway: gateway(request, net)?,
        ip_range: ip_range(request, net)?,
        aux: aux.map(|(label, address)| (label.clone(), *address)).collect(),
    };
    check_aux(&subnet)?;
    Ok(subnet)
}

/// Returns the subnet of a family that is asked for, if one is.
fn wanted(request: &NetworkRequest, ipv6: bool) -> Result<Option<IpNet>, Refusal> {
    let of_family = |address: IpAddr| address.is_ipv6() == ipv6;
    let named: Vec<IpNet> =
        request.subnets.iter().copied().filter(|net| of_family(net.addr())).collect();
    match *named.as_slice() {
        [] => {
            let range = request.ip_ranges.iter().any(|range| of_family(range.addr()));
            let gateway = request.gateways.iter().any(|gateway| of_family(*gateway));
            if range || gateway { Err(Refusal::NoSubnetFor) } else { Ok(None) }
        }
        [net] if ipv6 && !request.ipv6 => Err(Refusal::NeedsIpv6(net)),
        [net] => check(net).map(Some),
        [first, second, ..] => Err(Refusal::TwoSubnets(first, second)),
    }
}

/// Refuses what is meant for a subnet and lies in none.
fn refuse_homeless(request: &NetworkRequest, nets: &[IpNet]) -> Result<(), Refusal> {
    let homeless = |address: &IpAddr| !nets.iter().any(|net| net.contains(address));
    let outside = |what, value: String| Err(Refusal::OutsideSubnet { what, value });
    if let Some(gateway) = request.gateways.iter().find(|gateway| homeless(gateway)) {
        return outside("gateway", gateway.to_string());
    }
    let range = |range: &&IpNet| !nets.iter().any(|net| net.contains(*range));
    if let Some(range) = request.ip_ranges.iter().find(range) {
        return outside("range", range.to_string());
    }
    match request.aux.values().find(|address| homeless(address)) {
        Some(address) => outside("aux-address", address.to_string()),
        None => Ok(()),
    }
}

/// Chooses a /64 of the host's own prefix, which follows from the id of the network `bridge`: random, recorded for
/// good, and shown to whoever wants to know where the prefix comes from.
fn own_ula(given: &Given) -> Result<IpNet, Refusal> {
    let mut predefined = given.state.networks.values().filter(|network| network.predefined);
    let bridge = predefined.find(|network| network.name.as_str() == "bridge");
    let seed = bridge.map_or_else(given.draw, |bridge| bridge.id.bytes());
    let ours: Vec<IpNet> = networks(given.state, None).map(|(net, _)| net).collect();
    let [a, b, c, d, e, ..] = seed;
    choose_ula(ula_prefix([a, b, c, d, e]), &ours, given.facts).map(IpNet::V6)
}

/// Refuses what is no subnet for sandboxes, whoever else is on the host.
pub fn check(net: IpNet) -> Result<IpNet, Refusal> {
    if net != net.trunc() {
        return Err(Refusal::SubnetHostBits { given: net, meant: net.trunc() });
    }
    let ranges = UNUSABLE.iter().map(|(range, why)| (IpNet::V4(*range), *why));
    let ranges_6 = UNUSABLE_6.iter().map(|(range, why)| (IpNet::V6(*range), *why));
    let unusable = ranges.chain(ranges_6).find(|(range, _)| overlap(net, *range));
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
    let ours = request.gateways.iter().copied().filter(|gateway| net.contains(gateway));
    let gateway = match *ours.collect::<Vec<_>>().as_slice() {
        [] => return first_usable(net).ok_or(Refusal::SubnetTooSmall(net)),
        [gateway] => gateway,
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
    let ours = request.ip_ranges.iter().copied().filter(|range| net.contains(range));
    match *ours.collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        [range] => Ok(Some(range.trunc())),
        [first, second, ..] => Err(two("range", first, second, net)),
    }
}

fn check_aux(subnet: &Subnet) -> Result<(), Refusal> {
    for address in subnet.aux.values() {
        if *address == subnet.gateway {
            return Err(Refusal::AddressTaken { address: *address, by: "the gateway".into() });
        }
    }
    Ok(())
}

fn two(what: &'static str, first: impl ToString, second: impl ToString, subnet: IpNet) -> Refusal {
    Refusal::TwoOnSubnet { what, first: first.to_string(), second: second.to_string(), subnet }
}
