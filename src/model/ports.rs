//! A set of ports, as `/proc/sys/net/ipv4/ip_local_reserved_ports` writes it.

use super::PortRange;
use std::collections::BTreeSet;
use std::fmt;

#[cfg(test)]
mod tests;

/// Ports, written as `8000-8099,9000`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSet(BTreeSet<u16>);

impl PortSet {
    /// Reads a list of ports and ranges; what is neither is passed over.
    pub fn parse(text: &str) -> Self {
        let ranges = text.split(|c: char| c == ',' || c.is_whitespace());
        ranges
            .filter_map(|range| range.parse::<PortRange>().ok())
            .flat_map(PortRange::ports)
            .collect()
    }

    /// Whether it holds a port.
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the ports of either.
    pub fn union(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// Returns the ports of this one alone.
    pub fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        Self(ports.into_iter().collect())
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports: Vec<u16> = self.0.iter().copied().collect();
        let ranges = ports.chunk_by(|one, next| one + 1 == *next);
        let written = ranges.map(|range| match *range {
            [only] => only.to_string(),
            _ => format!("{}-{}", range[0], range[range.len() - 1]),
        });
        f.write_str(&written.collect::<Vec<_>>().join(","))
    }
}
