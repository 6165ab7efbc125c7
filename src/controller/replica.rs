//! Replica: all that a resolver must hold to serve, so that the next one can be given it at any moment.
//!
//! The one writer puts State and descriptors here before it publishes; the supervisor reads it when a resolver starts;
//! the API reads State from it, so that listing waits for no command.

use super::zones::ServedZone;
use crate::channel::{FdKind, MOST_PORTS, SocketSet, ToResolver, batches};
use crate::kernel::{DnsSockets, InsideSockets};
use crate::model::{DnsName, Publish, Route, SandboxId, State};
use crate::registry::{Update, snapshot};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A message to the resolver with its descriptors.
pub type Message = (ToResolver, Vec<Arc<OwnedFd>>);

/// A sandbox's descriptors, as kept for the next resolver.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Vec<(FdKind, Arc<OwnedFd>)>);

impl Sockets {
    /// Takes what was made for a namespace.
    pub fn new(dns: Option<DnsSockets>, pidfd: Option<Arc<OwnedFd>>) -> Self {
        let mut fds = Vec::new();
        if let Some(DnsSockets { udp, tcp, nft_owner }) = dns {
            let named = [(FdKind::Udp, udp), (FdKind::Tcp, tcp)];
            let owner = nft_owner.map(|owner| (FdKind::NftOwner, owner));
            fds.extend(named.into_iter().chain(owner).map(|(kind, fd)| (kind, Arc::new(fd))));
        }
        fds.extend(pidfd.map(|pidfd| (FdKind::Pid, pidfd)));
        Self(fds)
    }

    /// Takes what an adopted resolver gave back.
    pub fn returned(kinds: &[FdKind], fds: Vec<OwnedFd>) -> Self {
        Self(kinds.iter().copied().zip(fds.into_iter().map(Arc::new)).collect())
    }

    /// Returns a duplicate of the socket that owns the namespace's DNS table.
    pub fn owner(&self) -> Option<OwnedFd> {
        let owner = self.0.iter().find(|(kind, _)| *kind == FdKind::NftOwner);
        owner.and_then(|(_, fd)| fd.try_clone().ok())
    }

    /// Closes all but the socket that owns the namespace's DNS table, and returns that one.
    pub fn into_owner(self) -> Option<Arc<OwnedFd>> {
        self.0.into_iter().find(|(kind, _)| *kind == FdKind::NftOwner).map(|(_, fd)| fd)
    }

    /// Whether the sandbox is listened to.
    pub fn listens(&self) -> bool {
        let has = |wanted| self.0.iter().any(|(kind, _)| *kind == wanted);
        has(FdKind::Udp) && has(FdKind::Tcp)
    }

    /// Returns the message that hands them on.
    pub fn message(&self, sandbox: SandboxId) -> Message {
        let fds = self.0.iter().map(|(kind, _)| *kind).collect();
        let set = SocketSet { sandbox, fds };
        (ToResolver::Sockets(set), self.0.iter().map(|(_, fd)| fd.clone()).collect())
    }
}

/// All that a resolver must hold.
#[derive(Debug, Default)]
pub struct Replica {
    state: ArcSwap<State>,
    sockets: Mutex<BTreeMap<SandboxId, Sockets>>,
    ports: Mutex<BTreeMap<Publish, Arc<OwnedFd>>>,
    servers: ArcSwap<Vec<SocketAddr>>,
    routes: Vec<Route>,
    zones: ArcSwap<BTreeMap<DnsName, ServedZone>>,
    host_dns: OnceLock<HostDns>,
    /// The bytes for what upstreams say.
    cache: u64,
}

/// Where the host itself is answered, with a UDP socket and a listening TCP socket.
#[derive(Debug)]
pub struct HostDns {
    address: SocketAddr,
    sockets: [Arc<OwnedFd>; 2],
}

impl HostDns {
    /// Takes what is bound to an address.
    pub fn new(address: SocketAddr, sockets: [OwnedFd; 2]) -> Self {
        Self { address, sockets: sockets.map(Arc::new) }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn message(&self) -> Message {
        (ToResolver::HostDns(self.address), self.sockets.to_vec())
    }
}

impl Replica {
    /// Starts with the servers that unknown names are asked of, those that are asked for some domains, and the bytes for
    /// what they say.
    pub fn new(servers: Vec<SocketAddr>, routes: Vec<Route>, cache: u64) -> Self {
        Self { servers: ArcSwap::from_pointee(servers), routes, cache, ..Self::default() }
    }

    /// Returns State as of the last recorded change.
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Shows a new State.
    pub fn show(&self, state: Arc<State>) {
        self.state.store(state);
    }

    /// Returns the servers that unknown names are asked of.
    pub fn servers(&self) -> Arc<Vec<SocketAddr>> {
        self.servers.load_full()
    }

    /// Sets the servers that unknown names are asked of.
    pub fn set_servers(&self, servers: Vec<SocketAddr>) {
        self.servers.store(Arc::new(servers));
    }

    /// Returns the zones.
    pub fn zones(&self) -> Arc<BTreeMap<DnsName, ServedZone>> {
        self.zones.load_full()
    }

    /// Sets the zones.
    pub fn set_zones(&self, zones: BTreeMap<DnsName, ServedZone>) {
        self.zones.store(Arc::new(zones));
    }

    /// Has the host itself answered, from the next snapshot on. What was set before stays.
    pub fn serve_host(&self, listener: HostDns) {
        self.host_dns.get_or_init(|| listener);
    }

    /// Returns the descriptors by sandbox.
    pub fn sockets(&self) -> MutexGuard<'_, BTreeMap<SandboxId, Sockets>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the sockets that hold host ports.
    pub fn ports(&self) -> MutexGuard<'_, BTreeMap<Publish, Arc<OwnedFd>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns everything as messages, for a resolver that knows nothing or something older.
    pub fn snapshot(&self) -> Vec<Message> {
        let mut updates = snapshot(&self.state.load());
        updates.push(Update::SetHostServers(self.servers().to_vec()));
        updates.push(Update::SetHostRoutes(self.routes.clone()));
        let bare = |body| (body, Vec::new());
        let mut messages =
            vec![bare(ToResolver::BeginSnapshot), bare(ToResolver::CacheSize(self.cache))];
        messages.extend(batches(updates).map(ToResolver::Updates).map(bare));
        messages.extend(self.sockets().iter().map(|(id, sockets)| sockets.message(*id)));
        let ports: Vec<_> = self.ports().iter().map(|(port, fd)| (*port, fd.clone())).collect();
        messages.extend(hold(&ports));
        messages.extend(self.zones().values().map(ServedZone::message));
        messages.extend(self.host_dns.get().map(HostDns::message));
        messages.push(bare(ToResolver::EndSnapshot));
        messages
    }
}

/// Returns the message that hands on sockets for asking a sandbox's own servers. They are used up, so nobody keeps
/// duplicates: a new resolver asks for its own.
pub fn give(sandbox: SandboxId, inside: InsideSockets) -> Message {
    let udp = inside.udp.into_iter().map(|fd| (FdKind::InsideUdp, Arc::new(fd)));
    let tcp = inside.tcp.into_iter().map(|fd| (FdKind::InsideTcp, Arc::new(fd)));
    let (fds, given) = udp.chain(tcp).unzip();
    (ToResolver::Sockets(SocketSet { sandbox, fds }), given)
}

/// Returns the messages that make the resolver hold host ports too: few, however many ports.
pub fn hold(ports: &[(Publish, Arc<OwnedFd>)]) -> impl Iterator<Item = Message> {
    ports.chunks(MOST_PORTS).map(|some| {
        let (ports, fds) = some.iter().cloned().unzip();
        (ToResolver::HoldPorts(ports), fds)
    })
}
