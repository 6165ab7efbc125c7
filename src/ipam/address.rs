//! Addresses: the next free one of a subnet.

use crate::model::{Refusal, Subnet};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Chooses the next free address after the one that was given last, starting again at the lowest when the end is
/// reached; without a last one, the lowest. Fails with [`Refusal::SubnetFull`].
pub fn choose_address(
    subnet: &Subnet,
    used: impl Fn(&IpAddr) -> bool,
    after: Option<IpAddr>,
) -> Result<IpAddr, Refusal> {
    let range = subnet.ip_range.unwrap_or(subnet.net);
    let (low, high) = (number(range.network()), number(range.broadcast()));
    let last = after.filter(|address| range.contains(address)).map(number);
    let start = last.map_or(low, |last| last.saturating_add(1));
    (start..=high)
        .chain(low..start)
        .map(|value| address(value, range))
        .find(|address| !is_reserved(subnet, address) && !used(address))
        .ok_or(Refusal::SubnetFull(range))
}

/// Whether no sandbox may have the address: the gateway's, one of somebody else's, the network's or broadcast's.
pub fn is_reserved(subnet: &Subnet, address: &IpAddr) -> bool {
    *address == subnet.gateway
        || is_edge(subnet.net, address)
        || subnet.aux.values().any(|aux| aux == address)
}

/// Returns the first address of a subnet that a link can have: the gateway's unless another is named. None for a
/// subnet of one address.
pub fn first_usable(net: IpNet) -> Option<IpAddr> {
    let (low, high) = (number(net.network()), number(net.broadcast()));
    (low..=high).take(3).map(|value| address(value, net)).find(|found| !is_edge(net, found))
}

/// Whether it is the network or broadcast address (IPv6: the subnet router's, RFC 4291 section 2.6.1); a subnet of
/// two addresses has neither (RFC 3021, RFC 6164).
pub fn is_edge(net: IpNet, address: &IpAddr) -> bool {
    let two = net.max_prefix_len() - net.prefix_len() == 1;
    let last = net.addr().is_ipv4() && *address == net.broadcast();
    !two && (*address == net.network() || last)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Undoes [`number`], for an address of the family of `net`.
fn address(value: u128, net: IpNet) -> IpAddr {
    match net {
        IpNet::V4(_) => Ipv4Addr::from(value as u32).into(),
        IpNet::V6(_) => Ipv6Addr::from(value).into(),
    }
}
