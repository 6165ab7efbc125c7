//! Connections: which TCP connections a shard has, and which one makes room for a new one.

use crate::model::SandboxId;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::{RangeBounds, RangeInclusive};
use std::rc::Rc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// The most connections of one sandbox.
const OF_ONE: usize = 64;

/// How a connection is doing; it says so itself.
#[derive(Debug)]
pub struct Activity {
    /// When something last happened on it.
    pub last: Cell<Instant>,
    /// Whether an answer is awaited.
    pub busy: Cell<bool>,
}

/// The connections of one shard.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    next: u64,
    open: BTreeMap<ConnectionKey, Connection>,
}

/// Whose a connection is, and its number: those of one sandbox stand together.
pub type ConnectionKey = (SandboxId, u64);

#[derive(Debug)]
struct Connection {
    activity: Rc<Activity>,
    task: AbortHandle,
}

impl Activity {
    /// Makes that of a connection which was accepted now.
    pub fn new() -> Self {
        Self { last: Cell::new(Instant::now()), busy: Cell::new(false) }
    }

    /// Notes that something happened.
    pub fn touch(&self, busy: bool) {
        self.last.set(Instant::now());
        self.busy.set(busy);
    }
}

impl Connections {
    /// Makes room for so many.
    pub fn new(most: usize) -> Self {
        Self { most, next: 0, open: BTreeMap::new() }
    }

    /// Makes room for one more of a sandbox by closing the one that was idle longest, of the sandbox or, if the shard is
    /// full, of all. Returns whether there is room.
    pub fn make_room(&mut self, sandbox: SandboxId) -> bool {
        let its_own = all_of(sandbox);
        if self.open.range(its_own.clone()).count() >= OF_ONE {
            return self.close_idlest(its_own);
        }
        self.open.len() < self.most || self.close_idlest(..)
    }

    /// Returns the key of a sandbox's next connection.
    pub fn next_key(&mut self, sandbox: SandboxId) -> ConnectionKey {
        self.next += 1;
        (sandbox, self.next)
    }

    /// Takes a connection in.
    pub fn add(&mut self, key: ConnectionKey, activity: Rc<Activity>, task: AbortHandle) {
        self.open.insert(key, Connection { activity, task });
    }

    /// Forgets a connection that has ended.
    pub fn remove(&mut self, key: ConnectionKey) {
        self.open.remove(&key);
    }

    /// Closes all of a sandbox.
    pub fn close_all(&mut self, sandbox: SandboxId) {
        for (_, connection) in self.open.extract_if(all_of(sandbox), |_, _| true) {
            connection.task.abort();
        }
    }

    fn close_idlest(&mut self, of: impl RangeBounds<ConnectionKey>) -> bool {
        let idle = self.open.range(of).filter(|(_, open)| !open.activity.busy.get());
        let idlest = idle.min_by_key(|(_, open)| open.activity.last.get()).map(|(key, _)| *key);
        let closed = idlest.and_then(|key| self.open.remove(&key));
        closed.inspect(|open| open.task.abort()).is_some()
    }
}

fn all_of(sandbox: SandboxId) -> RangeInclusive<ConnectionKey> {
    (sandbox, 0)..=(sandbox, u64::MAX)
}

#[cfg(test)]
mod tests;
