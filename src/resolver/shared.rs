//! Shared: what the control loop and all shards have in common. Only atomics and semaphores: no shard waits for another.

use super::upstream::Upstreams;
use crate::channel::Counters;
use crate::model::SandboxId;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

/// The most forwards outstanding in all, if descriptors allow.
const FORWARDS: u64 = 16_384;

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
    /// Forwards outstanding in all.
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
            forwards: count(FORWARDS.min(descriptors / 2)),
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
    /// Asked of an upstream.
    pub forwarded: AtomicU64,
    /// Answered SERVFAIL by us.
    pub failed: AtomicU64,
}

/// What the control loop and all shards have in common.
#[derive(Debug)]
pub struct Shared {
    /// The servers of the host or the daemon.
    pub host: ArcSwap<Upstreams>,
    /// One permit for each forward that may be outstanding.
    pub forwards: Arc<Semaphore>,
    /// One permit for each socket towards an upstream.
    pub sockets: Arc<Semaphore>,
    /// The limits.
    pub limits: Limits,
    /// The counters.
    pub stats: Stats,
    /// To the control loop.
    pub events: UnboundedSender<Event>,
}

impl Shared {
    /// Makes the common part of a process, with no server known.
    pub fn new(limits: Limits, events: UnboundedSender<Event>) -> Self {
        Self {
            host: ArcSwap::from_pointee(Upstreams::nobody()),
            forwards: Arc::new(Semaphore::new(limits.forwards)),
            sockets: Arc::new(Semaphore::new(limits.sockets)),
            limits,
            stats: Stats::default(),
            events,
        }
    }
}

impl Stats {
    /// Returns the counts with the number of sandboxes.
    pub fn read(&self, sandboxes: usize) -> Counters {
        let Self { queries, local, forwarded, failed } = self;
        Counters {
            queries: queries.load(Ordering::Relaxed),
            local: local.load(Ordering::Relaxed),
            forwarded: forwarded.load(Ordering::Relaxed),
            failed: failed.load(Ordering::Relaxed),
            sandboxes: sandboxes as u64,
        }
    }
}
