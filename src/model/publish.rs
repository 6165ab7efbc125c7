//! Ports: exposed ones, which say what a sandbox serves, and published ones, which the host hands on.

use super::Proto;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

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

/// A host port that leads to a sandbox's port (`-p`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Publish {
    /// The host's address; unspecified means every address of the host.
    pub host_ip: IpAddr,
    /// The host's port.
    pub host_port: u16,
    /// The port in the sandbox.
    pub port: u16,
    /// The protocol of both.
    pub proto: Proto,
}

impl Publish {
    /// Returns the port in the sandbox with its protocol.
    pub fn exposed(&self) -> Exposed {
        Exposed { port: self.port, proto: self.proto }
    }

    /// Whether both want one host port.
    pub fn clashes(&self, other: &Publish) -> bool {
        let any = self.host_ip.is_unspecified() || other.host_ip.is_unspecified();
        self.proto == other.proto
            && self.host_port == other.host_port
            && (any || self.host_ip == other.host_ip)
    }
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}->{}", self.host_ip, self.host_port, self.exposed())
    }
}
