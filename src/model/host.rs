//! What the host has that a network must respect.

use ipnet::IpNet;

/// What the host has that IPAM must respect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Addresses, with what they belong to, and on-link routes: never given to a network.
    pub taken: Vec<(IpNet, String)>,
    /// Routes through a gateway of /8 or longer: given only when nothing else is left.
    pub routed: Vec<(IpNet, String)>,
    /// The MTU of the link of the default route; 1500 without one.
    pub uplink_mtu: u32,
}
