//! Decide: a request and State become what to record, or a Refusal.
//!
//! Pure: ids, the time, what the host has and which address was given last are arguments. Nothing is recorded and
//! nothing in the kernel is looked at here; what the kernel refuses later is withdrawn by the controller.

mod endpoint;
mod macvlan;
mod names;
mod network;
mod options;
mod ports;
mod predefined;
mod register;
mod rename;
mod sandbox;
mod share;
mod subnet;

pub use endpoint::{connect, disconnect};
pub use network::{PruneFilter, create_network, prune, remove_network};
pub use ports::Ports;
pub use predefined::{DEFAULT_BRIDGE, joins_idle_default, predefined};
pub use register::{RegisterDecision, deregister, register};
pub use rename::{add_alias, remove_alias, rename};
pub use sandbox::{Attachment, attach, detach, remove_sandbox, stop};

use crate::ipam::Pools;
use crate::model::{EndpointId, HostFacts, Id, Millis, NetworkId, SandboxId, State};
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What the daemon was told at its start.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Where subnets come from (`--default-address-pool`).
    pub pools: Pools,
    /// Gateway and subnet of the network `bridge` (`--bip`).
    pub bip: Option<Ipv4Net>,
    /// MTU of networks that name none (`--mtu`); the uplink's without.
    pub mtu: Option<u32>,
}

/// What a decision is given besides the request.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// All that is wanted so far.
    pub state: &'a State,
    /// What the daemon was told at its start.
    pub policy: &'a Policy,
    /// What the host has.
    pub facts: &'a HostFacts,
    /// The time.
    pub now: Millis,
    /// Draws 32 random bytes, other ones each time.
    pub draw: &'a dyn Fn() -> [u8; 32],
    /// The addresses that were given last on each network, one of each family.
    pub cursor: &'a BTreeMap<NetworkId, Vec<IpAddr>>,
}

/// A noun that is to be recorded, and what the user is told about it on stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<T> {
    /// What is to be recorded.
    pub noun: T,
    /// Lines for stderr.
    pub warnings: Vec<String>,
}

impl Given<'_> {
    /// Draws an id that nothing has. Its short form holds a letter, so that as a host name it is no number.
    fn id(&self) -> Id {
        loop {
            let id = Id::from_bytes((self.draw)());
            let number = id.short().bytes().all(|digit| digit.is_ascii_digit());
            let taken = self.state.networks.contains_key(&NetworkId(id))
                || self.state.sandboxes.contains_key(&SandboxId(id))
                || self.state.endpoints.contains_key(&EndpointId(id));
            if !number && !taken {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests;
