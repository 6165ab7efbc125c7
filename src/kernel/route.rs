//! What a sandbox's namespace holds besides its links: lo up, the default routes, no forwarding.
//!
//! Default routes that do not bear our protocol number stay as they are; ours go before them.

use super::rtnl::{Rtnl, name_of, tolerate};
use super::{KernelError, link, macvlan, sysctl};
use crate::model::IfName;
use crate::plan::{FoundInside, Inside, PROTOCOL};
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_core::NLM_F_CREATE;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::LinkFlags;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol,
};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Sets lo up, replaces our default routes and stops forwarding if asked. Runs inside the namespace.
pub(super) fn set_inside(rtnl: &Rtnl, inside: &Inside) -> Result<(), KernelError> {
    link::set_up(rtnl, &lo(), Vec::new())?;
    if inside.no_forwarding {
        sysctl::set_forwarding(false)?;
        sysctl::set_forwarding6(false)?;
    }
    replace_defaults(rtnl, &inside.default_routes)
}

/// A new route is added before the old one goes, so that a change of networks leaves no moment without.
fn replace_defaults(rtnl: &Rtnl, wanted: &[(IfName, IpAddr)]) -> Result<(), KernelError> {
    let old: Vec<_> = our_defaults(rtnl)?.iter().filter_map(hop).collect();
    let mut kept = Vec::new();
    for (name, gateway) in wanted {
        let hop = (link::index(rtnl, name)?, *gateway);
        if !old.contains(&hop) {
            // CREATE without EXCL or REPLACE puts it before what others may have made.
            let message = RouteNetlinkMessage::NewRoute(default_route(hop));
            let done = rtnl.change(message, NLM_F_CREATE);
            done.map_err(failed("add", *gateway))?;
        }
        kept.push(hop);
    }
    for hop in old.into_iter().filter(|hop| !kept.contains(hop)) {
        let message = RouteNetlinkMessage::DelRoute(default_route(hop));
        let done = tolerate(rtnl.change(message, 0), libc::ESRCH);
        done.map_err(failed("remove", hop.1))?;
    }
    Ok(())
}

/// Looks at what is inside a namespace; at whether it forwards only if that is asked. Runs inside it.
pub(super) fn look_inside(rtnl: &Rtnl, forwarding: bool) -> Result<FoundInside, KernelError> {
    let lo =
        rtnl.link("lo").map_err(|source| KernelError::Link { act: "find", link: lo(), source })?;
    let mut default_routes = Vec::new();
    for (index, gateway) in our_defaults(rtnl)?.iter().filter_map(hop) {
        let link = rtnl.link_at(index).map_err(failed("read", gateway))?;
        default_routes.extend(link.as_ref().and_then(name_of).map(|name| (name, gateway)));
    }
    Ok(FoundInside {
        lo_up: lo.is_some_and(|lo| lo.header.flags.contains(LinkFlags::Up)),
        macvlans: macvlan::find(rtnl)?,
        default_routes,
        forwarding: forwarding && (sysctl::forwards() || sysctl::forwards6()),
    })
}

/// Returns the name of the loopback link.
pub(super) fn lo() -> IfName {
    "lo".parse().expect("lo is an interface name")
}

/// Returns a route's link, if it leads through one.
pub(super) fn oif(route: &RouteMessage) -> Option<u32> {
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

/// Returns a route's gateway, if it has one.
pub(super) fn gateway(route: &RouteMessage) -> Option<IpAddr> {
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Gateway(RouteAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    })
}

fn hop(route: &RouteMessage) -> Option<(u32, IpAddr)> {
    Some((oif(route)?, gateway(route)?))
}

fn our_defaults(rtnl: &Rtnl) -> Result<Vec<RouteMessage>, KernelError> {
    let failed = |source| KernelError::Read { what: "the routes of a sandbox", source };
    let mut routes = rtnl.routes().map_err(failed)?;
    routes.retain(|route| {
        route.header.destination_prefix_length == 0
            && route.header.protocol == RouteProtocol::Other(PROTOCOL)
            && route.header.table == RouteHeader::RT_TABLE_MAIN
    });
    Ok(routes)
}

fn default_route((index, gateway): (u32, IpAddr)) -> RouteMessage {
    let protocol = RouteProtocol::Other(PROTOCOL);
    match gateway {
        IpAddr::V4(gateway) => RouteMessageBuilder::<Ipv4Addr>::new()
            .output_interface(index)
            .gateway(gateway)
            .protocol(protocol)
            .build(),
        IpAddr::V6(gateway) => RouteMessageBuilder::<Ipv6Addr>::new()
            .output_interface(index)
            .gateway(gateway)
            .protocol(protocol)
            .build(),
    }
}

fn failed(act: &'static str, gateway: IpAddr) -> impl Fn(io::Error) -> KernelError {
    move |source| KernelError::Route { act, gateway, source }
}
