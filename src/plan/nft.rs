//! nftables as data: exactly what netdns' own tables need, and the change from one table to another.
//!
//! A table is rendered twice: as text ([`Display`](std::fmt::Display), what `nft list table` prints) and, by
//! `kernel::nft`, as messages to the kernel. Names of chains and maps are the program's own; what people typed never
//! becomes part of a rule. A set is a map that leads to nothing. Deliberately absent: anonymous sets, objects, counters,
//! handles.

mod delta;
mod dns;
mod text;

#[cfg(test)]
mod tests;

pub use delta::{Delta, delta, deltas, follow};
pub use dns::{RESOLVER, dns_table};

use crate::model::{IfName, Mac, Proto};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The name of every table of ours.
pub const TABLE: &str = "netdns";

/// The group of every link of ours on the host, bridges included: rules that hold for all of them name it alone.
pub const LINK_GROUP: u32 = 0x6e64;

/// The packets that a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv4 and IPv6.
    Inet,
    /// Frames that go through a bridge.
    Bridge,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The packets that it sees.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Whether it belongs to the socket that makes it and outlives that socket (kernel 6.9): flags `owner,persist`.
    pub owned: bool,
    /// Its maps and sets by name.
    pub maps: BTreeMap<String, Map>,
    /// Its chains by name.
    pub chains: BTreeMap<String, Chain>,
}

/// A map from packets' fields to verdicts or data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// The types of the key's parts.
    pub key: Vec<Type>,
    /// What it leads to.
    pub value: ValueType,
    /// Whether keys are ranges: a subnet, or parts of which some are subnets or ranges of ports.
    pub interval: bool,
    /// What it holds.
    pub elements: BTreeMap<Key, Value>,
}

impl Map {
    /// Makes an empty map with single keys.
    pub fn new(key: &[Type], value: ValueType) -> Self {
        Self { key: key.to_vec(), value, interval: false, elements: BTreeMap::new() }
    }
}

/// The type of one part of a key or of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `ifname`.
    IfName,
    /// `ipv4_addr`.
    Ipv4,
    /// `ipv6_addr`.
    Ipv6,
    /// `ether_addr`.
    Ether,
    /// `inet_proto`.
    Proto,
    /// `inet_service`.
    Port,
}

/// What a map leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Nothing: it is a set.
    Nothing,
    /// A verdict.
    Verdict,
    /// Data of these types.
    Data(Vec<Type>),
}

/// One part of a key or of data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Datum {
    /// An interface's name.
    IfName(IfName),
    /// An address.
    Ipv4(Ipv4Addr),
    /// An address.
    Ipv6(Ipv6Addr),
    /// A link's address.
    Ether(Mac),
    /// A range of addresses, in interval maps.
    Subnet(IpNet),
    /// A transport protocol.
    Proto(Proto),
    /// A port.
    Port(u16),
    /// First and last of a range of ports, in interval maps.
    Ports(u16, u16),
}

/// The key of an element: its parts in the order of the map's types.
pub type Key = Vec<Datum>;

/// What an element leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing: it is in a set.
    Nothing,
    /// A verdict.
    Verdict(Verdict),
    /// Data, in the order of the map's types.
    Data(Vec<Datum>),
}

/// A chain: at a hook of the kernel, or jumped to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Where packets enter it by themselves; the policy is to accept.
    pub base: Option<Base>,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// Where a base chain is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// What it may do.
    pub kind: BaseKind,
    /// The hook.
    pub hook: Hook,
    /// Its place among the chains at that hook, lowest first.
    pub priority: i32,
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseKind {
    /// Accept, drop, change packets.
    Filter,
    /// Translate addresses, asked once a connection.
    Nat,
}

/// A hook of the kernel, numbered as its `enum nf_inet_hooks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Everything that arrives.
    Prerouting = 0,
    /// What is for this host.
    Input = 1,
    /// What is passed on.
    Forward = 2,
    /// What this host sends.
    Output = 3,
    /// Everything that leaves.
    Postrouting = 4,
}

/// A rule: its statements are tried in order until one does not match or ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(pub Vec<Statement>);

impl<const N: usize> From<[Statement; N]> for Rule {
    fn from(statements: [Statement; N]) -> Self {
        Self(statements.into())
    }
}

/// A match or an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// The link it came by is, or is not, this one.
    IifName(Is, IfName),
    /// The link it leaves by is, or is not, this one.
    OifName(Is, IfName),
    /// The link it came by is, or is not, of this group.
    IifGroup(Is, u32),
    /// The link it leaves by is of this group.
    OifGroup(u32),
    /// It is IPv4; to be said only where no IPv4 field is matched.
    Ipv4,
    /// It is IPv6; to be said only where no IPv6 field is matched.
    Ipv6,
    /// Its source is in this subnet.
    Source(IpNet),
    /// Its destination is in this subnet.
    Destination(IpNet),
    /// It is of this protocol and comes from this port.
    SourcePort(Proto, u16),
    /// It is of this protocol and goes to this port.
    DestinationPort(Proto, u16),
    /// Its connection is known, or it is about a known one.
    Established,
    /// Its connection's destination was translated.
    Translated,
    /// Its destination is an address of this host.
    LocalDestination,
    /// It is of this transport protocol.
    Proto(Proto),
    /// It is a message of ICMPv6 (RFC 4443).
    Icmp6,
    /// It tells a router for IPv4 (RFC 792): a redirect.
    Redirect4,
    /// It is this message of IPv6's (RFC 4861).
    Neighbour(Neighbour),
    /// These fields are in a set.
    In(Vec<Field>, String),
    /// These fields are not in a set.
    NotIn(Vec<Field>, String),
    /// The verdict that a map has for these fields.
    Decide(Vec<Field>, String),
    /// Translates the destination to what a map has for these fields.
    Dnat(Onto, Vec<Field>, String),
    /// Translates the source to the address of the link it leaves by.
    Masquerade,
    /// Keeps connection tracking away from it.
    Notrack,
    /// Rewrites the source port, without connection tracking.
    SetSourcePort(Proto, u16),
    /// Rewrites the destination port, without connection tracking.
    SetDestinationPort(Proto, u16),
    /// Refuses it, so that its sender knows: ends the rule.
    Reject(Reject),
    /// Ends the rule.
    Verdict(Verdict),
}

/// A message of neighbour discovery (RFC 4861), numbered as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// A router says that it is one.
    RouterAdvertisement = 134,
    /// Somebody asks who has an address.
    Solicitation = 135,
    /// Somebody says who has an address.
    Advertisement = 136,
    /// A router names a better way.
    Redirect = 137,
}

/// What a sender is told of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// A TCP reset.
    Reset,
    /// ICMP: port unreachable.
    Port,
}

/// Whether a field is to be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// It is to be equal.
    Equal,
    /// It is to differ.
    Other,
}

/// What a destination is translated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// An address and a port of IPv4.
    Socket4,
    /// An address of IPv4; the port stays.
    Address4,
    /// An address and a port of IPv6.
    Socket6,
    /// An address of IPv6; the port stays.
    Address6,
}

/// A field of a packet that a map is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The link it came by.
    IifName,
    /// The link it leaves by.
    OifName,
    /// The frame's source.
    EtherSource,
    /// Who an ARP message says has [`Field::ArpSource`].
    ArpEther,
    /// The address that an ARP message's sender claims.
    ArpSource,
    /// The source address.
    Source,
    /// The destination address.
    Destination,
    /// The source address of IPv6.
    Source6,
    /// The destination address of IPv6.
    Destination6,
    /// The address that a [`Neighbour::Advertisement`] is about.
    NeighbourTarget,
    /// The transport protocol.
    Proto,
    /// The destination port of any transport protocol.
    DestinationPort,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes this base chain.
    Accept,
    /// It is gone.
    Drop,
    /// It goes through another chain and comes back.
    Jump(String),
    /// It goes through another chain and does not come back here.
    Goto(String),
}
