//! Sandbox: what a shard needs to serve one sandbox, changed by the control loop while queries are answered.

use super::cache::Cache;
use super::inside::Inside;
use super::routes::{Routes, each};
use super::shared::{PORT, Shared, Stats};
use super::upstream::{Upstreams, Via};
use super::view::View;
use crate::model::SandboxId;
use crate::registry::{Forward, Key, Registry, SandboxView};
use arc_swap::ArcSwap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most forwards outstanding for one sandbox.
const FORWARDS: usize = 1024;

/// The bytes for what a sandbox's own servers have said.
const CACHE: usize = 256 * 1024;

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
    /// Whom to ask for some domains: its own servers, then those of its networks.
    routes: Routes,
    /// Whether the daemon's routes hold for it, too.
    may_ask_from_host: bool,
    /// All servers that are asked from inside.
    inside: Vec<Arc<Upstreams>>,
}

/// The right to one forward.
#[derive(Debug)]
pub struct Permit {
    _sandbox: OwnedSemaphorePermit,
    _process: OwnedSemaphorePermit,
}

impl Sandbox {
    /// Makes a sandbox as the manager describes it.
    pub fn new(view: &SandboxView, registry: &Arc<Registry>, shared: &Shared) -> Self {
        let inside = Arc::new(Inside::new(view.id, shared.events.clone()));
        let current = Current::new(view, registry, shared, &inside, &[]);
        Self {
            id: view.id,
            inside,
            stats: Stats::default(),
            current: ArcSwap::from_pointee(current),
            forwards: Arc::new(Semaphore::new(FORWARDS)),
        }
    }

    /// Changes what the next query is answered from.
    pub fn update(&self, view: &SandboxView, registry: &Arc<Registry>, shared: &Shared) {
        let known = self.current();
        let current = Current::new(view, registry, shared, &self.inside, &known.inside);
        self.current.store(Arc::new(current));
    }

    /// Forgets what its own servers have said.
    pub fn flush_cache(&self) {
        self.current().inside.iter().for_each(|list| list.servers.cache().flush());
    }

    /// Returns what a query is answered from now.
    pub fn current(&self) -> arc_swap::Guard<Arc<Current>> {
        self.current.load()
    }

    /// Returns whom an unknown name is asked of, given in wire form: the servers of the longest domain that has any.
    pub fn upstreams(&self, shared: &Shared, name: &[u8]) -> Arc<Upstreams> {
        let current = self.current();
        let default = || current.own.clone().unwrap_or_else(|| shared.host.load_full());
        let host = current.may_ask_from_host.then(|| shared.routes.load());
        let host = host.filter(|routes| !routes.is_empty());
        if current.routes.is_empty() && host.is_none() {
            return default();
        }
        let name = Key::of_wire(name);
        let near = current.routes.find(&name);
        let far = host.as_ref().and_then(|routes| routes.find(&name));
        match (near, far) {
            (Some((near, _)), Some((far, list))) if far > near => list.clone(),
            (Some((_, list)), _) | (None, Some((_, list))) => list.clone(),
            (None, None) => default(),
        }
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
        shared: &Shared,
        inside: &Arc<Inside>,
        known: &[Arc<Upstreams>],
    ) -> Self {
        let mut lists: Vec<Arc<Upstreams>> = Vec::new();
        let mut asked = |servers: &[IpAddr]| {
            let addresses: Vec<_> = servers.iter().map(|ip| SocketAddr::new(*ip, PORT)).collect();
            let same = |list: &&Arc<Upstreams>| list.servers.are(&addresses);
            let list = lists.iter().chain(known).find(same).cloned().unwrap_or_else(|| {
                let (via, cache) = (Via::Inside(inside.clone()), Arc::new(Cache::new(CACHE)));
                Arc::new(Upstreams::new(&addresses, via, cache, None))
            });
            lists.push(list.clone());
            list
        };
        let own = match &view.forward {
            Forward::Host => None,
            Forward::Nobody => Some(asked(&[])),
            Forward::Inside(servers) => Some(asked(servers)),
        };
        let near: Vec<_> = each(&view.inside_routes, asked).collect();
        let far = view.host_routes.as_deref().unwrap_or_default();
        let routes = Routes::new(near.into_iter().chain(each(far, |list| shared.list(list))));
        let may_ask_from_host = view.host_routes.is_some();
        Self { view: View::new(view, registry), own, routes, may_ask_from_host, inside: lists }
    }
}

#[cfg(test)]
mod tests;
