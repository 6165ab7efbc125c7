//! Events: what has happened, newest last. The last thousand are kept in memory, so that one who asks again after a
//! while has missed nothing; who waits for a sandbox's end waits here too.

use crate::model::{
    Change, DnsName, Endpoint, EndpointId, IfName, Millis, Network, Sandbox, SandboxId,
    SandboxName, State,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

#[cfg(test)]
mod tests;

/// How many events are kept.
const KEPT: usize = 1000;

/// Something that has happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number: each is one more than the one before it.
    pub number: u64,
    /// When.
    pub at: Millis,
    /// What.
    pub happening: Happening,
}

/// What has happened.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A network was made.
    NetworkCreated(Arc<Network>),
    /// A network is gone.
    NetworkRemoved(Arc<Network>),
    /// A sandbox is on a network.
    Connected(Joint),
    /// A sandbox has left a network.
    Disconnected(Joint),
    /// A namespace is a sandbox.
    Attached(Arc<Sandbox>),
    /// A sandbox has ended, with this exit code.
    Ended(Arc<Sandbox>, i32),
    /// A sandbox is known no more.
    Removed(Arc<Sandbox>),
    /// A sandbox has another name than this one.
    Renamed(Arc<Sandbox>, SandboxName),
    /// Another tool had changed our firewall table, and it was put back.
    FirewallRepaired,
    /// A link of ours, its place or a sysctl had been changed by somebody, and was put right.
    LinkRepaired(IfName),
    /// A zone file was read, with so many records.
    ZoneLoaded(DnsName, usize),
    /// A zone file was refused, and why; what was served before goes on being served.
    ZoneRefused(String, String),
    /// A zone file is gone.
    ZoneRemoved(DnsName),
    /// A resolver was started and serves.
    ResolverStarted(i32),
    /// A resolver that lived when the manager came was taken over.
    ResolverAdopted(i32),
    /// A resolver is gone.
    ResolverDied(i32),
}

/// A network and a sandbox on it.
#[derive(Clone, Debug)]
pub struct Joint {
    /// The network.
    pub network: Arc<Network>,
    /// The sandbox.
    pub sandbox: Arc<Sandbox>,
    /// What joins them.
    pub endpoint: Arc<Endpoint>,
}

impl Joint {
    fn of(state: &State, id: EndpointId) -> Option<Self> {
        let endpoint = state.endpoints.get(&id)?.clone();
        let network = state.networks.get(&endpoint.network)?.clone();
        let sandbox = state.sandboxes.get(&endpoint.sandbox)?.clone();
        Some(Self { network, sandbox, endpoint })
    }
}

impl Event {
    /// Returns the exit code if it is the end of this sandbox.
    pub fn end_of(&self, id: SandboxId) -> Option<i32> {
        match &self.happening {
            Happening::Ended(sandbox, code) if sandbox.id == id => Some(*code),
            _ => None,
        }
    }
}

/// Returns what has happened with a change from `before` to `after`; `code` is asked for the exit code of a sandbox
/// that is removed while it runs. Names and aliases are data, listed by `names`, and no events.
pub fn of(
    change: &Change,
    before: &State,
    after: &State,
    code: impl Fn(&Sandbox) -> i32,
) -> Vec<Happening> {
    match change {
        Change::AddNetwork(network) => after
            .networks
            .get(&network.id)
            .cloned()
            .map(Happening::NetworkCreated)
            .into_iter()
            .collect(),
        Change::RemoveNetwork(id) => {
            before.networks.get(id).cloned().map(Happening::NetworkRemoved).into_iter().collect()
        }
        Change::AddSandbox(sandbox, endpoints) => {
            let attached = after.sandboxes.get(&sandbox.id).cloned().map(Happening::Attached);
            let joints = endpoints.iter().filter_map(|endpoint| Joint::of(after, endpoint.id));
            attached.into_iter().chain(joints.map(Happening::Connected)).collect()
        }
        Change::EndSandbox { id, code, .. } => end(before, *id, |_| *code),
        Change::RemoveSandbox(id) => {
            let removed = before.sandboxes.get(id).cloned().map(Happening::Removed);
            end(before, *id, code).into_iter().chain(removed).collect()
        }
        Change::Rename { id, .. } => {
            let renamed = before.sandboxes.get(id).zip(after.sandboxes.get(id));
            let renamed =
                renamed.map(|(old, new)| Happening::Renamed(new.clone(), old.name.clone()));
            renamed.into_iter().collect()
        }
        Change::AddEndpoint(endpoint) => {
            Joint::of(after, endpoint.id).map(Happening::Connected).into_iter().collect()
        }
        Change::RemoveEndpoint(id) => {
            Joint::of(before, *id).map(Happening::Disconnected).into_iter().collect()
        }
        Change::SetAliases { .. } | Change::Register(_) | Change::Deregister { .. } => Vec::new(),
    }
}

/// The end of a sandbox and of its endpoints; nothing if it had ended before.
fn end(before: &State, id: SandboxId, code: impl Fn(&Sandbox) -> i32) -> Vec<Happening> {
    let Some(sandbox) = before.sandboxes.get(&id).filter(|sandbox| sandbox.is_running()) else {
        return Vec::new();
    };
    let endpoints = before.endpoints.values().filter(|endpoint| endpoint.sandbox == id);
    let joints = endpoints.filter_map(|endpoint| Joint::of(before, endpoint.id));
    let ended = Happening::Ended(sandbox.clone(), code(sandbox));
    std::iter::once(ended).chain(joints.map(Happening::Disconnected)).collect()
}

/// What happened after a certain event.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In the order in which it happened.
    pub events: Vec<Event>,
    /// The number of the last event there is.
    pub last: u64,
    /// Whether events in between are kept no more.
    pub lost: bool,
}

/// The events that are kept, and who waits for more.
#[derive(Debug)]
pub struct Events {
    kept: Mutex<VecDeque<Event>>,
    last: watch::Sender<u64>,
}

impl Events {
    /// Makes an empty list. Numbers begin with the time in microseconds, so that those of a later daemon are higher.
    pub fn new(now: Millis) -> Self {
        Self { kept: Mutex::default(), last: watch::Sender::new(now.saturating_mul(1000)) }
    }

    /// Tells what has happened.
    pub fn tell(&self, happenings: impl IntoIterator<Item = Happening>, at: Millis) {
        let mut kept = self.kept();
        let first = *self.last.borrow() + 1;
        let told =
            (first..).zip(happenings).map(|(number, happening)| Event { number, at, happening });
        kept.extend(told);
        let superfluous = kept.len().saturating_sub(KEPT);
        kept.drain(..superfluous);
        let last = kept.back().map_or(first - 1, |event| event.number);
        self.last.send_replace(last.max(first - 1));
    }

    /// Returns the number of the last event.
    pub fn last(&self) -> u64 {
        *self.last.borrow()
    }

    /// Returns what has happened after the event of a number; what a daemon before this one numbered is lost.
    pub fn after(&self, number: u64) -> Batch {
        let kept = self.kept();
        let last = self.last();
        let oldest = kept.front().map_or(last + 1, |event| event.number);
        let events = kept.iter().filter(|event| event.number > number).cloned().collect();
        Batch { events, last, lost: number + 1 < oldest }
    }

    /// Waits until something has happened after the event of a number, and returns it.
    pub async fn next(&self, number: u64) -> Batch {
        let mut last = self.last.subscribe();
        // The sender lives as long as this.
        let _ = last.wait_for(|last| *last > number).await;
        self.after(number)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
