//! Forwarding IPv6 without losing the host's own way out: a host that forwards is a router, and the kernel forgets what
//! other routers have advertised to it unless a link's `accept_ra` is 2.

use super::rtnl::{Rtnl, name_of};
use super::{KernelError, route, sysctl};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol};
use std::collections::BTreeSet;
use std::io;
use tracing::info;

/// Switches forwarding on, after the links that have an advertised default route were told to keep following it.
pub(super) fn forward(rtnl: &Rtnl) -> Result<(), KernelError> {
    let failed = |what| move |source: io::Error| KernelError::Read { what, source };
    let routes = rtnl.routes().map_err(failed("the routes of the host"))?;
    let uplinks: BTreeSet<u32> =
        routes.iter().filter(|route| is_advertised(route)).filter_map(route::oif).collect();
    for index in uplinks {
        let link = rtnl.link_at(index).map_err(failed("the links of the host"))?;
        let Some(name) = link.as_ref().and_then(name_of) else { continue };
        if sysctl::keep_advertised(&name)? {
            info!(link = %name, "accept_ra=2: its default route is a router's advertisement");
        }
    }
    sysctl::set_forwarding6(true)
}

fn is_advertised(route: &RouteMessage) -> bool {
    route.header.address_family == AddressFamily::Inet6
        && route.header.destination_prefix_length == 0
        && route.header.protocol == RouteProtocol::Ra
}
