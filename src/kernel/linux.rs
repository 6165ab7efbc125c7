//! The kernel of the machine: what [`Kernel`] asks, done over sockets that are opened once and kept.

use super::conntrack::Conntrack;
use super::nft::{Nft, NftError};
use super::rtnl::Rtnl;
use super::watch::{Links, Watch};
use super::{
    DnsSockets, InsideSockets, Kernel, KernelError, Looked, Touched, advertised, facts, foreign,
    link, look, macvlan, netns, nft, observe, port, route, socket, sysctl, traffic,
};
use crate::model::{AttachTo, HostFacts, IfName, PortSet, Publish, Traffic};
use crate::plan::nft::{Delta, Table};
use crate::plan::{Bridge, Found, Macvlan, Place, Step, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a table, or a parent of macvlan links, may belong to somebody who is ending.
const PATIENCE: Duration = Duration::from_secs(3);

/// Linux, in the network namespace of the thread that made this: the host.
pub struct Linux {
    rtnl: Rtnl,
    sysctls: sysctl::Host,
    host: (u64, u64),
    nft: Mutex<Option<Nft>>,
    shares_tables: bool,
    watch: tokio::sync::Mutex<Option<Watch>>,
    links: tokio::sync::Mutex<Option<Links>>,
    conntrack: Mutex<Option<Conntrack>>,
}

impl Linux {
    /// Connects to the kernel in the namespace of the calling thread, in which the runtime's threads must be too.
    ///
    /// Sockets of netfilter are opened with the first use: a host without firewall modules can still be looked at.
    pub fn new() -> Result<Self, KernelError> {
        let path = PathBuf::from("/proc/thread-self/ns/net");
        let host = File::open(&path)
            .and_then(netns::identity)
            .map_err(|source| KernelError::Namespace { path, source })?;
        let rtnl = Rtnl::open()
            .map_err(|source| KernelError::Socket { what: "a route socket", source })?;
        Ok(Self {
            rtnl,
            sysctls: sysctl::Host::open(),
            host,
            nft: Mutex::default(),
            shares_tables: false,
            watch: Default::default(),
            links: Default::default(),
            conntrack: Mutex::default(),
        })
    }

    /// Lets other tools change its tables, as they can on kernels before 6.9.
    pub fn sharing_tables(self, shares: bool) -> Self {
        Self { shares_tables: shares, ..self }
    }

    fn with_nft<T>(
        &self,
        act: impl FnOnce(&mut Nft) -> Result<T, NftError>,
    ) -> Result<T, KernelError> {
        let mut kept = self.nft.lock().unwrap_or_else(PoisonError::into_inner);
        let nft = match kept.take() {
            Some(nft) => nft,
            None => self.open_nft()?,
        };
        Ok(act(kept.insert(nft))?)
    }

    fn open_nft(&self) -> Result<Nft, NftError> {
        let mut nft = Nft::open()?;
        if self.shares_tables {
            nft.share();
        }
        Ok(nft)
    }

    /// A manager that is just ending may own the tables a moment longer than its lock.
    async fn change_firewall(&self, deltas: &[Delta]) -> Result<(), KernelError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            match self.with_nft(|nft| nft.apply_all(deltas)) {
                Err(KernelError::Firewall(error))
                    if error.is_owned() && Instant::now() < patience =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                done => return done,
            }
        }
    }

    /// What a sandbox had on the parent goes with its namespace, which the kernel clears a moment after its last process.
    async fn add_macvlan(&self, macvlan: &Macvlan) -> Result<(), KernelError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            match macvlan::add(&self.rtnl, macvlan) {
                Err(KernelError::ParentOccupied { .. }) if Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                done => return done,
            }
        }
    }

    fn with_conntrack(&self, act: impl FnOnce(&mut Conntrack) -> io::Result<()>) -> io::Result<()> {
        let mut kept = self.conntrack.lock().unwrap_or_else(PoisonError::into_inner);
        let conntrack = match kept.take() {
            Some(conntrack) => conntrack,
            None => Conntrack::open()?,
        };
        act(kept.insert(conntrack))
    }
}

impl Kernel for Linux {
    async fn facts(&self) -> Result<HostFacts, KernelError> {
        facts::facts(&self.rtnl)
    }

    async fn marked_links(&self) -> Result<BTreeSet<IfName>, KernelError> {
        observe::marked(&self.rtnl)
    }

    async fn traffic(&self) -> Result<BTreeMap<IfName, Traffic>, KernelError> {
        traffic::traffic(&self.rtnl)
    }

    fn traffic_inside(&self, place: &Place) -> Result<BTreeMap<IfName, Traffic>, KernelError> {
        traffic::inside(place)
    }

    async fn observe(&self, wanted: &Wanted) -> Result<Found, KernelError> {
        observe::observe(&self.rtnl, &self.sysctls, wanted)
    }

    async fn apply(&self, step: &Step) -> Result<(), KernelError> {
        tracing::debug!(?step, "apply");
        match step {
            Step::AddBridge(bridge) => link::add_bridge(&self.rtnl, &self.sysctls, bridge),
            Step::MendBridge(bridge) => link::mend_bridge(&self.rtnl, &self.sysctls, bridge),
            Step::AddVeth(veth) => link::add_veth(&self.rtnl, &self.sysctls, veth),
            Step::MendVeth(veth) => link::mend_veth(&self.rtnl, veth),
            Step::AddMacvlan(macvlan) => self.add_macvlan(macvlan).await,
            Step::RemoveMacvlans(place, names) => macvlan::remove(place, names),
            Step::RemoveLinks(names) => link::remove(&self.rtnl, names).await,
            Step::SetInside(inside) => {
                netns::talk(&inside.place, |rtnl| route::set_inside(rtnl, inside))
            }
            Step::EnableForwarding => sysctl::set_forwarding(true),
            Step::EnableForwarding6 => advertised::forward(&self.rtnl),
            Step::Firewall(deltas) if deltas.is_empty() => Ok(()),
            Step::Firewall(deltas) => self.change_firewall(deltas).await,
        }
    }

    fn look(&self, attach: &AttachTo) -> Result<Looked, KernelError> {
        look::look(attach, self.host)
    }

    fn dns_sockets(&self, place: &Place, direct: bool) -> Result<DnsSockets, KernelError> {
        socket::dns(place, direct)
    }

    fn remove_dns_table(&self, owner: OwnedFd) -> Result<(), KernelError> {
        Ok(nft::remove_dns_table(owner)?)
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

    fn ephemeral_ports(&self) -> (u16, u16) {
        self.sysctls.ephemeral_ports()
    }

    fn reserved_ports(&self) -> PortSet {
        self.sysctls.reserved_ports()
    }

    fn reserve_ports(&self, ports: &PortSet) -> Result<(), KernelError> {
        sysctl::reserve_ports(ports)
    }

    fn ipv6_links(&self) -> BTreeSet<IfName> {
        port::ipv6_links()
    }

    async fn foreign_hooks(&self, wanted: bool) -> Result<Option<&'static str>, KernelError> {
        let hooks = move || match wanted {
            true => foreign::ensure().map(|placed| placed.map(|placed| placed.chain)),
            false => foreign::remove().map(|()| None),
        };
        let ran = tokio::task::spawn_blocking(hooks).await;
        Ok(ran.expect("running iptables does not panic")?)
    }

    async fn firewall_stands(&self, tables: &[Table]) -> Result<bool, KernelError> {
        let tables = tables.to_vec();
        let compare = tokio::task::spawn_blocking(move || nft::stands(&tables)).await;
        Ok(compare.expect("reading the firewall does not panic")?)
    }

    async fn firewall_touched(&self) -> Result<Touched, KernelError> {
        let mut watch = self.watch.lock().await;
        let listening = match watch.take() {
            Some(listening) => listening,
            None => Watch::open(&[self.with_nft(|nft| Ok(nft.port()))?])?,
        };
        Ok(watch.insert(listening).next().await?)
    }

    async fn links_touched(&self) -> Result<Option<BTreeSet<IfName>>, KernelError> {
        let failed = |source| KernelError::Socket { what: "a socket that tells of links", source };
        let mut links = self.links.lock().await;
        let mut listening = match links.take() {
            Some(listening) => listening,
            None => Links::open().map_err(failed)?,
        };
        let touched = listening.next().await.map_err(failed)?;
        *links = Some(listening);
        Ok(touched)
    }

    fn unsettled(&self, wanted: &Wanted) -> BTreeSet<IfName> {
        let forwards = (!wanted.forwarding || self.sysctls.forwards())
            && (!wanted.forwarding6 || self.sysctls.forwards6());
        let settled = |bridge: &Bridge| forwards && self.sysctls.settled(&link::settings(bridge));
        let bridges = wanted.bridges.values().filter(|bridge| !settled(bridge));
        bridges.map(|bridge| bridge.name.clone()).collect()
    }

    async fn flush_conntrack(&self, address: IpAddr) {
        if let Err(error) = self.with_conntrack(|conntrack| conntrack.forget(address)) {
            tracing::debug!(%address, %error, "connections of a released address stay known");
        }
    }

    async fn flush_udp_ports(&self, ports: &BTreeSet<u16>) {
        if let Err(error) = self.with_conntrack(|conntrack| conntrack.forget_udp_ports(ports)) {
            tracing::debug!(%error, "flows to a published port may keep their old path");
        }
    }
}
