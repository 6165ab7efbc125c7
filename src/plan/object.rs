//! The kernel objects that netdns makes, wanted and found, and the steps that lead from one to the other.

use super::nft;
use crate::model::{EndpointId, Id, IfName, Mac, NetworkId, Origin, Parent, SandboxId};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// The interface group of the links that netdns makes on the host.
pub const GROUP: u32 = nft::LINK_GROUP;

/// The routing protocol number of the routes that netdns makes.
pub const PROTOCOL: u8 = 0x6e;

/// What every alias of a link of ours begins with.
const ALIAS: &str = "netdns:";

/// Returns the interface alias of the link of a network or an endpoint: `netdns:<id>`.
pub fn alias(id: Id) -> String {
    format!("{ALIAS}{id}")
}

/// Whether an interface alias says that the link is ours.
pub fn is_alias(text: &str) -> bool {
    text.strip_prefix(ALIAS).is_some_and(|id| id.parse::<Id>().is_ok())
}

/// Where a sandbox's namespace is, and which one it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The process or file that opens it.
    pub origin: Origin,
    /// Device and inode it must have.
    pub netns: (u64, u64),
}

/// A network's kernel bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Its name.
    pub name: IfName,
    /// Its network: the interface alias is `netdns:<id>`.
    pub network: NetworkId,
    /// Its MTU.
    pub mtu: u32,
    /// Its addresses: the gateways.
    pub addresses: Vec<IpNet>,
    /// Whether IPv6 is on.
    pub ipv6: bool,
    /// Whether the host answers for the neighbours on it, who do not see each other.
    pub apart: bool,
    /// The IPv6 addresses that it answers for.
    pub proxied: BTreeSet<Ipv6Addr>,
}

/// An endpoint's veth pair: one end in the bridge, the other in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veth {
    /// The end on the host.
    pub name: IfName,
    /// Its endpoint: the interface alias is `netdns:<id>`.
    pub endpoint: EndpointId,
    /// The bridge it is a port of.
    pub bridge: IfName,
    /// MTU of both ends.
    pub mtu: u32,
    /// Whether IPv6 is on.
    pub ipv6: bool,
    /// Whether the port is isolated: no frame of another isolated one reaches it.
    pub apart: bool,
    /// The sandbox's namespace.
    pub place: Place,
    /// The end in the sandbox.
    pub link: IfName,
    /// That end's address.
    pub mac: Mac,
    /// That end's IP addresses.
    pub addresses: Vec<IpNet>,
}

/// An endpoint's macvlan link: it is in the sandbox alone, and on the segment of a link of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macvlan {
    /// Its name in the sandbox.
    pub link: IfName,
    /// Its endpoint: the interface alias is `netdns:<id>`.
    pub endpoint: EndpointId,
    /// The link of the host, and what passes between those on it.
    pub parent: Parent,
    /// Its MTU, unless the parent's is lower.
    pub mtu: u32,
    /// Whether IPv6 is on.
    pub ipv6: bool,
    /// The sandbox's namespace.
    pub place: Place,
    /// Its address.
    pub mac: Mac,
    /// Its IP addresses.
    pub addresses: Vec<IpNet>,
}

/// What a sandbox's namespace is to hold besides veth links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The namespace.
    pub place: Place,
    /// Macvlan links by their names; others that are ours go.
    pub macvlans: BTreeMap<IfName, Macvlan>,
    /// The default routes: link and gateway, at most one of a family.
    pub default_routes: Vec<(IfName, IpAddr)>,
    /// Whether forwarding of both families is switched off: in the namespaces that netdns makes.
    pub no_forwarding: bool,
}

/// What a scope of State wants of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Bridges.
    pub bridges: BTreeMap<IfName, Bridge>,
    /// Veth pairs by their host end.
    pub veths: BTreeMap<IfName, Veth>,
    /// Namespaces.
    pub insides: BTreeMap<SandboxId, Inside>,
    /// Links of the scope that are to be gone, if they are ours.
    pub gone: BTreeSet<IfName>,
    /// Whether the host must forward IPv4: a network with a way out is in the scope.
    pub forwarding: bool,
    /// The same for IPv6.
    pub forwarding6: bool,
}

/// A link of the host as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLink {
    /// Its kind: `bridge`, `veth`, ...
    pub kind: String,
    /// Its interface alias.
    pub alias: Option<String>,
    /// Its interface group.
    pub group: u32,
    /// The bridge it is a port of.
    pub bridge: Option<IfName>,
    /// Its MTU.
    pub mtu: u32,
    /// Whether it is administratively up.
    pub up: bool,
    /// Its addresses; filled for bridges.
    pub addresses: Vec<IpNet>,
    /// Whether its sysctls are as they are wanted; filled for bridges.
    pub settled: bool,
    /// Whether it is an isolated port.
    pub isolated: bool,
    /// The IPv6 addresses that the host answers for on it; filled for bridges.
    pub proxied: BTreeSet<Ipv6Addr>,
}

/// What was found in a sandbox's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundInside {
    /// Whether lo is up.
    pub lo_up: bool,
    /// The macvlan links that bear our mark, with their aliases; none where one was never finished.
    pub macvlans: BTreeMap<IfName, Option<String>>,
    /// The default routes that are ours: link and gateway.
    pub default_routes: Vec<(IfName, IpAddr)>,
    /// Whether it forwards either family, where that is to be stopped.
    pub forwarding: bool,
}

/// What was found of a [`Wanted`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The links of the host that bear a name from the scope.
    pub links: BTreeMap<IfName, FoundLink>,
    /// The namespaces of the scope; one that is gone is left out.
    pub insides: BTreeMap<SandboxId, FoundInside>,
    /// Whether the host forwards IPv4.
    pub forwarding: bool,
    /// Whether it forwards IPv6.
    pub forwarding6: bool,
}

/// One step towards what is wanted. A step succeeds whole or fails; each can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes a bridge with its sysctls, addresses, group and alias, up.
    AddBridge(Bridge),
    /// Mends a bridge of ours: MTU, addresses, up.
    MendBridge(Bridge),
    /// Makes a veth pair, its peer in the sandbox with sysctls and addresses, both ends up.
    AddVeth(Veth),
    /// Mends the host end: bridge, MTU, up.
    MendVeth(Veth),
    /// Makes a macvlan link in a sandbox with sysctl, addresses and alias, up. One of ours that has its name goes first.
    AddMacvlan(Macvlan),
    /// Removes macvlan links of ours from a sandbox; those that do not exist are passed over.
    RemoveMacvlans(Place, Vec<IfName>),
    /// Removes links of ours in one request; those that do not exist are passed over.
    RemoveLinks(Vec<IfName>),
    /// Sets lo up, the default routes and forwarding of a namespace.
    SetInside(Inside),
    /// Switches `net.ipv4.ip_forward` on.
    EnableForwarding,
    /// Switches `net.ipv6.conf.all.forwarding` on, without losing the default route that a router advertises.
    EnableForwarding6,
    /// Applies changes of the host's tables in one transaction.
    Firewall(Vec<nft::Delta>),
}
