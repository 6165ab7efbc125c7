//! Replica: what the manager has said, held by the control loop alone. Each message is applied whole before it is
//! acknowledged, so that the next query is answered by it. It outlives the manager that said it.

use super::host::HostListener;
use super::routes::{Routes, each};
use super::sandbox::Sandbox;
use super::shard::{Shards, Sockets};
use super::shared::{Event, Shared};
use super::upstream::{Upstreams, Via};
use crate::channel::{FdKind, SocketSet, Watched};
use crate::model::{DnsName, EndpointId, NetworkId, Publish, SandboxId};
use crate::registry::{Mentioned, Registry, SandboxView, Update, ZoneTable};
use crate::zone::Zone;
use nix::sys::stat::fstat;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::task::JoinSet;

/// Everything that the manager has said.
#[derive(Debug)]
pub struct Replica {
    shared: Arc<Shared>,
    shards: Shards,
    registry: Arc<Registry>,
    sandboxes: HashMap<SandboxId, Arc<Sandbox>>,
    descriptors: HashMap<SandboxId, Descriptors>,
    /// Whose names an endpoint's are.
    endpoints: HashMap<EndpointId, (NetworkId, SandboxId)>,
    ports: BTreeMap<Publish, OwnedFd>,
    /// Where the host itself is answered.
    host: Option<HostListener>,
    /// What was mentioned since a snapshot began.
    snapshot: Option<Mentioned>,
    /// The host ports that were mentioned since then.
    mentioned_ports: BTreeSet<Publish>,
    /// The zones that were mentioned since then.
    mentioned_zones: BTreeSet<DnsName>,
    /// Whether the host's listener was mentioned since then.
    mentioned_host: bool,
}

/// The descriptors of one sandbox, but for those made inside.
#[derive(Debug, Default)]
struct Descriptors {
    udp: Option<Arc<OwnedFd>>,
    tcp: Option<Arc<OwnedFd>>,
    nft_owner: Option<Arc<OwnedFd>>,
    pid: Option<Arc<OwnedFd>>,
    /// Waits for the end of the process; dropped with the rest.
    watch: JoinSet<()>,
}

/// Why descriptors were not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There are fewer or more than were named.
    #[error("{named} descriptors are named and {came} came")]
    Count {
        /// How many were named.
        named: usize,
        /// How many came.
        came: usize,
    },
    /// A sandbox that is not known.
    #[error("sandbox {0} has no resolver")]
    UnknownSandbox(SandboxId),
    /// A file is not that of a zone.
    #[error("no zone is in the file")]
    NoZone,
    /// A descriptor cannot be used.
    #[error("descriptor cannot be used: {0}")]
    Unusable(#[from] io::Error),
}

impl Replica {
    /// Makes an empty replica.
    pub fn new(shared: Arc<Shared>, shards: Shards) -> Self {
        Self {
            shared,
            shards,
            registry: Arc::new(Registry::new()),
            sandboxes: HashMap::new(),
            descriptors: HashMap::new(),
            endpoints: HashMap::new(),
            ports: BTreeMap::new(),
            host: None,
            snapshot: None,
            mentioned_ports: BTreeSet::new(),
            mentioned_zones: BTreeSet::new(),
            mentioned_host: false,
        }
    }

    /// Returns the names.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Returns a sandbox.
    pub fn sandbox(&self, id: SandboxId) -> Result<&Arc<Sandbox>, Refused> {
        self.sandboxes.get(&id).ok_or(Refused::UnknownSandbox(id))
    }

    /// Returns how many sandboxes there are.
    pub fn len(&self) -> usize {
        self.sandboxes.len()
    }

    /// Forgets what upstreams have said, those of the host and those of single sandboxes.
    pub fn flush_caches(&self) {
        self.shared.cache.flush();
        self.sandboxes.values().for_each(|sandbox| sandbox.flush_cache());
    }

    /// Starts a snapshot.
    pub fn begin(&mut self) {
        self.snapshot = Some(Mentioned::default());
        self.mentioned_ports.clear();
        self.mentioned_zones.clear();
        self.mentioned_host = false;
    }

    /// Ends a snapshot: what it did not mention goes, sandboxes with their descriptors and host ports too.
    pub fn end(&mut self) {
        let Some(mentioned) = self.snapshot.take() else { return };
        self.registry.retain(&mentioned);
        let known = self.sandboxes.keys().chain(self.descriptors.keys());
        let gone: Vec<_> = known.filter(|id| !mentioned.has_sandbox(**id)).copied().collect();
        gone.into_iter().for_each(|id| self.remove_sandbox(id));
        self.endpoints.retain(|id, _| mentioned.has_endpoint(*id));
        let ports = mem::take(&mut self.mentioned_ports);
        self.ports.retain(|port, _| ports.contains(port));
        let zones = mem::take(&mut self.mentioned_zones);
        self.registry.retain_zones(|origin| zones.contains(origin));
        if !self.mentioned_host {
            self.stop_host();
        }
    }

    /// Applies one update.
    pub fn apply(&mut self, update: Update) {
        if let Some(mentioned) = &mut self.snapshot {
            mentioned.note(&update);
        }
        self.registry.apply(&update);
        match update {
            Update::PutSandbox(view) => self.put_sandbox(&view),
            Update::RemoveSandbox(id) => self.remove_sandbox(id),
            Update::SetHostServers(servers) => {
                let known = self.shared.host.load();
                if !known.servers.are(&servers) {
                    let via = Via::Host(self.shared.sockets.clone());
                    let cache = self.shared.cache.clone();
                    let servers = Upstreams::new(&servers, via, cache, Some(&known));
                    self.shared.host.store(Arc::new(servers));
                }
            }
            Update::SetHostRoutes(routes) => {
                let routes = Routes::new(each(&routes, |servers| self.shared.list(servers)));
                self.shared.routes.store(Arc::new(routes));
            }
            Update::PutEndpoint(endpoint) => {
                self.endpoints.insert(endpoint.id, (endpoint.network, endpoint.owner));
            }
            Update::RemoveEndpoint(_, id) => {
                self.endpoints.remove(&id);
            }
            Update::RemoveNetwork(id) => self.endpoints.retain(|_, (network, _)| *network != id),
            Update::PutNetwork(_) | Update::PutRecord(_) | Update::RemoveRecord(..) => {}
        }
    }

    fn put_sandbox(&mut self, view: &SandboxView) {
        if let Some(sandbox) = self.sandboxes.get(&view.id) {
            return sandbox.update(view, &self.registry, &self.shared);
        }
        let sandbox = Sandbox::new(view, &self.registry, &self.shared);
        self.sandboxes.insert(view.id, Arc::new(sandbox));
        self.serve(view.id);
    }

    fn remove_sandbox(&mut self, id: SandboxId) {
        self.shards.stop(id);
        self.sandboxes.remove(&id);
        self.descriptors.remove(&id);
    }

    /// Takes a sandbox's descriptors and serves it at them.
    pub fn take(&mut self, set: &SocketSet, fds: Vec<OwnedFd>) -> Result<(), Refused> {
        if set.fds.len() != fds.len() {
            return Err(Refused::Count { named: set.fds.len(), came: fds.len() });
        }
        let (mut listens, id) = (false, set.sandbox);
        for (kind, fd) in set.fds.iter().zip(fds) {
            if !matches!(kind, FdKind::Pid | FdKind::NftOwner) {
                // One that blocks would hold up a whole shard.
                rustix::io::ioctl_fionbio(&fd, true).map_err(io::Error::from)?;
            }
            match kind {
                FdKind::InsideUdp => self.sandbox(id)?.inside.add_udp(fd),
                FdKind::InsideTcp => self.sandbox(id)?.inside.add_tcp(fd),
                FdKind::Pid => self.watch(id, Arc::new(fd))?,
                FdKind::NftOwner => self.of(id).nft_owner = Some(Arc::new(fd)),
                FdKind::Udp => listens |= replace(&mut self.of(id).udp, fd),
                FdKind::Tcp => listens |= replace(&mut self.of(id).tcp, fd),
            }
        }
        if listens {
            self.serve(id);
        }
        Ok(())
    }

    fn of(&mut self, id: SandboxId) -> &mut Descriptors {
        self.descriptors.entry(id).or_default()
    }

    /// Watches for the end of the process that keeps a sandbox alive, in the place of another one.
    fn watch(&mut self, id: SandboxId, pidfd: Arc<OwnedFd>) -> io::Result<()> {
        let watched = Watched::new(pidfd.clone(), Interest::READABLE)?;
        let events = self.shared.events.clone();
        let descriptors = self.of(id);
        descriptors.pid = Some(pidfd);
        descriptors.watch = JoinSet::new();
        descriptors.watch.spawn_local(async move {
            if watched.readable().await.is_ok() {
                // Nobody listens only when the process is about to end.
                let _ = events.send(Event::Ended(id));
            }
        });
        Ok(())
    }

    /// Serves a sandbox once it is known with both of its sockets.
    fn serve(&self, id: SandboxId) {
        let Some(sandbox) = self.sandboxes.get(&id) else { return };
        let Some(Descriptors { udp: Some(udp), tcp: Some(tcp), .. }) = self.descriptors.get(&id)
        else {
            return;
        };
        self.shards.serve(sandbox.clone(), Sockets { udp: udp.clone(), tcp: tcp.clone() });
    }

    /// Drops a sandbox whose process has ended: its names, its descriptors, and it. Returns whether it was there; the
    /// event may have been on its way while the sandbox went, or came back with another process.
    pub fn ended(&mut self, id: SandboxId) -> bool {
        let pid = self.descriptors.get(&id).and_then(|descriptors| descriptors.pid.as_ref());
        if !pid.is_some_and(has_ended) {
            return false;
        }
        let own = self.endpoints.iter().filter(|(_, (_, owner))| *owner == id);
        let own: Vec<_> = own.map(|(endpoint, (network, _))| (*network, *endpoint)).collect();
        for (network, endpoint) in own {
            self.apply(Update::RemoveEndpoint(network, endpoint));
        }
        self.remove_sandbox(id);
        true
    }

    /// Keeps the socket that holds a host port.
    pub fn hold(&mut self, ports: Vec<Publish>, fds: Vec<OwnedFd>) -> Result<(), Refused> {
        if ports.len() != fds.len() {
            return Err(Refused::Count { named: ports.len(), came: fds.len() });
        }
        self.mentioned_ports.extend(&ports);
        self.ports.extend(ports.into_iter().zip(fds));
        Ok(())
    }

    /// Lets a host port go.
    pub fn release(&mut self, port: &Publish) {
        self.ports.remove(port);
    }

    /// Returns the sockets that hold host ports.
    pub fn ports(&self) -> impl Iterator<Item = (Publish, BorrowedFd<'_>)> {
        self.ports.iter().map(|(port, socket)| (*port, socket.as_fd()))
    }

    /// Takes a zone out of the file that came with it.
    pub fn put_zone(&mut self, origin: DnsName, fds: Vec<OwnedFd>) -> Result<(), Refused> {
        let [file] = <[OwnedFd; 1]>::try_from(fds)
            .map_err(|fds| Refused::Count { named: 1, came: fds.len() })?;
        let zone = Zone::from_bytes(&origin, &read_whole(&File::from(file))?);
        let table = zone.as_ref().and_then(ZoneTable::new).ok_or(Refused::NoZone)?;
        self.registry.put_zone(table);
        self.mentioned_zones.insert(origin);
        Ok(())
    }

    /// Drops a zone.
    pub fn remove_zone(&mut self, origin: &DnsName) {
        self.registry.retain_zones(|known| known != origin);
    }

    /// Answers the host itself at these sockets; where it is answered already, it goes on as it did.
    pub fn serve_host(&mut self, address: SocketAddr, fds: Vec<OwnedFd>) -> Result<(), Refused> {
        let sockets = <[OwnedFd; 2]>::try_from(fds)
            .map_err(|fds| Refused::Count { named: 2, came: fds.len() })?;
        self.mentioned_host = true;
        if self.host.as_ref().is_none_or(|host| host.address() != address) {
            self.stop_host();
            self.host = Some(HostListener::start(address, sockets, self.registry.clone())?);
        }
        Ok(())
    }

    /// Answers the host itself no more.
    pub fn stop_host(&mut self) {
        self.host = None;
    }

    /// Returns where the host itself is answered.
    pub fn host(&self) -> Option<&HostListener> {
        self.host.as_ref()
    }

    /// Returns the descriptors of each sandbox, but for those made inside.
    pub fn sockets(&self) -> impl Iterator<Item = (SocketSet, Vec<BorrowedFd<'_>>)> {
        self.descriptors.iter().map(|(id, descriptors)| {
            let Descriptors { udp, tcp, nft_owner, pid, watch: _ } = descriptors;
            let all = [
                (FdKind::Udp, udp),
                (FdKind::Tcp, tcp),
                (FdKind::NftOwner, nft_owner),
                (FdKind::Pid, pid),
            ];
            let held = all.into_iter().filter_map(|(kind, fd)| Some((kind, fd.as_ref()?.as_fd())));
            let (kinds, fds) = held.unzip();
            (SocketSet { sandbox: *id, fds: kinds }, fds)
        })
    }
}

/// Reads a file from its start, wherever others who share its position have read to.
fn read_whole(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Whether a pidfd's process has ended.
fn has_ended(pidfd: &Arc<OwnedFd>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&now)) == Ok(1)
}

/// Puts a socket in the place of another. When both are the same one, as what the next manager was given and gives back,
/// the old descriptor stays, because replies may still be due at it; then this is false.
fn replace(held: &mut Option<Arc<OwnedFd>>, fd: OwnedFd) -> bool {
    let identity = |fd: &OwnedFd| fstat(fd).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    if held.as_deref().is_some_and(|held| identity(held) == identity(&fd)) {
        return false;
    }
    *held = Some(Arc::new(fd));
    true
}
