//! Shared: what the control loop and all shards have in common. Only atomics and semaphores: no shard waits for another.

use super::cache::{Cache, Usage};
use super::health::Server;
use super::query_log::QueryLog;
use super::routes::Routes;
use super::upstream::{Sockets, Upstreams, Via};
use crate::channel::{Counters, SandboxCounters, UpstreamCounters};
use crate::model::SandboxId;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

/// The most forwards outstanding in all, if descriptors allow.
const FORWARDS: u64 = 16_384;

/// The port of name servers.
pub const PORT: u16 = 53;

/// The bytes for what upstreams that are asked from the host's namespace have said, unless the manager says otherwise.
const CACHE: usize = 32 * 1024 * 1024;

/// What shards and pidfds tell the control loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The process that kept a sandbox alive has ended.
    Ended(SandboxId),
    /// A sandbox needs more sockets made inside.
    NeedInside {
        /// The sandbox.
        sandbox: SandboxId,
        /// How many more UDP sockets.
        udp: u16,
        /// How many more TCP sockets.
        tcp: u16,
    },
}

/// How much of each the process has, from its limit of descriptors.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Forwards outstanding in all: as many as there are sockets set aside for their first attempts.
    pub forwards: usize,
    /// Sockets towards upstreams: half of the descriptors. A server that is silent may be asked over several.
    pub sockets: usize,
    /// TCP connections of sandboxes in all: a quarter.
    pub connections: usize,
}

impl Limits {
    /// Derives the limits from how many descriptors the process may have.
    pub fn of(descriptors: u64) -> Self {
        let count = |share: u64| usize::try_from(share.max(1)).unwrap_or(usize::MAX);
        Self {
            forwards: count(FORWARDS.min(descriptors / 4)),
            sockets: count(descriptors / 2),
            connections: count(descriptors / 4),
        }
    }
}

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Queries read.
    pub queries: AtomicU64,
    /// Answered from local data.
    pub local: AtomicU64,
    /// Answered with what an upstream had said before.
    pub cached: AtomicU64,
    /// Answered with what was past its time.
    pub stale: AtomicU64,
    /// Asked of an upstream.
    pub forwarded: AtomicU64,
    /// Answered with a failure, an upstream's or our own.
    pub failed: AtomicU64,
}

/// What one batch adds to [`Stats`], so that shards seldom meet there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Queries read.
    pub queries: u64,
    /// Answered from local data.
    pub local: u64,
    /// Answered with what an upstream had said before.
    pub cached: u64,
    /// Answered with what was past its time.
    pub stale: u64,
    /// Asked of an upstream.
    pub forwarded: u64,
    /// Answered with a failure.
    pub failed: u64,
}

/// What the control loop and all shards have in common.
#[derive(Debug)]
pub struct Shared {
    /// The servers of the host or the daemon.
    pub host: ArcSwap<Upstreams>,
    /// Which servers are asked for which domain by all who may ask from the host's namespace.
    pub routes: ArcSwap<Routes>,
    /// Lists of servers that routes lead to, so that all who have one share what it has said.
    lists: Mutex<HashMap<Vec<SocketAddr>, Weak<Upstreams>>>,
    /// One permit for each forward that may be outstanding.
    pub forwards: Arc<Semaphore>,
    /// The sockets towards upstreams.
    pub sockets: Arc<Sockets>,
    /// What upstreams that are asked from the host's namespace have said.
    pub cache: Arc<Cache>,
    /// The limits.
    pub limits: Limits,
    /// The counters.
    pub stats: Stats,
    /// What is asked, for whoever reads it.
    pub log: QueryLog,
    /// To the control loop.
    pub events: UnboundedSender<Event>,
}

impl Shared {
    /// Makes the common part of a process, with no server known.
    pub fn new(limits: Limits, events: UnboundedSender<Event>) -> Self {
        let (sockets, cache) =
            (Arc::new(Sockets::new(limits.sockets)), Arc::new(Cache::new(CACHE)));
        let nobody = Upstreams::new(&[], Via::Host(sockets.clone()), cache.clone(), None);
        Self {
            host: ArcSwap::from_pointee(nobody),
            routes: ArcSwap::default(),
            lists: Mutex::default(),
            forwards: Arc::new(Semaphore::new(limits.forwards)),
            sockets,
            cache,
            limits,
            stats: Stats::default(),
            log: QueryLog::new(SystemTime::now()),
            events,
        }
    }
}

impl Stats {
    /// Adds what a batch has counted.
    pub fn add(&self, tally: &Tally) {
        let Tally { queries, local, cached, stale, forwarded, failed } = *tally;
        for (counter, more) in [
            (&self.queries, queries),
            (&self.local, local),
            (&self.cached, cached),
            (&self.stale, stale),
            (&self.forwarded, forwarded),
            (&self.failed, failed),
        ] {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
    }
}

impl Stats {
    /// Returns the counts.
    pub fn read(&self) -> SandboxCounters {
        let Self { queries, local, cached, stale, forwarded, failed } = self;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SandboxCounters {
            queries: read(queries),
            local: read(local),
            cached: read(cached),
            stale: read(stale),
            forwarded: read(forwarded),
            failed: read(failed),
        }
    }
}

impl Shared {
    /// Returns servers that a route leads to, asked from the host's namespace.
    pub fn list(&self, servers: &[IpAddr]) -> Arc<Upstreams> {
        let servers: Vec<_> = servers.iter().map(|server| SocketAddr::new(*server, PORT)).collect();
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(&servers).and_then(Weak::upgrade) {
            return known;
        }
        lists.retain(|_, list| list.strong_count() > 0);
        let via = Via::Host(self.sockets.clone());
        let list = Arc::new(Upstreams::new(&servers, via, self.cache.clone(), None));
        lists.insert(servers, Arc::downgrade(&list));
        list
    }

    /// Returns what is remembered of the servers of the host or the daemon.
    pub fn count_upstreams(&self) -> Vec<UpstreamCounters> {
        let count = |server: &Arc<Server>| {
            let [asked, answered, failed] = server.counts();
            let round_trip = u64::try_from(server.usual().as_micros()).unwrap_or(u64::MAX);
            UpstreamCounters { address: server.address, asked, answered, failed, round_trip }
        };
        self.host.load().servers.list().iter().map(count).collect()
    }

    /// Returns the counts with the number of sandboxes.
    pub fn count(&self, sandboxes: usize) -> Counters {
        let SandboxCounters { queries, local, cached, stale, forwarded, failed } =
            self.stats.read();
        let Usage { entries, bytes, most } = self.cache.usage();
        Counters {
            queries,
            local,
            cached,
            stale,
            forwarded,
            failed,
            sandboxes: sandboxes as u64,
            cache_entries: entries,
            cache_bytes: bytes,
            cache_size: most,
        }
    }
}
