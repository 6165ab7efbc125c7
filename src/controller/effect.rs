//! What a change touches: the kernel's scope and the resolver's updates. Pure.

use crate::driver::{self, Scope, ports};
use crate::model::{
    Change, DriverKind, Endpoint, IfName, NetworkId, Proto, Publish, Reach, Sandbox, SandboxId,
    State,
};
use crate::registry::{Update, endpoint_names, network_names, sandbox_view};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a change touches.
#[derive(Debug, Default)]
pub struct Effect {
    /// What to converge.
    pub scope: Scope,
    /// What to publish.
    pub updates: Vec<Update>,
    /// Sandboxes whose sockets, files and ports may have to change.
    pub sandboxes: BTreeSet<SandboxId>,
    /// Addresses that nobody has any more.
    pub released: Vec<IpAddr>,
    /// UDP ports of the host that lead elsewhere than before.
    pub rerouted: BTreeSet<u16>,
    /// Whether names go: then they go before the wire.
    pub withdraws: bool,
}

impl Effect {
    /// Returns what a change from `before` to `after` touches.
    pub fn of(change: &Change, before: &State, after: &State) -> Self {
        let mut effect = Self::default();
        match change {
            Change::AddNetwork(network) => {
                effect.scope.networks.insert(network.id);
                effect.updates.push(Update::PutNetwork(network_names(network)));
            }
            Change::RemoveNetwork(id) => {
                effect.bridge_gone(before, *id);
                effect.withdraws = true;
                effect.updates.push(Update::RemoveNetwork(*id));
            }
            Change::AddSandbox(sandbox, endpoints) => {
                endpoints.iter().for_each(|endpoint| effect.joins(after, endpoint));
                effect.touches(after, sandbox.id);
                effect.serves(after, sandbox);
            }
            Change::EndSandbox { id, .. } | Change::RemoveSandbox(id) => {
                let endpoints = before.endpoints.values().filter(|e| e.sandbox == *id);
                endpoints.for_each(|endpoint| effect.leaves(before, after, endpoint));
                effect.leaves_links(before, *id);
                effect.sandboxes.insert(*id);
                effect.withdraws = true;
                effect.updates.push(Update::RemoveSandbox(*id));
                if let Some(sandbox) = before.sandboxes.get(id) {
                    effect.serves(after, sandbox);
                }
            }
            Change::Rename { id, .. } => {
                effect.named(after, *id);
                effect.sandboxes.insert(*id);
            }
            Change::SetAliases { endpoint, .. } => {
                let endpoint = after.endpoints.get(endpoint);
                let names = endpoint.and_then(|endpoint| endpoint_names(after, endpoint));
                effect.updates.extend(names.map(Update::PutEndpoint));
            }
            Change::AddEndpoint(endpoint) => {
                effect.joins(after, endpoint);
                effect.touches(after, endpoint.sandbox);
            }
            Change::RemoveEndpoint(id) => {
                if let Some(endpoint) = before.endpoints.get(id) {
                    effect.leaves(before, after, endpoint);
                    effect.touches(after, endpoint.sandbox);
                }
                effect.withdraws = true;
            }
            Change::Register(record) => effect.updates.push(Update::PutRecord(record.clone())),
            Change::Deregister { network, name, rr_type } => {
                effect.updates.push(Update::RemoveRecord(*network, name.clone(), *rr_type));
            }
        }
        effect.rerouted =
            effect.sandboxes.iter().flat_map(|id| rerouted(before, after, *id)).collect();
        effect
    }

    /// A sandbox in another's namespace serves its ports by that one's names.
    fn serves(&mut self, after: &State, sandbox: &Sandbox) {
        if sandbox.owner() != sandbox.id {
            self.named(after, sandbox.owner());
        }
    }

    fn named(&mut self, after: &State, id: SandboxId) {
        let endpoints = after.endpoints.values().filter(|endpoint| endpoint.sandbox == id);
        let names = endpoints.filter_map(|endpoint| endpoint_names(after, endpoint));
        self.updates.extend(names.map(Update::PutEndpoint));
    }

    fn joins(&mut self, after: &State, endpoint: &Endpoint) {
        self.scope.networks.insert(endpoint.network);
        self.updates.extend(endpoint_names(after, endpoint).map(Update::PutEndpoint));
    }

    fn leaves(&mut self, before: &State, after: &State, endpoint: &Endpoint) {
        self.scope.gone.insert(endpoint.host_link.clone());
        self.released.extend(endpoint.addresses.iter().map(|net| net.addr()));
        self.updates.push(Update::RemoveEndpoint(endpoint.network, endpoint.id));
        // The host answers for its addresses no more.
        if after.networks.contains_key(&endpoint.network) && keeps_proxies(before, endpoint) {
            self.scope.networks.insert(endpoint.network);
        }
        let predefined = before.networks.get(&endpoint.network).is_some_and(|n| n.predefined);
        if predefined && after.endpoints_on(endpoint.network).next().is_none() {
            self.bridge_gone(before, endpoint.network);
        }
    }

    /// A namespace that somebody else made goes on, with the links in it that have no end on the host.
    fn leaves_links(&mut self, before: &State, id: SandboxId) {
        let endpoints = before.endpoints_of(id);
        let remain = endpoints.iter().any(|(_, network)| network.driver == DriverKind::Macvlan);
        let sandbox = before.sandboxes.get(&id).filter(|sandbox| sandbox.origin.is_adopted());
        if let Some(sandbox) = sandbox.filter(|_| remain) {
            self.scope.left.insert(id, driver::place(sandbox));
        }
    }

    fn touches(&mut self, after: &State, id: SandboxId) {
        self.scope.sandboxes.insert(id);
        self.sandboxes.insert(id);
        self.updates.push(Update::PutSandbox(sandbox_view(after, id)));
    }

    fn bridge_gone(&mut self, before: &State, id: NetworkId) {
        let bridge: Option<IfName> = before.networks.get(&id).and_then(|n| n.bridge.clone());
        self.scope.gone.extend(bridge);
    }
}

fn keeps_proxies(state: &State, endpoint: &Endpoint) -> bool {
    let network = state.networks.get(&endpoint.network);
    network.is_some_and(|network| network.has_ipv6() && network.options.reach != Reach::Open)
}

fn rerouted(before: &State, after: &State, id: SandboxId) -> BTreeSet<u16> {
    let targets = |state| {
        let udp = ports::targets(state, id).filter(|(publish, _)| publish.proto == Proto::Udp);
        let each = |(publish, to): (Publish, IpAddr)| publish.singles().map(move |one| (one, to));
        udp.flat_map(each).map(|(one, to)| (one.host_port, one.port, to)).collect::<BTreeSet<_>>()
    };
    targets(before).symmetric_difference(&targets(after)).map(|(port, ..)| *port).collect()
}
