//! Connections: which TCP connections a shard has, and which one makes room for a new one.

use crate::model::SandboxId;
use std::cell::Cell;
use std::collections::BTreeMap;
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
    open: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    sandbox: SandboxId,
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
        let of_one = self.open.values().filter(|open| open.sandbox == sandbox).count();
        if of_one >= OF_ONE {
            return self.close_idlest(|open| open.sandbox == sandbox);
        }
        self.open.len() < self.most || self.close_idlest(|_| true)
    }

    /// Takes a connection in and returns its number.
    pub fn add(&mut self, sandbox: SandboxId, activity: Rc<Activity>, task: AbortHandle) -> u64 {
        self.next += 1;
        self.open.insert(self.next, Connection { sandbox, activity, task });
        self.next
    }

    /// Forgets a connection that has ended.
    pub fn remove(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// Closes all of a sandbox.
    pub fn close_all(&mut self, sandbox: SandboxId) {
        self.open.retain(|_, open| {
            let keep = open.sandbox != sandbox;
            if !keep {
                open.task.abort();
            }
            keep
        });
    }

    fn close_idlest(&mut self, of: impl Fn(&Connection) -> bool) -> bool {
        let idle = self.open.iter().filter(|(_, open)| of(open) && !open.activity.busy.get());
        let idlest =
            idle.min_by_key(|(_, open)| open.activity.last.get()).map(|(number, _)| *number);
        let closed = idlest.and_then(|number| self.open.remove(&number));
        closed.inspect(|open| open.task.abort()).is_some()
    }
}
