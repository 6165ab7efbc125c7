//! Tables as text: what `nft list table` prints and `nft -f` reads, one element a line.

use super::{
    Base, BaseKind, Chain, Datum, Family, Field, Hook, Is, Map, Neighbour, Onto, Reject, Rule,
    Statement, Table, Type, Value, ValueType, Verdict,
};
use std::fmt::{self, Display, Formatter};

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {} {} {{", self.family, self.name)?;
        if self.owned {
            writeln!(f, "\tflags owner,persist\n")?;
        }
        for (index, (name, map)) in self.maps.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            let kind = if map.value == ValueType::Nothing { "set" } else { "map" };
            write!(f, "{gap}\t{kind} {name} {{\n{map}\t}}\n")?;
        }
        for (index, (name, chain)) in self.chains.iter().enumerate() {
            let gap = if index == 0 && self.maps.is_empty() { "" } else { "\n" };
            write!(f, "{gap}\tchain {name} {{\n{chain}\t}}\n")?;
        }
        writeln!(f, "}}")
    }
}

impl Display for Family {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "ip",
            Self::Inet => "inet",
            Self::Bridge => "bridge",
        })
    }
}

impl Display for Map {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\t\ttype {}{}", Dotted(&self.key), self.value)?;
        if self.interval {
            writeln!(f, "\t\tflags interval")?;
        }
        for (index, (key, value)) in self.elements.iter().enumerate() {
            let start = if index == 0 { "\t\telements = { " } else { ",\n\t\t\t     " };
            write!(f, "{start}{}{value}", Dotted(key))?;
        }
        if self.elements.is_empty() { Ok(()) } else { writeln!(f, " }}") }
    }
}

/// A concatenation.
struct Dotted<'a, T>(&'a [T]);

impl<T: Display> Display for Dotted<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, part)| {
            let dot = if index == 0 { "" } else { " . " };
            write!(f, "{dot}{part}")
        })
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IfName => "ifname",
            Self::Ipv4 => "ipv4_addr",
            Self::Ipv6 => "ipv6_addr",
            Self::Ether => "ether_addr",
            Self::Proto => "inet_proto",
            Self::Port => "inet_service",
        })
    }
}

impl Display for ValueType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Verdict => f.write_str(" : verdict"),
            Self::Data(types) => write!(f, " : {}", Dotted(types)),
        }
    }
}

impl Display for Datum {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::IfName(name) => write!(f, "\"{name}\""),
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
            Self::Ether(mac) => mac.fmt(f),
            Self::Subnet(net) => Subnet(net).fmt(f),
            Self::Proto(proto) => proto.fmt(f),
            Self::Port(port) => port.fmt(f),
            Self::Ports(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Verdict(verdict) => write!(f, " : {verdict}"),
            Self::Data(data) => write!(f, " : {}", Dotted(data)),
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
        }
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(base) = &self.base {
            writeln!(f, "\t\t{base}")?;
        }
        self.rules.iter().try_for_each(|rule| writeln!(f, "\t\t{rule}"))
    }
}

impl Display for Base {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            BaseKind::Filter => "filter",
            BaseKind::Nat => "nat",
        };
        write!(f, "type {kind} hook {} priority ", self.hook)?;
        match (self.priority, self.hook) {
            (-300, _) => f.write_str("raw")?,
            (0, _) => f.write_str("filter")?,
            (-100, Hook::Prerouting) => f.write_str("dstnat")?,
            (100, Hook::Postrouting) => f.write_str("srcnat")?,
            (number, _) => write!(f, "{number}")?,
        }
        f.write_str("; policy accept;")
    }
}

impl Display for Hook {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        })
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, statement)| {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{statement}")
        })
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::IifName(is, name) => write!(f, "iifname {is}\"{name}\""),
            Self::OifName(is, name) => write!(f, "oifname {is}\"{name}\""),
            Self::IifGroup(is, group) => write!(f, "iifgroup {is}{group}"),
            Self::OifGroup(group) => write!(f, "oifgroup {group}"),
            Self::Ipv4 => f.write_str("meta nfproto ipv4"),
            Self::Ipv6 => f.write_str("meta nfproto ipv6"),
            Self::Source(net) => write!(f, "{} saddr {}", protocol(net), Subnet(net)),
            Self::Destination(net) => write!(f, "{} daddr {}", protocol(net), Subnet(net)),
            Self::SourcePort(proto, port) => write!(f, "{proto} sport {port}"),
            Self::DestinationPort(proto, port) => write!(f, "{proto} dport {port}"),
            Self::Established => f.write_str("ct state established,related"),
            Self::Translated => f.write_str("ct status dnat"),
            Self::LocalDestination => f.write_str("fib daddr type local"),
            Self::Proto(proto) => write!(f, "meta l4proto {proto}"),
            Self::Icmp6 => f.write_str("meta l4proto ipv6-icmp"),
            Self::Redirect4 => f.write_str("icmp type redirect"),
            Self::Neighbour(message) => write!(f, "icmpv6 type {message}"),
            Self::In(fields, set) => write!(f, "{} @{set}", Dotted(fields)),
            Self::NotIn(fields, set) => write!(f, "{} != @{set}", Dotted(fields)),
            Self::Decide(fields, map) => write!(f, "{} vmap @{map}", Dotted(fields)),
            Self::Dnat(onto, fields, map) => {
                write!(f, "dnat {onto} to {} map @{map}", Dotted(fields))
            }
            Self::Masquerade => f.write_str("masquerade"),
            Self::Notrack => f.write_str("notrack"),
            Self::SetSourcePort(proto, port) => write!(f, "{proto} sport set {port}"),
            Self::SetDestinationPort(proto, port) => write!(f, "{proto} dport set {port}"),
            Self::Reject(Reject::Reset) => f.write_str("reject with tcp reset"),
            Self::Reject(Reject::Port) => f.write_str("reject"),
            Self::Verdict(verdict) => verdict.fmt(f),
        }
    }
}

impl Display for Neighbour {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RouterAdvertisement => "nd-router-advert",
            Self::Solicitation => "nd-neighbor-solicit",
            Self::Advertisement => "nd-neighbor-advert",
            Self::Redirect => "nd-redirect",
        })
    }
}

impl Display for Is {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "",
            Self::Other => "!= ",
        })
    }
}

/// A subnet, or the address alone if it is one.
struct Subnet<'a>(&'a ipnet::IpNet);

impl Display for Subnet<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() {
            prefix if prefix == self.0.max_prefix_len() => self.0.addr().fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

/// Returns what nft calls the protocol of a subnet.
fn protocol(net: &ipnet::IpNet) -> &'static str {
    if net.addr().is_ipv6() { "ip6" } else { "ip" }
}

impl Display for Onto {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket4 | Self::Address4 => "ip",
            Self::Socket6 | Self::Address6 => "ip6",
        })
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IifName => "iifname",
            Self::OifName => "oifname",
            Self::EtherSource => "ether saddr",
            Self::ArpEther => "arp saddr ether",
            Self::ArpSource => "arp saddr ip",
            Self::Source => "ip saddr",
            Self::Destination => "ip daddr",
            Self::Source6 => "ip6 saddr",
            Self::Destination6 => "ip6 daddr",
            // Since nftables 1.0.7: `icmpv6 taddr`.
            Self::NeighbourTarget => "@th,64,128",
            Self::Proto => "meta l4proto",
            Self::DestinationPort => "th dport",
        })
    }
}
