//! Driver `bridge`: a kernel bridge a network, a veth pair an endpoint.
//!
//! The bridge of the predefined network is wanted only while something is plugged into it, so that a daemon nobody uses
//! changes nothing on the machine. That of a user-defined network is wanted from its creation.

use super::expose;
use crate::model::{DriverKind, Endpoint, IfName, Network, State};
use crate::plan::{Bridge, Place, Veth};
use ipnet::IpNet;

/// Returns a network's bridge, if it is wanted.
pub(super) fn bridge(state: &State, network: &Network) -> Option<Bridge> {
    let name = name(network)?;
    if network.predefined && state.endpoints_on(network.id).next().is_none() {
        return None;
    }
    let addresses = network
        .subnets
        .iter()
        .map(|subnet| {
            IpNet::new(subnet.gateway, subnet.net.prefix_len())
                .expect("a subnet's prefix length fits its gateway, which is of its family")
        })
        .collect();
    Some(Bridge {
        name: name.clone(),
        network: network.id,
        mtu: network.options.mtu,
        addresses,
        ipv6: network.has_ipv6(),
        apart: expose::keeps_apart(network),
        proxied: expose::proxied(state, network),
    })
}

/// Returns an endpoint's veth pair, if its network has a bridge to plug it into.
pub(super) fn veth(network: &Network, endpoint: &Endpoint, place: Place) -> Option<Veth> {
    Some(Veth {
        name: endpoint.host_link.clone(),
        endpoint: endpoint.id,
        bridge: name(network)?.clone(),
        mtu: network.options.mtu,
        ipv6: network.has_ipv6(),
        apart: expose::keeps_apart(network),
        place,
        link: endpoint.link.clone(),
        mac: endpoint.mac,
        addresses: endpoint.addresses.clone(),
    })
}

fn name(network: &Network) -> Option<&IfName> {
    match network.driver {
        DriverKind::Bridge => network.bridge.as_ref(),
        DriverKind::Host | DriverKind::None | DriverKind::Macvlan => None,
    }
}
