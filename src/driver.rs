//! Driver: what a scope of State wants of the kernel. Pure: it decides, and never acts.
//!
//! Only drivers `bridge` and `macvlan` want links: `none` is a namespace with nothing but lo, `host` has no namespace of its
//! own. What networks want of the firewall is in [`firewall`].

mod bridge;
mod expose;
pub mod firewall;
pub mod guard;
mod macvlan;
pub mod ports;
mod ruleset;
mod standing;
#[cfg(test)]
mod tests;

pub use ruleset::ruleset;
pub use standing::Standing;

use crate::model::{IfName, NetworkId, Sandbox, SandboxId, State};
use crate::plan::{Inside, Place, Wanted};
use std::collections::{BTreeMap, BTreeSet};

/// The part of State that a command touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Networks whose bridges are looked at.
    pub networks: BTreeSet<NetworkId>,
    /// Sandboxes whose links are looked at, with the bridges that they are plugged into.
    pub sandboxes: BTreeSet<SandboxId>,
    /// Links that State no longer knows, and that may still be there.
    pub gone: BTreeSet<IfName>,
    /// Namespaces that are no sandbox any more, and that may still hold links of ours which have no end on the host.
    pub left: BTreeMap<SandboxId, Place>,
}

impl Scope {
    /// Makes the scope of everything that State knows.
    pub fn all(state: &State) -> Self {
        Self {
            networks: state.networks.keys().copied().collect(),
            sandboxes: state.sandboxes.keys().copied().collect(),
            gone: BTreeSet::new(),
            left: BTreeMap::new(),
        }
    }
}

/// Returns the kernel objects that State wants in a scope.
pub fn wanted(state: &State, scope: &Scope) -> Wanted {
    let mut wanted = Wanted { gone: scope.gone.clone(), ..Wanted::default() };
    let running = scope.sandboxes.iter().filter_map(|id| state.sandboxes.get(id));
    let mut networks = scope.networks.clone();
    // One that shares a namespace has nothing of its own there.
    for sandbox in running.filter(|sandbox| sandbox.is_running() && sandbox.shares.is_none()) {
        for (endpoint, network) in state.endpoints_of(sandbox.id) {
            networks.insert(network.id);
            let Some(veth) = bridge::veth(network, endpoint, place(sandbox)) else { continue };
            wanted.veths.insert(veth.name.clone(), veth);
        }
        wanted.insides.insert(sandbox.id, inside(state, sandbox));
    }
    for (id, place) in &scope.left {
        wanted.insides.entry(*id).or_insert_with(|| empty(place.clone()));
    }
    for network in networks.iter().filter_map(|id| state.networks.get(id)) {
        let Some(name) = &network.bridge else { continue };
        match bridge::bridge(state, network) {
            Some(bridge) => {
                let routed = !network.internal || bridge.apart;
                wanted.forwarding |= routed;
                wanted.forwarding6 |= routed && network.has_ipv6();
                wanted.bridges.insert(bridge.name.clone(), bridge);
            }
            None => {
                wanted.gone.insert(name.clone());
            }
        }
    }
    let Wanted { bridges, veths, gone, .. } = &mut wanted;
    gone.retain(|name| !bridges.contains_key(name) && !veths.contains_key(name));
    wanted
}

/// Returns where a sandbox's namespace is.
pub fn place(sandbox: &Sandbox) -> Place {
    Place { origin: sandbox.origin.clone(), netns: sandbox.netns }
}

fn empty(place: Place) -> Inside {
    Inside { place, macvlans: BTreeMap::new(), default_routes: Vec::new(), no_forwarding: false }
}

fn inside(state: &State, sandbox: &Sandbox) -> Inside {
    let ways = [(state.gateway_of(sandbox.id), false), (state.gateway6_of(sandbox.id), true)];
    let default_routes = ways.into_iter().filter_map(|(way, ipv6)| {
        let (endpoint, network) = way?;
        let mut gateways = network.subnets.iter().map(|subnet| subnet.gateway);
        Some((endpoint.link.clone(), gateways.find(|gateway| gateway.is_ipv6() == ipv6)?))
    });
    let default_routes = default_routes.collect();
    let endpoints = state.endpoints_of(sandbox.id).into_iter();
    let links = endpoints
        .filter_map(|(endpoint, network)| macvlan::link(network, endpoint, place(sandbox)));
    let macvlans = links.map(|macvlan| (macvlan.link.clone(), macvlan)).collect();
    let no_forwarding = !sandbox.origin.is_adopted();
    Inside { place: place(sandbox), macvlans, default_routes, no_forwarding }
}
