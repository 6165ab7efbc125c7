//! Ports: exposed ones, which say what a sandbox serves, and published ones, which the host hands on.

use super::{Proto, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// As many ports of one range are held by a socket each; longer ranges are reserved.
const MOST_SOCKETS: u16 = 256;

/// One port or several on end, of which none is 0: `80`, `8000-8099`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Returns the first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// Returns the last port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Returns how many ports there are.
    pub fn count(self) -> u16 {
        self.last - self.first + 1
    }

    /// Returns every port.
    pub fn ports(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl FromStr for PortRange {
    type Err = Refusal;

    /// Parses digits; a sign, which Rust's integers would take, is none.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let port = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|port| digits && *port != 0)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            _ => Err(Refusal::BadPort(text.escape_debug().to_string())),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl From<u16> for PortRange {
    fn from(port: u16) -> Self {
        Self { first: port, last: port }
    }
}

impl TryFrom<String> for PortRange {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> String {
        range.to_string()
    }
}

/// A port that a sandbox says it serves (`--expose`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Exposed {
    /// The port in the sandbox.
    pub port: u16,
    /// Its protocol.
    pub proto: Proto,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.proto)
    }
}

/// A host port that leads to a sandbox's port (`-p`), or as many on end that lead to as many on end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Publish {
    /// The host's address; unspecified means every address of its family.
    pub host_ip: IpAddr,
    /// The host's first port.
    pub host_port: u16,
    /// The first port in the sandbox.
    pub port: u16,
    /// The protocol of both.
    pub proto: Proto,
    /// How many ports; none of them is beyond 65535.
    #[serde(default = "one")]
    pub count: u16,
}

fn one() -> u16 {
    1
}

impl Publish {
    /// Returns each port by itself.
    pub fn singles(self) -> impl Iterator<Item = Self> {
        (0..self.count).map(move |offset| Self {
            host_port: self.host_port + offset,
            port: self.port + offset,
            count: 1,
            ..self
        })
    }

    /// Returns the first port in the sandbox with its protocol.
    pub fn exposed(&self) -> Exposed {
        Exposed { port: self.port, proto: self.proto }
    }

    /// Returns the host's ports.
    pub fn host_ports(&self) -> PortRange {
        PortRange { first: self.host_port, last: self.host_port + (self.count - 1) }
    }

    /// Returns the first host port that both want, if there is one. All addresses of IPv4 are held by a socket of both
    /// families, so that nobody else answers for the same port over IPv6.
    pub fn clash(&self, other: &Publish) -> Option<u16> {
        let every = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let covers = |one: IpAddr, two: IpAddr| {
            one == every || one == two || one.is_unspecified() && one.is_ipv6() == two.is_ipv6()
        };
        let met = covers(self.host_ip, other.host_ip) || covers(other.host_ip, self.host_ip);
        let first = self.host_port.max(other.host_port);
        let last = self.host_ports().last.min(other.host_ports().last);
        (met && self.proto == other.proto && first <= last).then_some(first)
    }

    /// Returns the host's side of the nth port from the first.
    pub fn host(&self) -> SocketAddr {
        SocketAddr::new(self.host_ip, self.host_port)
    }

    /// Whether its ports are reserved and not each held by a socket.
    pub fn is_reserved(&self) -> bool {
        self.count > MOST_SOCKETS
    }
}

/// Returns the single ports of a sandbox that a socket is to hold.
pub fn held(publish: &[Publish]) -> impl Iterator<Item = Publish> {
    bound(publish).filter(|port| !port.is_reserved()).flat_map(|port| port.singles())
}

/// Returns the ports of a sandbox that are only to be reserved, as nobody can hold so many sockets.
pub fn reserved(publish: &[Publish]) -> impl Iterator<Item = Publish> {
    bound(publish).filter(|port| port.is_reserved())
}

/// Passes over what no socket stands for: SCTP, as that would load its module into the kernel, and an IPv6 port that the
/// socket of its IPv4 twin holds too.
fn bound(publish: &[Publish]) -> impl Iterator<Item = Publish> {
    let every = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let of_every: BTreeSet<&Publish> =
        publish.iter().filter(|port| port.host_ip == every).collect();
    let is_twin = move |port: &Publish| {
        port.host_ip.is_unspecified()
            && port.host_ip.is_ipv6()
            && of_every.contains(&Publish { host_ip: every, ..*port })
    };
    let held = publish.iter().filter(|port| port.proto != Proto::Sctp);
    held.filter(move |port| !is_twin(port)).copied()
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = PortRange { first: self.port, last: self.port + (self.count - 1) };
        match self.host_ip {
            IpAddr::V4(ip) => write!(f, "{ip}")?,
            IpAddr::V6(ip) => write!(f, "[{ip}]")?,
        }
        write!(f, ":{}->{ports}/{}", self.host_ports(), self.proto)
    }
}
