//! Sandbox: what a shard needs to serve one sandbox, changed by the control loop while queries are answered.

use super::cache::Cache;
use super::inside::Inside;
use super::shared::{Event, Shared, Stats};
use super::upstream::{Upstreams, Via};
use super::view::View;
use crate::model::SandboxId;
use crate::registry::{Forward, Registry, SandboxView};
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most forwards outstanding for one sandbox.
const FORWARDS: usize = 1024;

/// The bytes for what a sandbox's own servers have said.
const CACHE: usize = 256 * 1024;

/// The port of name servers.
const PORT: u16 = 53;

/// One sandbox.
#[derive(Debug)]
pub struct Sandbox {
    /// Its id.
    pub id: SandboxId,
    /// The sockets for asking its own servers.
    pub inside: Arc<Inside>,
    /// What was counted of its queries.
    pub stats: Stats,
    current: ArcSwap<Current>,
    forwards: Arc<Semaphore>,
}

/// What its queries are answered from; swapped whole.
#[derive(Debug)]
pub struct Current {
    /// What it sees.
    pub view: View,
    /// Its own servers, or nobody; none if the host's are asked.
    own: Option<Arc<Upstreams>>,
}

/// The right to one forward.
#[derive(Debug)]
pub struct Permit {
    _sandbox: OwnedSemaphorePermit,
    _process: OwnedSemaphorePermit,
}

impl Sandbox {
    /// Makes a sandbox as the manager describes it.
    pub fn new(
        view: &SandboxView,
        registry: &Arc<Registry>,
        events: UnboundedSender<Event>,
    ) -> Self {
        let inside = Arc::new(Inside::new(view.id, events));
        let current = Current::new(view, registry, &inside, None);
        Self {
            id: view.id,
            inside,
            stats: Stats::default(),
            current: ArcSwap::from_pointee(current),
            forwards: Arc::new(Semaphore::new(FORWARDS)),
        }
    }

    /// Changes what the next query is answered from.
    pub fn update(&self, view: &SandboxView, registry: &Arc<Registry>) {
        let known = self.current().own.clone();
        self.current.store(Arc::new(Current::new(view, registry, &self.inside, known.as_ref())));
    }

    /// Forgets what its own servers have said.
    pub fn flush_cache(&self) {
        if let Some(own) = &self.current().own {
            own.servers.cache().flush();
        }
    }

    /// Returns what a query is answered from now.
    pub fn current(&self) -> arc_swap::Guard<Arc<Current>> {
        self.current.load()
    }

    /// Returns whom an unknown name is asked of.
    pub fn upstreams(&self, shared: &Shared, _name: &[u8]) -> Arc<Upstreams> {
        self.current().own.clone().unwrap_or_else(|| shared.host.load_full())
    }

    /// Takes the right to one more forward, if neither the sandbox nor the process has too many.
    ///
    /// A sandbox may have as many outstanding as there are left for others: so each of n greedy ones comes to one part in
    /// n + 1, and the part that is left is there for whoever comes next.
    pub fn permit(&self, shared: &Shared) -> Option<Permit> {
        let outstanding = FORWARDS - self.forwards.available_permits();
        if outstanding >= shared.forwards.available_permits() {
            return None;
        }
        let sandbox = self.forwards.clone().try_acquire_owned().ok()?;
        let process = shared.forwards.clone().try_acquire_owned().ok()?;
        Some(Permit { _sandbox: sandbox, _process: process })
    }
}

impl Current {
    fn new(
        view: &SandboxView,
        registry: &Arc<Registry>,
        inside: &Arc<Inside>,
        known: Option<&Arc<Upstreams>>,
    ) -> Self {
        let asked = |servers: &[IpAddr]| {
            let addresses: Vec<_> = servers.iter().map(|ip| SocketAddr::new(*ip, PORT)).collect();
            let kept = known.filter(|known| known.servers.are(&addresses)).cloned();
            kept.unwrap_or_else(|| {
                let (via, cache) = (Via::Inside(inside.clone()), Arc::new(Cache::new(CACHE)));
                Arc::new(Upstreams::new(&addresses, via, cache, known.map(|known| &**known)))
            })
        };
        let own = match &view.forward {
            Forward::Host => None,
            Forward::Nobody => Some(asked(&[])),
            Forward::Inside(servers) => Some(asked(servers)),
        };
        Self { view: View::new(view, registry), own }
    }
}

#[cfg(test)]
mod tests;
