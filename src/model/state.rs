//! State: all that is wanted. The kernel and the resolver's replica are caches of it.

use super::{
    Change, DnsName, Endpoint, EndpointId, Id, Network, NetworkId, Refusal, Registration, RrType,
    Sandbox, SandboxId, Status,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Networks, sandboxes, endpoints and registrations. Cloning is cheap: the nouns are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Networks by id.
    pub networks: BTreeMap<NetworkId, Arc<Network>>,
    /// Sandboxes by id.
    pub sandboxes: BTreeMap<SandboxId, Arc<Sandbox>>,
    /// Endpoints by id; each belongs to a running sandbox and a network that exist.
    pub endpoints: BTreeMap<EndpointId, Arc<Endpoint>>,
    /// Registrations by network, name and type.
    pub registrations: BTreeMap<(Option<NetworkId>, DnsName, RrType), Arc<Registration>>,
}

/// An endpoint and its network.
pub type Plugged<'a> = (&'a Arc<Endpoint>, &'a Arc<Network>);

impl State {
    /// Applies a recorded change. Applying one twice is the same as once.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::AddNetwork(network) => {
                self.networks.insert(network.id, Arc::new(network.clone()));
            }
            Change::RemoveNetwork(id) => {
                self.networks.remove(id);
                self.endpoints.retain(|_, endpoint| endpoint.network != *id);
                self.registrations.retain(|(network, _, _), _| *network != Some(*id));
            }
            Change::AddSandbox(sandbox, endpoints) => {
                self.sandboxes.insert(sandbox.id, Arc::new(sandbox.as_ref().clone()));
                for endpoint in endpoints {
                    self.endpoints.insert(endpoint.id, Arc::new(endpoint.clone()));
                }
            }
            Change::EndSandbox { id, code, at } => {
                self.endpoints.retain(|_, endpoint| endpoint.sandbox != *id);
                if let Some(sandbox) = self.sandboxes.get_mut(id) {
                    Arc::make_mut(sandbox).status = Status::Exited { code: *code, at: *at };
                }
            }
            Change::RemoveSandbox(id) => {
                self.endpoints.retain(|_, endpoint| endpoint.sandbox != *id);
                self.sandboxes.remove(id);
            }
            Change::Rename { id, name } => {
                if let Some(sandbox) = self.sandboxes.get_mut(id) {
                    Arc::make_mut(sandbox).name = name.clone();
                }
            }
            Change::SetAliases { endpoint, aliases } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint) {
                    Arc::make_mut(endpoint).aliases = aliases.clone();
                }
            }
            Change::AddEndpoint(endpoint) => {
                self.endpoints.insert(endpoint.id, Arc::new(endpoint.clone()));
            }
            Change::RemoveEndpoint(id) => {
                self.endpoints.remove(id);
            }
            Change::Register(registration) => {
                let key = (registration.network, registration.name.clone(), registration.rr_type());
                self.registrations.insert(key, Arc::new(registration.clone()));
            }
            Change::Deregister { network, name, rr_type } => {
                self.registrations.remove(&(*network, name.clone(), *rr_type));
            }
        }
    }

    /// Finds a network by full id, else exact name, else unambiguous id prefix.
    pub fn network(&self, text: &str) -> Result<&Arc<Network>, Refusal> {
        find(&self.networks, text, |network| network.name.as_str()).map_err(|miss| match miss {
            Miss::None => Refusal::NetworkNotFound(text.escape_debug().to_string()),
            Miss::Many(count) => Refusal::NetworkAmbiguous { text: text.to_owned(), count },
        })
    }

    /// Finds a sandbox by full id, else exact name, else unambiguous id prefix.
    pub fn sandbox(&self, text: &str) -> Result<&Arc<Sandbox>, Refusal> {
        find(&self.sandboxes, text, |sandbox| sandbox.name.as_str()).map_err(|miss| match miss {
            Miss::None => Refusal::SandboxNotFound(text.escape_debug().to_string()),
            Miss::Many(count) => Refusal::SandboxAmbiguous { text: text.to_owned(), count },
        })
    }

    /// Returns the endpoints on a network.
    pub fn endpoints_on(&self, id: NetworkId) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.endpoints.values().filter(move |endpoint| endpoint.network == id)
    }

    /// Returns the running sandboxes that use a sandbox's endpoints: itself and those that share its namespace.
    pub fn in_namespace_of(&self, id: SandboxId) -> impl Iterator<Item = &Arc<Sandbox>> {
        let running = self.sandboxes.values().filter(|sandbox| sandbox.is_running());
        running.filter(move |sandbox| sandbox.owner() == id)
    }

    /// Returns a sandbox's endpoints with their networks: highest gateway priority first, then by network name. Names
    /// are looked up in this order, and the first network that is not internal gives the default route.
    pub fn endpoints_of(&self, id: SandboxId) -> Vec<Plugged<'_>> {
        let of = |endpoint: &&Arc<Endpoint>| endpoint.sandbox == id;
        let mut found: Vec<_> = self
            .endpoints
            .values()
            .filter(of)
            .filter_map(|endpoint| Some((endpoint, self.networks.get(&endpoint.network)?)))
            .collect();
        in_order(&mut found);
        found
    }

    /// Returns the same of every sandbox that has any: what looks at all of them looks through the endpoints once.
    pub fn endpoints_of_each(&self) -> BTreeMap<SandboxId, Vec<Plugged<'_>>> {
        let mut each: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for endpoint in self.endpoints.values() {
            let network = self.networks.get(&endpoint.network);
            each.entry(endpoint.sandbox).or_default().extend(network.map(|n| (endpoint, n)));
        }
        each.values_mut().for_each(|found| in_order(found));
        each
    }

    /// Returns the endpoint whose network gives a sandbox its default route, if any does.
    pub fn gateway_of(&self, id: SandboxId) -> Option<Plugged<'_>> {
        gateway(&self.endpoints_of(id))
    }

    /// Returns the endpoint whose network gives a sandbox its default route of IPv6: the first that has one.
    pub fn gateway6_of(&self, id: SandboxId) -> Option<Plugged<'_>> {
        gateway6(&self.endpoints_of(id))
    }

    /// Returns the address that stands for the host in a sandbox: that of its first network on which the host has one.
    pub fn host_address(&self, id: SandboxId) -> Vec<IpAddr> {
        self.endpoints_of(id)
            .into_iter()
            .map(|(_, network)| network.host_addresses())
            .find(|addresses| !addresses.is_empty())
            .unwrap_or_default()
    }

    /// Whether a sandbox has a resolver that knows names: it is on a user-defined network.
    pub fn has_names(&self, id: SandboxId) -> bool {
        self.endpoints_of(id).iter().any(|(_, network)| network.has_names())
    }
}

fn in_order(endpoints: &mut [Plugged<'_>]) {
    endpoints
        .sort_by_key(|(endpoint, network)| (Reverse(endpoint.gw_priority), network.name.clone()));
}

/// Returns which of a sandbox's endpoints gives it its default route.
pub fn gateway<'a>(endpoints: &[Plugged<'a>]) -> Option<Plugged<'a>> {
    endpoints.iter().find(|(_, network)| !network.internal).copied()
}

/// Returns which of a sandbox's endpoints gives it its default route of IPv6.
pub fn gateway6<'a>(endpoints: &[Plugged<'a>]) -> Option<Plugged<'a>> {
    endpoints.iter().find(|(_, network)| !network.internal && network.has_ipv6()).copied()
}

enum Miss {
    None,
    Many(usize),
}

fn find<'a, K, V>(
    map: &'a BTreeMap<K, Arc<V>>,
    text: &str,
    name: impl Fn(&V) -> &str,
) -> Result<&'a Arc<V>, Miss>
where
    K: Ord + std::ops::Deref<Target = Id> + From<Id>,
{
    if let Some(found) = text.parse::<Id>().ok().and_then(|id| map.get(&K::from(id))) {
        return Ok(found);
    }
    if let Some(found) = map.values().find(|value| name(value) == text) {
        return Ok(found);
    }
    let hex = (1..64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut hits = map.iter().filter(|(key, _)| hex && key.to_string().starts_with(text));
    match (hits.next(), hits.count()) {
        (None, _) => Err(Miss::None),
        (Some((_, value)), 0) => Ok(value),
        (Some(_), more) => Err(Miss::Many(more + 1)),
    }
}
