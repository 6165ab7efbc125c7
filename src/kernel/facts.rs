//! What the host has that IPAM must respect. Links of ours are left out: State knows them.
//!
//! Default routes and their halves say nothing about who uses an address, and are ignored.

use super::link::{Mark, mark};
use super::rtnl::{Rtnl, address_of, mtu_of, name_of};
use super::{KernelError, route};
use crate::model::{HostFacts, HostLink, IfName};
use ipnet::IpNet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType,
};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The MTU of Ethernet, for a host without an uplink.
const ETHERNET_MTU: u32 = 1500;

/// Routes through a gateway that are shorter than this say nothing.
const SHORTEST_ROUTE: u8 = 8;

/// Reads links, addresses and routes.
pub(super) fn facts(rtnl: &Rtnl) -> Result<HostFacts, KernelError> {
    let failed = |what| move |source: io::Error| KernelError::Read { what, source };
    let links = rtnl.links().map_err(failed("the links of the host"))?;
    let links: BTreeMap<u32, LinkMessage> =
        links.into_iter().map(|link| (link.header.index, link)).collect();
    let addresses = rtnl.addresses(None).map_err(failed("the addresses of the host"))?;
    let routes = rtnl.routes().map_err(failed("the routes of the host"))?;

    let foreign = |index: u32| links.get(&index).filter(|link| mark(link) == Mark::Foreign);
    let mut facts = HostFacts {
        uplink_mtu: uplink_mtu(&routes, &links),
        links: host_links(&links),
        ..HostFacts::default()
    };
    for address in &addresses {
        let Some(link) = foreign(address.header.index) else { continue };
        facts.taken.extend(address_of(address).map(|net| (net, name(link))));
    }
    for (route, net) in routes.iter().filter_map(|route| Some((route, destination(route)?))) {
        let Some(link) = route::oif(route).map_or(Some(None), |index| foreign(index).map(Some))
        else {
            continue;
        };
        let owner = link.map_or_else(|| "a multipath route".to_owned(), name);
        if is_on_link(route) {
            facts.taken.push((net, owner));
        } else if net.prefix_len() >= SHORTEST_ROUTE {
            facts.routed.push((net, owner));
        }
    }
    facts.taken.sort();
    facts.taken.dedup();
    Ok(facts)
}

fn host_links(links: &BTreeMap<u32, LinkMessage>) -> BTreeMap<IfName, HostLink> {
    let describe = |link: &LinkMessage| {
        let port_of = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Controller(index) => name_of(links.get(index)?),
            _ => None,
        });
        let flags = link.header.flags;
        HostLink {
            loopback: flags.contains(LinkFlags::Loopback),
            up: flags.contains(LinkFlags::Up),
            port_of,
            mtu: mtu_of(link),
        }
    };
    links.values().filter_map(|link| Some((name_of(link)?, describe(link)))).collect()
}

/// Returns where a unicast route leads, unless it is a default route, half of one, or of this link alone.
fn destination(route: &RouteMessage) -> Option<IpNet> {
    let header = &route.header;
    if header.kind != RouteType::Unicast || header.destination_prefix_length <= 1 {
        return None;
    }
    let address = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Destination(RouteAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    });
    // The kernel leaves an all-zero destination out.
    let address = address.unwrap_or(match header.address_family {
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    });
    let net = IpNet::new(address, header.destination_prefix_length).ok()?;
    let link_local = matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local());
    (!link_local).then_some(net)
}

fn is_on_link(route: &RouteMessage) -> bool {
    !route.attributes.iter().any(|attribute| {
        matches!(
            attribute,
            RouteAttribute::Gateway(_)
                | RouteAttribute::Via(_)
                | RouteAttribute::MultiPath(_)
                | RouteAttribute::NhId(_)
        )
    })
}

/// Returns the MTU of the link of the best default route of the main table, IPv4 before IPv6.
fn uplink_mtu(routes: &[RouteMessage], links: &BTreeMap<u32, LinkMessage>) -> u32 {
    let metric = |route: &RouteMessage| {
        let metric = route.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Priority(metric) => Some(*metric),
            _ => None,
        });
        (route.header.address_family != AddressFamily::Inet, metric.unwrap_or(0))
    };
    routes
        .iter()
        .filter(|route| {
            route.header.destination_prefix_length == 0
                && route.header.kind == RouteType::Unicast
                && route.header.table == RouteHeader::RT_TABLE_MAIN
        })
        .filter_map(|route| Some((metric(route), links.get(&oif_of(route)?)?)))
        .min_by_key(|(metric, _)| *metric)
        .map_or(ETHERNET_MTU, |(_, link)| mtu_of(link))
}

/// Returns a route's link; of a multipath route, the first.
fn oif_of(route: &RouteMessage) -> Option<u32> {
    route::oif(route).or_else(|| {
        route.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::MultiPath(hops) => hops.first().map(|hop| hop.interface_index),
            _ => None,
        })
    })
}

fn name(link: &LinkMessage) -> String {
    name_of(link).map_or_else(|| format!("interface {}", link.header.index), String::from)
}
