//! Key: a domain name as the registry is asked for it. Wire form, lower case, without the root's zero byte: so the
//! part of a name before a network's suffix is a slice of it, and a dot inside a label is no separator. Lives on the
//! stack; making one allocates nothing.

use crate::model::{DnsName, Route};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name without the final zero, in bytes.
const MAX: usize = 254;
const MAX_LABELS: usize = 127;

/// A domain name in lower case and wire form, without the final zero.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; MAX],
    len: usize,
    starts: [u8; MAX_LABELS],
    labels: usize,
}

impl Key {
    /// Makes the key of an uncompressed wire name of at most 255 bytes; what follows the root's zero is ignored.
    pub fn of_wire(name: &[u8]) -> Self {
        let mut key = Self::root();
        let mut rest = name;
        while let Some((&len, tail)) = rest.split_first().filter(|(len, _)| **len != 0) {
            let Some((label, tail)) = tail.split_at_checked(len.into()) else { break };
            key.push(label);
            rest = tail;
        }
        key
    }

    /// Makes the key of the domain of a route.
    pub fn of_route(route: &Route) -> Self {
        route.domain.as_ref().map_or_else(Self::root, Self::from)
    }

    /// Makes the key of an address's reverse name (RFC 1035 section 3.5, RFC 3596 section 2.5).
    pub fn of_address(address: IpAddr) -> Self {
        let mut key = Self::root();
        match address {
            IpAddr::V4(address) => {
                for octet in address.octets().iter().rev() {
                    key.push(octet.to_string().as_bytes());
                }
                key.push(b"in-addr");
            }
            IpAddr::V6(address) => {
                for octet in address.octets().iter().rev() {
                    key.push(&[HEX[usize::from(octet & 15)]]);
                    key.push(&[HEX[usize::from(octet >> 4)]]);
                }
                key.push(b"ip6");
            }
        }
        key.push(b"arpa");
        key
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Returns where each label starts, the last one first.
    pub fn cuts(&self) -> impl Iterator<Item = usize> {
        self.starts[..self.labels].iter().rev().map(|start| usize::from(*start))
    }

    /// Returns where the suffix starts if this is a name or below it.
    pub fn suffix(&self, name: &[u8]) -> Option<usize> {
        self.cuts().find(|cut| &self.as_bytes()[*cut..] == name)
    }

    /// Whether this is a domain or below it.
    pub fn is_within(&self, domain: &Key) -> bool {
        domain.len == 0 || self.suffix(domain.as_bytes()).is_some()
    }

    /// Whether this is one of the names.
    pub fn is_one_of(&self, names: &[&str]) -> bool {
        let labels = || self.cuts().map(|cut| self.label(cut));
        names.iter().any(|name| labels().eq(name.rsplit('.').map(str::as_bytes)))
    }

    /// Reads a name below `in-addr.arpa` or `ip6.arpa`.
    pub fn reverse(&self) -> Option<Reverse> {
        let mut labels = self.cuts().map(|cut| (cut, self.label(cut)));
        let _arpa = labels.next().filter(|(_, label)| *label == b"arpa")?;
        let (zone, family) = labels.next()?;
        let (mut octets, mut known) = ([0u8; 16], 0u8);
        let labels = labels.map(|(_, label)| label);
        let net = match family {
            b"in-addr" => {
                for octet in labels.map_while(decimal).take(4) {
                    octets[usize::from(known)] = octet;
                    known += 1;
                }
                let [a, b, c, d, ..] = octets;
                IpNet::new(Ipv4Addr::new(a, b, c, d).into(), known * 8).ok()?
            }
            b"ip6" => {
                for nibble in labels.map_while(nibble).take(32) {
                    octets[usize::from(known / 2)] |= nibble << (4 * (1 - known % 2));
                    known += 1;
                }
                IpNet::new(Ipv6Addr::from(octets).into(), known * 4).ok()?
            }
            _ => return None,
        };
        Some(Reverse { net, zone, below: usize::from(known) + 2 < self.labels })
    }

    fn root() -> Self {
        Self { bytes: [0; MAX], len: 0, starts: [0; MAX_LABELS], labels: 0 }
    }

    fn push(&mut self, label: &[u8]) {
        let end = self.len + 1 + label.len();
        if end > MAX {
            return;
        }
        self.starts[self.labels] = self.len as u8;
        self.labels += 1;
        self.bytes[self.len] = label.len() as u8;
        let place = &mut self.bytes[self.len + 1..end];
        place.copy_from_slice(label);
        place.make_ascii_lowercase();
        self.len = end;
    }

    fn label(&self, start: usize) -> &[u8] {
        &self.bytes[start + 1..][..usize::from(self.bytes[start])]
    }
}

impl From<&DnsName> for Key {
    fn from(name: &DnsName) -> Self {
        let mut key = Self::root();
        name.labels().for_each(|label| key.push(label.as_bytes()));
        key
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.as_bytes().escape_ascii().to_string()).finish()
    }
}

/// What a reverse name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reverse {
    /// The address, or the part of the address space that the labels so far name.
    pub net: IpNet,
    /// Where `in-addr.arpa` or `ip6.arpa` starts.
    pub zone: usize,
    /// Whether labels that are no part of an address stand before it.
    pub below: bool,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn decimal(label: &[u8]) -> Option<u8> {
    let plain = label.iter().all(u8::is_ascii_digit) && (label.len() == 1 || label[0] != b'0');
    std::str::from_utf8(label).ok().filter(|_| plain)?.parse().ok()
}

fn nibble(label: &[u8]) -> Option<u8> {
    let [digit] = label else { return None };
    HEX.iter().position(|hex| hex == digit).map(|value| value as u8)
}

#[cfg(test)]
mod tests;
