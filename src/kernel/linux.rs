//! The kernel of the machine: what [`Kernel`] asks, done over sockets that are opened once and kept.

use super::conntrack::Conntrack;
use super::nft::Nft;
use super::rtnl::Rtnl;
use super::{
    DnsSockets, InsideSockets, Kernel, KernelError, Looked, facts, link, look, netns, observe,
    port, route, socket, sysctl,
};
use crate::model::{AttachTo, HostFacts, Publish};
use crate::plan::{Found, Place, Step, Wanted, nft};
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Linux, in the network namespace of the thread that made this: the host.
pub struct Linux {
    rtnl: Rtnl,
    host: (u64, u64),
    nft: Mutex<Option<Nft>>,
    conntrack: Mutex<Option<Conntrack>>,
}

impl Linux {
    /// Connects to the kernel. Must be called inside a runtime whose threads are in the host's namespace.
    ///
    /// Sockets of netfilter are opened with the first use: a host without firewall modules can still be looked at.
    pub fn new() -> Result<Self, KernelError> {
        let path = PathBuf::from("/proc/thread-self/ns/net");
        let host = File::open(&path)
            .and_then(netns::identity)
            .map_err(|source| KernelError::Namespace { path, source })?;
        let rtnl = Rtnl::open()
            .map_err(|source| KernelError::Socket { what: "a route socket", source })?;
        Ok(Self { rtnl, host, nft: Mutex::default(), conntrack: Mutex::default() })
    }

    fn firewall(&self, delta: &nft::Delta) -> Result<(), KernelError> {
        let mut kept = self.nft.lock().unwrap_or_else(PoisonError::into_inner);
        let nft = match kept.take() {
            Some(nft) => nft,
            None => Nft::open()?,
        };
        Ok(kept.insert(nft).apply(delta)?)
    }

    fn forget(&self, address: IpAddr) -> io::Result<()> {
        let mut kept = self.conntrack.lock().unwrap_or_else(PoisonError::into_inner);
        let conntrack = match kept.take() {
            Some(conntrack) => conntrack,
            None => Conntrack::open()?,
        };
        kept.insert(conntrack).forget(address)
    }
}

impl Kernel for Linux {
    async fn facts(&self) -> Result<HostFacts, KernelError> {
        facts::facts(&self.rtnl).await
    }

    async fn observe(&self, wanted: &Wanted) -> Result<Found, KernelError> {
        observe::observe(&self.rtnl, wanted).await
    }

    async fn apply(&self, step: &Step) -> Result<(), KernelError> {
        tracing::debug!(?step, "apply");
        match step {
            Step::AddBridge(bridge) => link::add_bridge(&self.rtnl, bridge).await,
            Step::MendBridge(bridge) => link::mend_bridge(&self.rtnl, bridge).await,
            Step::AddVeth(veth) => link::add_veth(&self.rtnl, veth).await,
            Step::MendVeth(veth) => link::mend_veth(&self.rtnl, veth).await,
            Step::RemoveLinks(names) => link::remove(&self.rtnl, names).await,
            Step::SetInside(inside) => {
                let wanted = inside.clone();
                let set = |rtnl| async move { route::set_inside(&rtnl, &wanted).await };
                link::in_sandbox(inside.place.clone(), set).await
            }
            Step::EnableForwarding => sysctl::set_forwarding(true),
            Step::Firewall(delta) => self.firewall(delta),
        }
    }

    fn look(&self, attach: &AttachTo) -> Result<Looked, KernelError> {
        look::look(attach, self.host)
    }

    fn dns_sockets(&self, place: &Place) -> Result<DnsSockets, KernelError> {
        socket::dns(place)
    }

    fn inside_sockets(
        &self,
        place: &Place,
        udp: usize,
        tcp: usize,
    ) -> Result<InsideSockets, KernelError> {
        socket::inside(place, udp, tcp)
    }

    fn bind_port(&self, publish: &Publish) -> Result<OwnedFd, KernelError> {
        port::bind(publish)
    }

    async fn flush_conntrack(&self, address: IpAddr) {
        if let Err(error) = self.forget(address) {
            tracing::debug!(%address, %error, "connections of a released address stay known");
        }
    }
}
