//! Records that people register by hand: types, data, and their text.

use super::{DnsName, Millis, NetworkId, Refusal};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A record type that can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RrType {
    /// IPv4 address (RFC 1035).
    A,
    /// IPv6 address (RFC 3596).
    Aaaa,
    /// Alias of another name (RFC 1035).
    Cname,
    /// Text (RFC 1035).
    Txt,
    /// Service location (RFC 2782).
    Srv,
    /// Mail exchange (RFC 1035).
    Mx,
    /// Pointer (RFC 1035).
    Ptr,
    /// A type that cannot be registered, by its number; zone files have them.
    Other(u16),
}

impl RrType {
    /// Returns the type's number in IANA's list.
    pub const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Cname => 5,
            Self::Ptr => 12,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => 28,
            Self::Srv => 33,
            Self::Other(number) => number,
        }
    }
}

impl fmt::Display for RrType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Txt => "TXT",
            Self::Srv => "SRV",
            Self::Mx => "MX",
            Self::Ptr => "PTR",
            Self::Other(number) => return write!(f, "TYPE{number}"),
        })
    }
}

impl FromStr for RrType {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Ok(match text.to_ascii_uppercase().as_str() {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "CNAME" => Self::Cname,
            "TXT" => Self::Txt,
            "SRV" => Self::Srv,
            "MX" => Self::Mx,
            "PTR" => Self::Ptr,
            _ => return Err(Refusal::BadRrType(text.escape_debug().to_string())),
        })
    }
}

/// The data of one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rdata {
    /// IPv4 address.
    A(Ipv4Addr),
    /// IPv6 address.
    Aaaa(Ipv6Addr),
    /// Alias target.
    Cname(DnsName),
    /// Strings of at most 255 bytes each.
    Txt(Vec<Vec<u8>>),
    /// Service location.
    Srv {
        /// Lower is tried first.
        priority: u16,
        /// Share among equals.
        weight: u16,
        /// The port.
        port: u16,
        /// The host that serves it.
        target: DnsName,
    },
    /// Mail exchange.
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The mail host.
        exchange: DnsName,
    },
    /// Pointer target.
    Ptr(DnsName),
    /// A type's number, and data of that type in wire form.
    Other(u16, Vec<u8>),
}

impl Rdata {
    /// Returns the record's type.
    pub const fn rr_type(&self) -> RrType {
        match self {
            Self::A(_) => RrType::A,
            Self::Aaaa(_) => RrType::Aaaa,
            Self::Cname(_) => RrType::Cname,
            Self::Txt(_) => RrType::Txt,
            Self::Srv { .. } => RrType::Srv,
            Self::Mx { .. } => RrType::Mx,
            Self::Ptr(_) => RrType::Ptr,
            Self::Other(number, _) => RrType::Other(*number),
        }
    }

    /// Parses the text of one record of a type; a TXT text is one record, cut into strings of 255 bytes.
    pub fn parse(rr_type: RrType, text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::BadRdata { rr_type, text: text.escape_debug().to_string() };
        let name = |text: &str| text.parse::<DnsName>().map_err(|_| bad());
        let number = |text: &str| text.parse::<u16>().map_err(|_| bad());
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        Ok(match (rr_type, words.as_slice()) {
            (RrType::A, [address]) => Self::A(address.parse().map_err(|_| bad())?),
            (RrType::Aaaa, [address]) => Self::Aaaa(address.parse().map_err(|_| bad())?),
            (RrType::Cname, [target]) => Self::Cname(name(target)?),
            (RrType::Ptr, [target]) => Self::Ptr(name(target)?),
            (RrType::Mx, [preference, exchange]) => {
                Self::Mx { preference: number(preference)?, exchange: name(exchange)? }
            }
            (RrType::Srv, [priority, weight, port, target]) => Self::Srv {
                priority: number(priority)?,
                weight: number(weight)?,
                port: number(port)?,
                target: name(target)?,
            },
            (RrType::Txt, _) if text.len() <= 60_000 => match text.as_bytes() {
                [] => Self::Txt(vec![Vec::new()]),
                bytes => Self::Txt(bytes.chunks(255).map(<[u8]>::to_vec).collect()),
            },
            _ => return Err(bad()),
        })
    }
}

impl From<IpAddr> for Rdata {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }
}

impl fmt::Display for Rdata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => address.fmt(f),
            Self::Aaaa(address) => address.fmt(f),
            Self::Cname(name) | Self::Ptr(name) => write!(f, "{name}."),
            Self::Txt(strings) => {
                let texts = strings.iter().map(|s| format!("\"{}\"", s.escape_ascii()));
                f.write_str(&texts.collect::<Vec<_>>().join(" "))
            }
            Self::Srv { priority, weight, port, target } => {
                write!(f, "{priority} {weight} {port} {target}.")
            }
            Self::Mx { preference, exchange } => write!(f, "{preference} {exchange}."),
            // As RFC 3597 section 5 writes them.
            Self::Other(_, data) => {
                write!(f, r"\# {} ", data.len())?;
                data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// A name's RRset of one type on one network, entered by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The owner name.
    pub name: DnsName,
    /// The network that sees it; none means every user-defined one.
    pub network: Option<NetworkId>,
    /// Seconds that it may be cached.
    pub ttl: u32,
    /// When it was registered.
    pub created: Millis,
    /// The records, all of one type, at least one.
    pub data: Vec<Rdata>,
}

impl Registration {
    /// Returns the type of its records.
    pub fn rr_type(&self) -> RrType {
        self.data.first().map_or(RrType::A, Rdata::rr_type)
    }
}
