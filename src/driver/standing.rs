//! The host's tables as they stand, and what another State changes of them.
//!
//! Between States of the same networks only elements differ, and only those of sandboxes that differ: they alone are
//! derived, before and after, however many others there are. Nouns are compared by whether they are the same one in
//! memory, as States that follow from each other share what did not change. Anything else is derived whole.

use super::firewall;
use crate::model::{Sandbox, SandboxId, State};
use crate::plan::nft::{self, Delta, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tables as they were applied last, and the State that they are of.
#[derive(Debug, Default)]
pub struct Standing {
    state: Arc<State>,
    tables: Vec<Table>,
}

impl Standing {
    /// Returns the tables; none while no network has a bridge.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Returns what leads to the tables of another State.
    pub fn deltas(&self, state: &State) -> Vec<Delta> {
        let elements = elements(&self.state, state);
        elements.unwrap_or_else(|| nft::deltas(&self.tables, &firewall::tables(state)))
    }

    /// Notes that what [`Standing::deltas`] returned for a State was applied.
    pub fn note(&mut self, state: Arc<State>, deltas: Vec<Delta>) {
        nft::follow(&mut self.tables, deltas);
        debug_assert_eq!(self.tables, firewall::tables(&state), "as if derived whole");
        self.state = state;
    }
}

/// Returns the change of elements between two States, if nothing else can differ.
fn elements(old: &State, new: &State) -> Option<Vec<Delta>> {
    if !differing(&old.networks, &new.networks).is_empty() {
        return None;
    }
    let changed = changed(old, new);
    let of = |state| firewall::tables_with(state, &part(state, &changed));
    let deltas = nft::deltas(&of(old), &of(new));
    deltas.iter().all(|delta| matches!(delta, Delta::Elements { .. })).then_some(deltas)
}

/// Returns the owners of the namespaces of which a sandbox or an endpoint differs.
fn changed(old: &State, new: &State) -> BTreeSet<SandboxId> {
    let sandboxes = differing(&old.sandboxes, &new.sandboxes).into_iter().map(Sandbox::owner);
    let endpoints = differing(&old.endpoints, &new.endpoints);
    sandboxes.chain(endpoints.into_iter().map(|endpoint| endpoint.sandbox)).collect()
}

/// Returns the part of a State that is in some namespaces, with all networks.
fn part(state: &State, owners: &BTreeSet<SandboxId>) -> State {
    let sandboxes = state.sandboxes.iter().filter(|(_, sandbox)| owners.contains(&sandbox.owner()));
    let endpoints =
        state.endpoints.iter().filter(|(_, endpoint)| owners.contains(&endpoint.sandbox));
    State {
        networks: state.networks.clone(),
        sandboxes: sandboxes.map(|(id, sandbox)| (*id, sandbox.clone())).collect(),
        endpoints: endpoints.map(|(id, endpoint)| (*id, endpoint.clone())).collect(),
        registrations: BTreeMap::new(),
    }
}

/// Returns what is in one map alone, and both of what differs.
fn differing<'a, K: Ord, V>(
    old: &'a BTreeMap<K, Arc<V>>,
    new: &'a BTreeMap<K, Arc<V>>,
) -> Vec<&'a V> {
    let mut found = Vec::new();
    let (mut left, mut right) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let (is_left, is_right) = match (left.peek(), right.peek()) {
            (None, None) => return found,
            (Some((one, a)), Some((other, b))) => {
                if one == other && Arc::ptr_eq(a, b) {
                    left.next();
                    right.next();
                    continue;
                }
                (one <= other, other <= one)
            }
            (one, other) => (one.is_some(), other.is_some()),
        };
        found.extend(left.next_if(|_| is_left).map(|(_, value)| value.as_ref()));
        found.extend(right.next_if(|_| is_right).map(|(_, value)| value.as_ref()));
    }
}

#[cfg(test)]
mod tests;
