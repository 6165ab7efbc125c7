//! What people ask for: the parsed arguments of each command, before anything is decided.

use super::{
    Config, DnsConfig, DnsName, ExtraHost, Mac, PortRange, Proto, Rdata, RrType, SandboxName,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// `network create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRequest {
    /// The name as typed.
    pub name: String,
    /// The driver's name as typed.
    pub driver: String,
    /// Driver options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// No way out.
    #[serde(default)]
    pub internal: bool,
    /// A subnet of IPv6 besides that of IPv4.
    #[serde(default)]
    pub ipv6: bool,
    /// Subnets as typed, host bits and all.
    #[serde(default)]
    pub subnets: Vec<IpNet>,
    /// Parts of the subnets that addresses come from.
    #[serde(default)]
    pub ip_ranges: Vec<IpNet>,
    /// Gateways.
    #[serde(default)]
    pub gateways: Vec<IpAddr>,
    /// Addresses in use by others, by label.
    #[serde(default)]
    pub aux: BTreeMap<String, IpAddr>,
}

/// One network for a sandbox: `--network` of run and attach, or `network connect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRequest {
    /// The network: id, name, or id prefix.
    pub network: String,
    /// Aliases on it.
    #[serde(default)]
    pub aliases: Vec<DnsName>,
    /// The IPv4 address wanted.
    pub ip: Option<Ipv4Addr>,
    /// The IPv6 address wanted.
    pub ip6: Option<Ipv6Addr>,
    /// The link-layer address wanted.
    pub mac: Option<Mac>,
    /// Priority for the default route.
    #[serde(default)]
    pub gw_priority: i32,
}

/// The namespace that a sandbox is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachTo {
    /// The init that `netdns run` has cloned, by pid.
    Init(i32),
    /// The init that `netdns run` has cloned into a namespace that is the host's or another sandbox's.
    Shared(i32),
    /// Another process's, by pid.
    Pid(i32),
    /// A namespace file's.
    Netns(PathBuf),
}

/// `-p [IP:][HOST[-END]:]CONTAINER[-END][/PROTO]`; without a host port one is chosen for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The host's address; none means every one.
    pub host_ip: Option<IpAddr>,
    /// The host's ports: as many as the sandbox's, or several of which a single one is chosen.
    pub host: Option<PortRange>,
    /// The ports in the sandbox.
    pub ports: PortRange,
    /// The protocol.
    pub proto: Proto,
}

/// `run` and `attach`: the namespace exists, and waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The name; one is made up if none is given.
    pub name: Option<SandboxName>,
    /// The namespace.
    pub attach: AttachTo,
    /// The networks, the first named first; empty means the default one.
    #[serde(default)]
    pub networks: Vec<EndpointRequest>,
    /// Ports of the host.
    #[serde(default)]
    pub publish: Vec<PublishRequest>,
    /// Every exposed port too, at a host port that is chosen.
    #[serde(default)]
    pub publish_all: bool,
    /// What it is; an empty host name becomes the short id.
    #[serde(default)]
    pub config: Config,
    /// Its resolver's settings.
    #[serde(default)]
    pub dns: DnsConfig,
    /// Entries for /etc/hosts.
    #[serde(default)]
    pub extra_hosts: Vec<ExtraHost>,
}

/// `register`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// The owner name.
    pub name: DnsName,
    /// The network that sees it; none means every user-defined one.
    pub network: Option<String>,
    /// Seconds that it may be cached.
    pub ttl: u32,
    /// The RRset's type; addresses may be of both families and then make two RRsets.
    pub rr_type: Option<RrType>,
    /// The data.
    pub data: Vec<Rdata>,
}
