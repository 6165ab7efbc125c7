//! Driver `macvlan`: an endpoint is a link of its own on the segment of one of the host's. Nothing of it is on the host: no
//! bridge, no rule of the firewall, no published port. The host itself does not reach it, nor it the host: the kernel
//! leads nothing between a macvlan link and its parent.

use crate::model::{Endpoint, Network};
use crate::plan::{Macvlan, Place};

/// Returns an endpoint's link, if its network has a parent.
pub(super) fn link(network: &Network, endpoint: &Endpoint, place: Place) -> Option<Macvlan> {
    Some(Macvlan {
        link: endpoint.link.clone(),
        endpoint: endpoint.id,
        parent: network.options.parent.clone()?,
        mtu: network.options.mtu,
        ipv6: network.has_ipv6(),
        place,
        mac: endpoint.mac,
        addresses: endpoint.addresses.clone(),
    })
}
