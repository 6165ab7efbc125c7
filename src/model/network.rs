//! Network: a virtual subnet whose members see each other.

use super::{DnsName, IfName, Millis, NetworkId, NetworkName, Route};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// How a network is built in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriverKind {
    /// A kernel bridge, a veth pair an endpoint, NAT.
    Bridge,
    /// The host's own namespace.
    Host,
    /// No link but lo.
    #[serde(rename = "null")]
    None,
    /// A macvlan link an endpoint, on the segment of one of the host's links; no NAT.
    Macvlan,
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Host => "host",
            Self::None => "null",
            Self::Macvlan => "macvlan",
        })
    }
}

/// One subnet of a network, with what IPAM may give from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The subnet, as a network address.
    pub net: IpNet,
    /// The gateway: the bridge's own address; on macvlan that of the segment's router.
    pub gateway: IpAddr,
    /// The part that addresses are taken from, if not all of it.
    pub ip_range: Option<IpNet>,
    /// Addresses that somebody else uses, by label.
    pub aux: BTreeMap<String, IpAddr>,
}

/// What the driver options of a network mean, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOptions {
    /// Whether outbound traffic takes the host's address (`com.docker.network.bridge.enable_ip_masquerade`).
    pub masquerade: bool,
    /// MTU of bridge and links; the uplink's at creation unless set (`com.docker.network.driver.mtu`).
    pub mtu: u32,
    /// TTL of endpoint names in seconds (`netdns.ttl`).
    pub ttl: u32,
    /// Whether unknown names below the network's name are answered here and not forwarded (`netdns.domain=local`).
    pub own_domain: bool,
    /// Which servers are asked for which domain, from the host's namespace (`netdns.dns-route`).
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Whether a sandbox may send as itself alone (`netdns.guard`).
    #[serde(default = "yes")]
    pub guard: bool,
    /// What of a sandbox its neighbours reach.
    #[serde(default)]
    pub reach: Reach,
    /// What endpoints hang on, for driver `macvlan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

impl Default for NetworkOptions {
    /// As on an Ethernet where nothing is asked for.
    fn default() -> Self {
        Self {
            masquerade: true,
            mtu: 1500,
            ttl: 5,
            own_domain: false,
            routes: Vec::new(),
            guard: true,
            reach: Reach::Open,
            parent: None,
        }
    }
}

fn yes() -> bool {
    true
}

/// What of a sandbox its neighbours on the same network reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// All of it.
    #[default]
    Open,
    /// Ports that it exposes or publishes (`netdns.expose=enforce`).
    Exposed,
    /// Nothing (`com.docker.network.bridge.enable_icc=false`).
    Nothing,
}

/// The link of the host whose segment a macvlan network is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its name (`parent`).
    pub link: IfName,
    /// What passes between the endpoints on it (`macvlan_mode`).
    pub mode: MacvlanMode,
}

/// What passes between macvlan links on one parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    /// All, without leaving the host.
    #[default]
    Bridge,
    /// Nothing.
    Private,
    /// What the switch beyond sends back.
    Vepa,
    /// There is one link alone, which has the parent to itself.
    Passthru,
}

impl MacvlanMode {
    /// Parses Docker's word for it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "bridge" => Self::Bridge,
            "private" => Self::Private,
            "vepa" => Self::Vepa,
            "passthru" => Self::Passthru,
            _ => return None,
        })
    }
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name, unique on the daemon.
    pub name: NetworkName,
    /// How it is built.
    pub driver: DriverKind,
    /// When it was made.
    pub created: Millis,
    /// Whether it is one of `bridge`, `host`, `none`, which cannot be removed and have no names.
    pub predefined: bool,
    /// No way out and no default route.
    pub internal: bool,
    /// The kernel bridge, for driver `bridge`.
    pub bridge: Option<IfName>,
    /// Its subnets: at most one of each family; none for `host` and `none`.
    pub subnets: Vec<Subnet>,
    /// The options as given and as shown by inspect.
    pub given_options: BTreeMap<String, String>,
    /// What the options mean.
    pub options: NetworkOptions,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Network {
    /// Whether sandboxes on it have names: user-defined networks do, the default ones do not.
    pub fn has_names(&self) -> bool {
        !self.predefined
    }

    /// Returns the suffix that qualifies its names, if its name can be one.
    pub fn domain(&self) -> Option<DnsName> {
        self.name.as_dns()
    }

    /// Returns the host's own addresses on it: those of its bridge.
    pub fn host_addresses(&self) -> Vec<IpAddr> {
        let bridged = self.driver == DriverKind::Bridge;
        self.subnets.iter().filter(|_| bridged).map(|subnet| subnet.gateway).collect()
    }

    /// Whether it has a subnet of IPv6.
    pub fn has_ipv6(&self) -> bool {
        self.subnets.iter().any(|subnet| subnet.net.addr().is_ipv6())
    }
}
