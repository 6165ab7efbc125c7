//! Kernel: the only module that touches Linux networking. It executes steps and observes; it decides nothing.

mod advertised;
mod conntrack;
mod error;
mod facts;
mod foreign;
mod link;
mod linux;
mod look;
mod macvlan;
pub mod netns;
mod news;
pub mod nft;
mod observe;
mod port;
pub mod probe;
mod route;
mod rtnl;
mod socket;
mod sys;
mod sysctl;
#[cfg(test)]
mod tests;
mod traffic;
mod watch;

pub use error::KernelError;
pub use linux::Linux;
pub use sys::send_signal;
pub use watch::Event as Touched;

use crate::model::{AttachTo, HostFacts, IfName, PortSet, Publish, Traffic};
use crate::plan::nft::Table;
use crate::plan::{Found, Place, Step, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

/// A namespace that was looked at: where it is, and the process that keeps it alive.
#[derive(Debug)]
pub struct Looked {
    /// Where it is and which one it is.
    pub place: Place,
    /// The pidfd of its process, when it has one.
    pub pidfd: Option<OwnedFd>,
}

/// A sandbox's DNS sockets, made inside its namespace.
#[derive(Debug)]
pub struct DnsSockets {
    /// UDP, bound to 127.0.0.11 and to device lo.
    pub udp: OwnedFd,
    /// TCP, the same, listening.
    pub tcp: OwnedFd,
    /// The netlink socket that owns the table which rewrites port 53, if there is one.
    pub nft_owner: Option<OwnedFd>,
}

/// Sockets made inside a namespace for asking a sandbox's own servers.
#[derive(Debug, Default)]
pub struct InsideSockets {
    /// Unconnected UDP sockets.
    pub udp: Vec<OwnedFd>,
    /// Unconnected TCP sockets.
    pub tcp: Vec<OwnedFd>,
}

/// What Linux networking does for the controller.
pub trait Kernel: Send + Sync + 'static {
    /// Reads addresses, routes and the uplink's MTU.
    fn facts(&self) -> impl Future<Output = Result<HostFacts, KernelError>> + Send;

    /// Returns the links of the host that bear our mark.
    fn marked_links(&self) -> impl Future<Output = Result<BTreeSet<IfName>, KernelError>> + Send;

    /// Returns what sandboxes' links have carried, by their names on the host.
    fn traffic(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<IfName, Traffic>, KernelError>> + Send;

    /// Returns what the macvlan links in a sandbox have carried, by their names there.
    fn traffic_inside(&self, place: &Place) -> Result<BTreeMap<IfName, Traffic>, KernelError>;

    /// Finds what exists of the scope, asking for each object by name.
    fn observe(&self, wanted: &Wanted) -> impl Future<Output = Result<Found, KernelError>> + Send;

    /// Does one step.
    fn apply(&self, step: &Step) -> impl Future<Output = Result<(), KernelError>> + Send;

    /// Opens and checks a namespace: it is one, it is not the host's own.
    fn look(&self, attach: &AttachTo) -> Result<Looked, KernelError>;

    /// Makes a sandbox's DNS sockets and, unless they are bound to port 53 itself, the table in its namespace that leads
    /// there; lo is brought up first.
    fn dns_sockets(&self, place: &Place, direct: bool) -> Result<DnsSockets, KernelError>;

    /// Removes the table that leads port 53 to a sandbox's DNS sockets, given the socket that owns it.
    fn remove_dns_table(&self, owner: OwnedFd) -> Result<(), KernelError>;

    /// Makes sockets inside for the servers of `--dns`.
    fn inside_sockets(
        &self,
        place: &Place,
        udp: usize,
        tcp: usize,
    ) -> Result<InsideSockets, KernelError>;

    /// Takes a host port by binding it.
    fn bind_port(&self, publish: &Publish) -> Result<OwnedFd, KernelError>;

    /// Returns first and last of the ports that the kernel chooses from.
    fn ephemeral_ports(&self) -> (u16, u16);

    /// Returns the ports that the kernel does not choose from.
    fn reserved_ports(&self) -> PortSet;

    /// Sets the ports that the kernel does not choose from.
    fn reserve_ports(&self, ports: &PortSet) -> Result<(), KernelError>;

    /// Returns the links of the host that have an address of IPv6 which others could ask.
    fn ipv6_links(&self) -> BTreeSet<IfName>;

    /// Puts our marked rules where another tool's FORWARD chain drops, or takes them away. Returns their chain.
    fn foreign_hooks(
        &self,
        wanted: bool,
    ) -> impl Future<Output = Result<Option<&'static str>, KernelError>> + Send;

    /// Whether the kernel has our tables of the firewall as they are wanted.
    fn firewall_stands(
        &self,
        tables: &[Table],
    ) -> impl Future<Output = Result<bool, KernelError>> + Send;

    /// Waits until somebody else has changed the firewall.
    fn firewall_touched(&self) -> impl Future<Output = Result<Touched, KernelError>> + Send;

    /// Waits until links of ours on the host seem to have gone, or lack something that they had; nothing if it may be any.
    fn links_touched(
        &self,
    ) -> impl Future<Output = Result<Option<BTreeSet<IfName>>, KernelError>> + Send;

    /// Returns the bridges whose sysctls are not as they are wanted, or that are not there.
    fn unsettled(&self, wanted: &Wanted) -> BTreeSet<IfName>;

    /// Forgets connection tracking entries of an address that is released.
    fn flush_conntrack(&self, address: IpAddr) -> impl Future<Output = ()> + Send;

    /// Forgets connection tracking entries that were begun towards UDP ports whose targets have changed.
    fn flush_udp_ports(&self, ports: &BTreeSet<u16>) -> impl Future<Output = ()> + Send;
}
