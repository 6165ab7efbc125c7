//! Controller: the one writer. It takes a request and makes it true, in four beats: decide, record, converge, publish.
//!
//! One command has the turn at a time and keeps it to its end; listing reads State from the replica and waits for
//! nobody. Whatever fails midway is undone by the withdrawal of its own change, through the same beats.

mod effect;
mod endpoint;
mod event;
mod failure;
mod file;
mod host_resolv;
mod network;
mod orphan;
mod path_watch;
mod port;
mod record;
mod recover;
mod rename;
mod renew;
mod replica;
mod reserve;
mod sandbox;
mod spawn;
mod supervise;
mod turn;
mod vanish;
mod watch;
mod zones;

pub use event::{Event, Events, Happening, Joint};
pub use failure::Failure;
pub use host_resolv::{read_host_resolv, servers};
pub use path_watch::lost;
pub use replica::{HostDns, Replica};
pub use sandbox::Admitted;
pub use supervise::{DnsCounts, Resolver, Returned, Supervisor};

use crate::decide::Policy;
use crate::driver;
use crate::etc::HostResolv;
use crate::kernel::Kernel;
use crate::model::{DriverKind, Endpoint, IfName, Millis, State, Traffic};
use crate::store::Store;
use rustix::rand::GetRandomFlags;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{Mutex, MutexGuard};
use turn::Turn;
use vanish::Files;
use zones::ZoneFiles;

/// Where a sandbox's resolver listens (`--dns-listen`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At an ephemeral port of 127.0.0.11, to which a table in the sandbox rewrites port 53.
    Rewrite,
    /// At port 53 of 127.0.0.11 itself.
    Direct,
    /// Nowhere: DNS is left alone.
    Nowhere,
}

/// How a daemon was told to work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where what does not outlive a boot is kept.
    pub run_dir: PathBuf,
    /// Where what outlives a boot is kept.
    pub state_dir: PathBuf,
    /// Pools, the default network's subnet, the MTU.
    pub policy: Policy,
    /// Where the host's resolv.conf is.
    pub resolv_conf: PathBuf,
    /// The host's resolv.conf as it was read last.
    pub host_resolv: HostResolv,
    /// The servers that are asked instead of those of resolv.conf, if any.
    pub servers: Vec<IpAddr>,
    /// Where zone files are.
    pub zones: PathBuf,
    /// Where sandboxes get a resolver.
    pub dns: Listen,
    /// Whether the foreign FORWARD chain may be given our marked rules.
    pub foreign_hooks: bool,
}

/// The controller, shared by the API and the watchers.
pub struct Controller<K, S> {
    kernel: Arc<K>,
    turn: Mutex<Turn<K, S>>,
    replica: Arc<Replica>,
    resolver: Resolver,
    settings: Settings,
    events: Arc<Events>,
    zone_files: Mutex<ZoneFiles>,
    files: Files,
    myself: Weak<Self>,
}

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Makes a controller over what the store holds; nothing is touched before [`Controller::recover`].
    pub fn new(
        kernel: K,
        store: S,
        resolver: Resolver,
        replica: Arc<Replica>,
        settings: Settings,
        events: Arc<Events>,
    ) -> Arc<Self> {
        let kernel = Arc::new(kernel);
        Arc::new_cyclic(|myself| Self {
            kernel: kernel.clone(),
            turn: Mutex::new(Turn::new(
                kernel,
                store,
                resolver.clone(),
                replica.clone(),
                settings.clone(),
                events.clone(),
            )),
            replica,
            resolver,
            zone_files: Mutex::new(ZoneFiles::new(settings.zones.clone())),
            settings,
            events,
            files: Files::default(),
            myself: myself.clone(),
        })
    }

    /// Returns State as of the last recorded change.
    pub fn state(&self) -> Arc<State> {
        self.replica.state()
    }

    /// Returns how the daemon was told to work.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the supervised resolver.
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Returns what every resolver is given.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Returns what sandboxes' links have carried, by their names on the host.
    pub async fn traffic(&self) -> Result<BTreeMap<IfName, Traffic>, Failure> {
        let mut carried = self.kernel.traffic().await?;
        let state = self.state();
        let inside = state.endpoints.values();
        carried.extend(inside.filter_map(|endpoint| self.traffic_inside(&state, endpoint)));
        Ok(carried)
    }

    /// Returns the same of an endpoint whose link has no end on the host; nothing of a sandbox that is just ending.
    fn traffic_inside(&self, state: &State, endpoint: &Endpoint) -> Option<(IfName, Traffic)> {
        let network = state.networks.get(&endpoint.network)?;
        let sandbox = state.sandboxes.get(&endpoint.sandbox)?;
        if network.driver != DriverKind::Macvlan {
            return None;
        }
        let found = self.kernel.traffic_inside(&driver::place(sandbox)).ok()?;
        Some((endpoint.host_link.clone(), *found.get(&endpoint.link)?))
    }

    /// Returns what has happened.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Waits for the turn: commands take it in the order in which they came.
    async fn turn(&self) -> MutexGuard<'_, Turn<K, S>> {
        self.turn.lock().await
    }
}

/// Returns the time of day.
pub fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}

/// Draws random bytes from the kernel.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // As few bytes come whole (getrandom(2)).
    let got = rustix::rand::getrandom(&mut bytes[..], GetRandomFlags::empty());
    assert_eq!(got, Ok(N), "the kernel gives random bytes once it has booted");
    bytes
}
