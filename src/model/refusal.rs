//! Refusal: why a request is not made true. One line that names the thing, and where it helps a hint.

use super::{DriverKind, IfName, NetworkName, PortRange, Proto, Publish, RrType, SandboxName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What sort of no it is: the API's status follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The request can never be granted.
    Invalid,
    /// What it names does not exist.
    NotFound,
    /// Something that exists is in the way.
    Conflict,
    /// Something is used up.
    Exhausted,
}

/// Why a request is refused. Texts that Docker's users know are kept word for word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the error text of each variant says what it is")]
pub enum Refusal {
    #[error("invalid {what} name \"{text}\": allowed are {rule}")]
    BadName { what: &'static str, text: String, rule: &'static str },
    #[error("the name \"{0}\" is reserved: netdns answers it itself in every sandbox")]
    ReservedName(String),
    #[error("invalid MAC address \"{0}\"")]
    BadMac(String),
    #[error("invalid protocol \"{0}\"")]
    BadProto(String),
    #[error("invalid record type \"{0}\"")]
    BadRrType(String),
    #[error("invalid {rr_type} data \"{text}\"")]
    BadRdata { rr_type: RrType, text: String },
    #[error("a CNAME stands alone: \"{0}\" has or would have other records on that network")]
    CnameNotAlone(String),

    #[error("network with name {0} already exists")]
    NetworkExists(NetworkName),
    #[error("network {0} not found")]
    NetworkNotFound(String),
    #[error("network {text} is ambiguous ({count} matches found based on ID prefix)")]
    NetworkAmbiguous { text: String, count: usize },
    #[error("network {name} has active endpoints ({})", by.join(", "))]
    NetworkInUse { name: NetworkName, by: Vec<String>, sandboxes: Vec<SandboxName> },
    #[error("{0} is a pre-defined network and cannot be removed")]
    Predefined(NetworkName),
    #[error("operation is not permitted on predefined {0} network")]
    PredefinedName(NetworkName),
    #[error("plugin \"{0}\" not found")]
    UnknownDriver(String),
    #[error("only one instance of \"{0}\" network is allowed")]
    SingleInstance(DriverKind),
    #[error("unknown option {key} for driver {driver}")]
    UnknownOption { driver: DriverKind, key: String },
    #[error("failed to parse {key}={value}: {expected}")]
    BadOption { key: String, value: String, expected: &'static str },
    #[error(
        "invalid DNS route \"{0}\": DOMAIN=SERVER[,SERVER] with one to eight addresses is understood"
    )]
    BadRoute(String),
    #[error("network {0} is internal: none of its names is asked of a server outside")]
    RouteOutOfInternal(NetworkName),
    #[error("networks have same bridge name: {0}")]
    BridgeNameTaken(String),
    #[error("a macvlan network needs a parent: the interface of this host whose segment it is on")]
    NoParent,
    #[error("parent interface {0} not found")]
    ParentNotFound(IfName),
    #[error("loopback interface is not a valid macvlan parent link")]
    ParentLoopback,
    #[error("parent interface {parent} is a port of {of}, which takes all that arrives there")]
    ParentIsPort { parent: IfName, of: IfName },
    #[error("network {by} is already using parent interface {parent}{}", if *.passthru { " in mode passthru" } else { "" })]
    ParentTaken { parent: IfName, by: NetworkName, passthru: bool },
    #[error(
        "requested macvlan mode '{0}' is not valid, 'bridge' mode is the macvlan driver default"
    )]
    BadMacvlanMode(String),
    #[error("network {network} is of mode passthru: {by} has its parent interface to itself")]
    PassthruTaken { network: NetworkName, by: SandboxName },

    #[error("invalid subnet {given}: it should be {meant}")]
    SubnetHostBits { given: IpNet, meant: IpNet },
    #[error("subnet {0} is too small: it has no room for a gateway and a sandbox")]
    SubnetTooSmall(IpNet),
    #[error("subnet {0} cannot be used: {1}")]
    SubnetUnusable(IpNet, &'static str),
    #[error("subnet {0} is of IPv6, and the network is not to have it")]
    NeedsIpv6(IpNet),
    #[error("a bridge network has at most one subnet of a family: {0} and {1}")]
    TwoSubnets(IpNet, IpNet),
    #[error("Pool overlaps with other one on this address space")]
    Overlap { wanted: IpNet, with: IpNet, owner: String },
    #[error("every ip-range or gateway must have a corresponding subnet")]
    NoSubnetFor,
    #[error("no matching subnet for {what} {value}")]
    OutsideSubnet { what: &'static str, value: String },
    #[error("cannot configure multiple {what}s ({first}, {second}) on the same subnet ({subnet})")]
    TwoOnSubnet { what: &'static str, first: String, second: String, subnet: IpNet },
    #[error("all predefined address pools have been fully subnetted")]
    PoolsFull,
    #[error("no available addresses on this pool")]
    SubnetFull(IpNet),
    #[error("no configured subnet contains IP address {0}")]
    NoSubnetContains(IpAddr),
    #[error("Address already in use")]
    AddressTaken { address: IpAddr, by: String },
    #[error("{0} is the network or broadcast address of {1}")]
    AddressUnusable(IpAddr, IpNet),
    #[error("user-specified IP address is supported on user-defined networks only")]
    AddressOnDefault,
    #[error("MAC address {0} is already in use on network {1}")]
    MacTaken(super::Mac, NetworkName),

    #[error("Conflict. The name \"{name}\" is already in use by sandbox \"{by}\"")]
    SandboxExists { name: SandboxName, by: String },
    #[error("No such sandbox: {0}")]
    SandboxNotFound(String),
    #[error("sandbox {text} is ambiguous ({count} matches found based on ID prefix)")]
    SandboxAmbiguous { text: String, count: usize },
    #[error("sandbox {0} is not running")]
    NotRunning(SandboxName),
    #[error("sandbox {0} is running")]
    StillRunning(SandboxName),
    #[error("sandbox {0} was not attached but started by netdns")]
    NotAdopted(SandboxName),
    #[error("sandbox {0} is an attached namespace: netdns does not own its processes")]
    Adopted(SandboxName),
    #[error("invalid signal: {0}")]
    BadSignal(i32),
    #[error("sandbox {0} cannot be stopped by SIGSTOP: its init would be, and not its command")]
    Unstoppable(SandboxName),
    #[error("Renaming a sandbox with the same name as its current name")]
    SameName(SandboxName),
    #[error("sandbox {sandbox} has no alias {alias} on that network")]
    NoAlias { sandbox: SandboxName, alias: super::DnsName },
    #[error("the namespace is already sandbox {0}")]
    NamespaceTaken(SandboxName),
    #[error("{0} is not a network namespace")]
    NotANamespace(String),
    #[error("{0} is the host's own network namespace")]
    HostNamespace(String),
    #[error("no process has pid {0}")]
    NoSuchProcess(i32),

    #[error("network-scoped aliases are only supported for user-defined networks")]
    AliasOnDefault,
    #[error("endpoint with name {sandbox} already exists in network {network}")]
    AlreadyConnected { sandbox: SandboxName, network: NetworkName },
    #[error("container {sandbox} is not connected to network {network}")]
    NotConnected { sandbox: SandboxName, network: NetworkName },
    #[error(
        "cannot connect container to host network - container must be created in host network mode"
    )]
    ConnectHost,
    #[error(
        "container cannot be connected to multiple networks with one of the networks in private (none) mode"
    )]
    ConnectNone,
    #[error(
        "container sharing network namespace with another container or host cannot be connected to any other network"
    )]
    ConnectShared,
    #[error("only netdns run can share a namespace: --network host and container:NAME")]
    ShareOnlyRun,
    #[error("conflicting options: port publishing and the container type network mode")]
    PublishShared,
    #[error("conflicting options: mac-address and the network mode")]
    MacShared,

    #[error("invalid port \"{0}\": a port is 1 to 65535, a range FIRST-LAST")]
    BadPort(String),
    #[error("invalid ranges specified for container and host Ports: {ports} and {host}")]
    UnequalRanges { host: PortRange, ports: PortRange },
    #[error("Bind for {} failed: port is already allocated", .publish.host())]
    PortAllocated { publish: Publish, by: SandboxName },
    #[error("Bind for {} failed: port is already allocated", .publish.host())]
    PortTwice { publish: Publish },
    #[error("Bind for {host_ip} failed: all ports of {ports} are already allocated")]
    PortsTaken { host_ip: IpAddr, ports: PortRange },
    #[error("failed to bind host port {}/{}: address already in use", .publish.host(), .publish.proto)]
    PortTaken { publish: Publish, by: Option<String> },
    #[error("failed to bind host port {}/{}: cannot assign requested address", .publish.host(), .publish.proto)]
    PortForeign { publish: Publish },
    #[error("ports cannot be published on {host_ip}: {why}")]
    PortUnusable { host_ip: IpAddr, why: &'static str },
    #[error("no free {0} port in the host's ephemeral range")]
    NoFreePort(Proto),

    #[error("network {0} has no names")]
    NoNames(NetworkName),
    #[error(
        "a name is resolved as a sandbox or as a member of a network sees it: neither is named"
    )]
    NobodyAsks,
    #[error("no entry {0}")]
    NoRegistration(String),
}

impl Refusal {
    /// Returns what sort of no it is.
    pub fn kind(&self) -> Kind {
        use Refusal::*;
        match self {
            NoAlias { .. }
            | NetworkNotFound(_)
            | SandboxNotFound(_)
            | NoRegistration(_)
            | ParentNotFound(_)
            | NoSuchProcess(_)
            | NotConnected { .. } => Kind::NotFound,
            NetworkExists(_)
            | NetworkAmbiguous { .. }
            | NetworkInUse { .. }
            | Predefined(_)
            | BridgeNameTaken(_)
            | ParentIsPort { .. }
            | ParentTaken { .. }
            | PassthruTaken { .. }
            | Overlap { .. }
            | AddressTaken { .. }
            | MacTaken(..)
            | SandboxExists { .. }
            | SandboxAmbiguous { .. }
            | NotRunning(_)
            | StillRunning(_)
            | NamespaceTaken(_)
            | AlreadyConnected { .. }
            | PortAllocated { .. }
            | PortTwice { .. }
            | PortTaken { .. }
            | PortsTaken { .. }
            | CnameNotAlone(_) => Kind::Conflict,
            PoolsFull | SubnetFull(_) | NoFreePort(_) => Kind::Exhausted,
            _ => Kind::Invalid,
        }
    }

    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        use Refusal::*;
        Some(match self {
            BadName { what: "DNS", .. } => "write other alphabets in punycode (xn--...)".into(),
            Unstoppable(name) => format!("netdns exec {name} kill -STOP -1; and -CONT, or netdns kill -s CONT {name}"),
            NetworkExists(name) => format!("netdns network inspect {name} shows it"),
            NetworkNotFound(_) => "netdns network ls lists those there are".into(),
            NetworkAmbiguous { .. } | SandboxAmbiguous { .. } => "give more digits of the id".into(),
            NetworkInUse { name, sandboxes, .. } => {
                let names: Vec<&str> = sandboxes.iter().map(SandboxName::as_str).collect();
                format!("disconnect {} first: netdns network disconnect {name} {}",
                    names.join(" and "), names.first().unwrap_or(&"SANDBOX"))
            }
            UnknownDriver(_) => "drivers: bridge, macvlan (host and none are predefined networks)".into(),
            NoParent => "give -o parent=IF; ip -br link lists them".into(),
            ParentNotFound(_) => "ip -br link lists those there are; a VLAN's is made with: ip link add link IF name IF.ID type vlan id ID".into(),
            ParentLoopback => "give the interface that leads to the segment; ip -br link lists them".into(),
            ParentIsPort { of, .. } => format!("give -o parent={of}"),
            ParentTaken { passthru: true, .. } => "passthru means one network and one sandbox on an interface".into(),
            ParentTaken { .. } => "give another --subnet, or put the sandboxes on that network".into(),
            BadMacvlanMode(_) => "modes: bridge, private, vepa, passthru".into(),
            UnknownOption { driver: DriverKind::Macvlan, .. } => "options: parent, macvlan_mode, com.docker.network.driver.mtu, netdns.ttl, netdns.domain, netdns.dns-route".into(),
            UnknownOption { .. } => "options: com.docker.network.bridge.name, com.docker.network.bridge.enable_ip_masquerade, com.docker.network.driver.mtu, netdns.ttl, netdns.domain, com.docker.network.bridge.enable_icc, netdns.expose, netdns.guard".into(),
            Overlap { wanted, with, owner } => format!("{wanted} overlaps {with} of {owner}"),
            NeedsIpv6(_) => "give --ipv6 too".into(),
            NoSubnetFor => "give --subnet too".into(),
            PoolsFull => "remove networks (netdns network prune), give --subnet, or start the daemon with --default-address-pool base=CIDR,size=N".into(),
            SubnetFull(net) => format!("every address of {net} is in use"),
            NoSubnetContains(_) => "netdns network inspect NETWORK shows its subnets".into(),
            AddressTaken { address, by } => format!("{address} belongs to {by}"),
            AddressOnDefault => "make a network with: netdns network create NAME".into(),
            AliasOnDefault => "make a network with: netdns network create NAME".into(),
            SandboxExists { name, .. } => format!("choose another name, or remove it: netdns rm -f {name}"),
            SandboxNotFound(_) => "netdns ps -a lists those there are".into(),
            StillRunning(name) => format!("stop it first, or: netdns rm -f {name}"),
            NotAdopted(name) => format!("to end it: netdns rm -f {name}"),
            Adopted(name) => format!("to let it go: netdns detach {name}"),
            HostNamespace(_) => "the host needs no sandbox: it reaches every bridge network already".into(),
            NotANamespace(_) => "ip netns add X makes /run/netns/X; /proc/PID/ns/net is a process's".into(),
            PortAllocated { by, .. } => format!("sandbox {by} publishes it"),
            PortTwice { .. } => "it is asked for twice".into(),
            PortTaken { by: Some(owner), .. } => format!("{owner} holds it"),
            UnequalRanges { .. } => "give as many host ports as sandbox ports, or one sandbox port".into(),
            PortForeign { publish } => format!("{} is no address of this host", publish.host_ip),
            PublishShared => "publish the ports of the sandbox whose namespace it is".into(),
            NoNames(_) => "only user-defined networks have names: netdns network create NAME".into(),
            NoRegistration(_) => "netdns names lists those there are".into(),
            _ => return None,
        })
    }
}
