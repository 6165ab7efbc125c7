//! Updates: what the resolver is told. Each replaces what it names whole, so that sending one twice does no harm.

use crate::model::{
    DnsName, EndpointId, Exposed, NetworkId, NetworkName, Registration, Route, RrType, SandboxId,
    SandboxName,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A sandbox's name.
    Container,
    /// An alias on one network.
    Alias,
    /// The first 12 digits of a sandbox's id.
    Id,
    /// A sandbox's host name.
    Hostname,
    /// `netdns register`.
    Manual,
    /// A zone file.
    Zone,
    /// netdns itself: localhost, the host's names, special-use names.
    Builtin,
    /// An upstream server.
    Upstream,
}

/// What the resolver knows of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkNames {
    /// The network.
    pub id: NetworkId,
    /// Its name.
    pub name: NetworkName,
    /// The suffix that qualifies its names, if its name is a domain name.
    pub domain: Option<DnsName>,
    /// Whether sandboxes on it have names.
    pub named: bool,
    /// Its subnets: reverse names inside never leave the host.
    pub subnets: Vec<IpNet>,
    /// TTL of endpoint names, in seconds.
    pub ttl: u32,
    /// Whether unknown names below `domain` are answered here.
    pub own_domain: bool,
}

/// The names and addresses of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointNames {
    /// The endpoint.
    pub id: EndpointId,
    /// Its network.
    pub network: NetworkId,
    /// Its sandbox, with whose end the names go.
    pub owner: SandboxId,
    /// The sandbox's name, which PTR records give.
    pub sandbox: SandboxName,
    /// Every name it answers to, the sandbox's own first, without duplicates.
    pub names: Vec<(DnsName, Source)>,
    /// Its addresses of either family.
    pub addresses: Vec<IpAddr>,
    /// The ports that it serves, exposed or published, without duplicates.
    pub services: Vec<Exposed>,
}

/// Whom a sandbox's unknown names are asked of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forward {
    /// Nobody: it is on internal networks alone.
    Nobody,
    /// The daemon's or the host's servers, from the host's namespace.
    Host,
    /// Its own servers, from inside its namespace.
    Inside(Vec<IpAddr>),
}

/// What the resolver knows of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxView {
    /// The sandbox.
    pub id: SandboxId,
    /// Its named networks in the order of look-up.
    pub networks: Vec<NetworkId>,
    /// Whom to ask what is unknown.
    pub forward: Forward,
    /// The addresses that stand for the host.
    pub host: Vec<IpAddr>,
    /// Which servers are asked for which domain, from inside its namespace.
    pub inside_routes: Vec<Route>,
    /// The same from the host's namespace, beside the daemon's; none if nothing is asked from there.
    pub host_routes: Option<Vec<Route>>,
}

/// One step of the resolver's replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Update {
    /// A network appears or changes.
    PutNetwork(NetworkNames),
    /// A network goes, with all names on it.
    RemoveNetwork(NetworkId),
    /// An endpoint appears or changes.
    PutEndpoint(EndpointNames),
    /// An endpoint goes.
    RemoveEndpoint(NetworkId, EndpointId),
    /// An RRset is registered.
    PutRecord(Registration),
    /// An RRset goes.
    RemoveRecord(Option<NetworkId>, DnsName, RrType),
    /// A sandbox appears or changes.
    PutSandbox(SandboxView),
    /// A sandbox goes; its sockets are closed.
    RemoveSandbox(SandboxId),
    /// The servers of the host or the daemon, in order.
    SetHostServers(Vec<SocketAddr>),
    /// Which servers are asked for which domain by all who may ask from the host's namespace.
    SetHostRoutes(Vec<Route>),
}
