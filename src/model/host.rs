//! What the host has that a network must respect.

use super::IfName;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// What the host has that IPAM must respect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Addresses, with what they belong to, and on-link routes: never given to a network.
    pub taken: Vec<(IpNet, String)>,
    /// Routes through a gateway of /8 or longer: given only when nothing else is left.
    pub routed: Vec<(IpNet, String)>,
    /// The MTU of the link of the default route; 1500 without one.
    pub uplink_mtu: u32,
    /// The links there are.
    pub links: BTreeMap<IfName, HostLink>,
}

/// What a macvlan network must know of a link of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostLink {
    /// Whether it is a loopback link.
    pub loopback: bool,
    /// Whether it is administratively up.
    pub up: bool,
    /// The link that it is a port of.
    pub port_of: Option<IfName>,
    /// Its MTU.
    pub mtu: u32,
}
