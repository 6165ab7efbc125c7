//! Registry: the resolver's replica. Each network's table stands behind a pointer that is swapped whole: a query loads
//! it, a command makes the next one, and neither waits for the other. One writer applies updates.

use super::{Key, Table, Update, ZoneTable, Zones};
use crate::model::{DnsName, EndpointId, NetworkId, RrType, SandboxId};
use arc_swap::ArcSwap;
use dashmap::DashMap;
use ipnet::IpNet;
use std::collections::HashSet;
use std::sync::Arc;

/// Where the current table of a network is found. It stays valid when the network
/// goes, and is empty then.
pub type Slot = Arc<ArcSwap<Table>>;

/// The names of all networks, and those registered on every one.
#[derive(Debug, Default)]
pub struct Registry {
    networks: DashMap<NetworkId, Slot>,
    everywhere: Slot,
    zones: Arc<ArcSwap<Zones>>,
    subnets: Arc<ArcSwap<Vec<IpNet>>>,
    /// Domains that the daemon has servers of their own for.
    routed: Arc<ArcSwap<Vec<Key>>>,
}

impl Registry {
    /// Makes an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a network's slot, also before the network is known.
    pub fn network(&self, id: NetworkId) -> Slot {
        self.networks.entry(id).or_default().clone()
    }

    /// Returns the networks that have names, in the order of their ids.
    pub fn named(&self) -> Vec<(NetworkId, Slot)> {
        let named = |table: &Table| table.network().is_some_and(|network| network.named);
        let found = self.networks.iter().filter(|entry| named(&entry.value().load()));
        let mut found: Vec<_> = found.map(|entry| (*entry.key(), entry.value().clone())).collect();
        found.sort_by_key(|(id, _)| *id);
        found
    }

    /// Returns the slot of what is registered on every network.
    pub fn everywhere(&self) -> Slot {
        self.everywhere.clone()
    }

    /// Returns the domains that the daemon has servers of their own for.
    pub fn routed(&self) -> Arc<ArcSwap<Vec<Key>>> {
        self.routed.clone()
    }

    /// Returns the slot of the zones.
    pub fn zones(&self) -> Arc<ArcSwap<Zones>> {
        self.zones.clone()
    }

    /// Returns the slot of the subnets of all networks, also of those that have no names.
    pub fn subnets(&self) -> Arc<ArcSwap<Vec<IpNet>>> {
        self.subnets.clone()
    }

    /// Enters or replaces a zone.
    pub fn put_zone(&self, zone: ZoneTable) {
        self.edit_zones(|zones| zones.put(zone));
    }

    /// Drops the zones that are not to be kept.
    pub fn retain_zones(&self, keep: impl Fn(&DnsName) -> bool) {
        self.edit_zones(|zones| zones.retain(keep));
    }

    fn edit_zones(&self, change: impl FnOnce(&mut Zones)) {
        let mut zones = Zones::clone(&self.zones.load());
        change(&mut zones);
        self.zones.store(Arc::new(zones));
    }

    /// Gathers the subnets anew after a network has come, changed or gone.
    fn gather_subnets(&self) {
        let of = |table: &Table| table.network().map_or(Vec::new(), |n| n.subnets.clone());
        let tables = self.networks.iter().map(|entry| of(&entry.value().load()));
        let subnets: Vec<IpNet> = tables.flatten().collect();
        self.subnets.store(Arc::new(subnets));
    }

    /// Applies one update. Those of sandboxes and servers are not the registry's and change nothing.
    pub fn apply(&self, update: &Update) {
        match update {
            Update::PutNetwork(network) => {
                self.edit(Some(network.id), |table| table.put_network(network.clone()));
                self.gather_subnets();
            }
            Update::RemoveNetwork(id) => {
                self.remove(*id);
                self.gather_subnets();
            }
            Update::PutEndpoint(endpoint) => {
                self.edit(Some(endpoint.network), |table| table.put_endpoint(endpoint.clone()));
            }
            Update::RemoveEndpoint(network, id) => {
                self.edit(Some(*network), |table| table.remove_endpoint(*id));
            }
            Update::PutRecord(record) => {
                self.edit(record.network, |table| table.put_record(record.clone()));
            }
            Update::RemoveRecord(network, name, rr_type) => {
                self.edit(*network, |table| table.remove_record(&(name.clone(), *rr_type)));
            }
            Update::PutSandbox(_) | Update::RemoveSandbox(_) => {}
            Update::SetHostServers(_) => {}
            Update::SetHostRoutes(routes) => {
                self.routed.store(Arc::new(routes.iter().map(Key::of_route).collect()));
            }
        }
    }

    /// Drops what a snapshot did not mention.
    pub fn retain(&self, mentioned: &Mentioned) {
        let known: Vec<NetworkId> = self.networks.iter().map(|entry| *entry.key()).collect();
        for id in known {
            if mentioned.networks.contains(&id) {
                self.keep(Some(id), mentioned);
            } else {
                self.remove(id);
            }
        }
        self.keep(None, mentioned);
        self.gather_subnets();
    }

    fn keep(&self, network: Option<NetworkId>, mentioned: &Mentioned) {
        let slot = self.slot(network);
        let mut table = Table::clone(&slot.load());
        let dropped = table.retain(
            |endpoint| mentioned.endpoints.contains(&endpoint),
            |(name, rr_type)| mentioned.records.contains(&(network, name.clone(), *rr_type)),
        );
        if dropped {
            slot.store(Arc::new(table));
        }
    }

    fn remove(&self, id: NetworkId) {
        self.network(id).store(Arc::default());
        // A view that still holds the slot would not see the network come back in another one.
        self.networks.remove_if(&id, |_, slot| Arc::strong_count(slot) == 1);
    }

    fn edit(&self, network: Option<NetworkId>, change: impl FnOnce(&mut Table)) {
        let slot = self.slot(network);
        let mut table = Table::clone(&slot.load());
        change(&mut table);
        slot.store(Arc::new(table));
    }

    fn slot(&self, network: Option<NetworkId>) -> Slot {
        network.map_or_else(|| self.everywhere(), |id| self.network(id))
    }
}

/// What a snapshot has named so far.
#[derive(Clone, Debug, Default)]
pub struct Mentioned {
    networks: HashSet<NetworkId>,
    endpoints: HashSet<EndpointId>,
    records: HashSet<(Option<NetworkId>, DnsName, RrType)>,
    sandboxes: HashSet<SandboxId>,
}

impl Mentioned {
    /// Notes what an update names.
    pub fn note(&mut self, update: &Update) {
        match update {
            Update::PutNetwork(network) => {
                self.networks.insert(network.id);
            }
            Update::PutEndpoint(endpoint) => {
                self.endpoints.insert(endpoint.id);
            }
            Update::PutRecord(record) => {
                self.records.insert((record.network, record.name.clone(), record.rr_type()));
            }
            Update::PutSandbox(view) => {
                self.sandboxes.insert(view.id);
            }
            Update::RemoveNetwork(_)
            | Update::RemoveEndpoint(..)
            | Update::RemoveRecord(..)
            | Update::RemoveSandbox(_)
            | Update::SetHostServers(_)
            | Update::SetHostRoutes(_) => {}
        }
    }

    /// Whether an endpoint was named.
    pub fn has_endpoint(&self, id: EndpointId) -> bool {
        self.endpoints.contains(&id)
    }

    /// Whether a sandbox was named.
    pub fn has_sandbox(&self, id: SandboxId) -> bool {
        self.sandboxes.contains(&id)
    }
}
