//! View: what one sandbox's queries are answered from: the tables of its networks in the order of look-up, what is
//! registered on every network, and the names that netdns itself gives. Tables are read through their slots, so a view
//! is made anew only when the sandbox itself changes.

use crate::model::{NetworkId, Rdata, RrType, SandboxId};
use crate::registry::{
    DEFAULT_TTL, Forward, Key, Layer, Registry, Rrset, SandboxView, Slot, Source, Table, Zones,
};
use arc_swap::ArcSwap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

/// What one sandbox sees.
#[derive(Debug)]
pub struct View {
    sandbox: Option<SandboxId>,
    networks: Vec<(NetworkId, Slot)>,
    everywhere: Slot,
    zones: Arc<ArcSwap<Zones>>,
    subnets: Arc<ArcSwap<Vec<IpNet>>>,
    forward: Forward,
    /// Domains that a sandbox's own servers are asked for, whatever else it asks.
    routes: Vec<Key>,
    /// Those that its networks' servers are asked for.
    far_routes: Vec<Key>,
    /// Those that the daemon's are asked for, if it may ask them.
    routed: Option<Arc<ArcSwap<Vec<Key>>>>,
    host: [Arc<Rrset>; 2],
    localhost: [Arc<Rrset>; 2],
}

impl View {
    /// Makes the view of a sandbox.
    pub fn new(view: &SandboxView, registry: &Arc<Registry>) -> Self {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        Self {
            sandbox: Some(view.id),
            networks: view.networks.iter().map(|id| (*id, registry.network(*id))).collect(),
            everywhere: registry.everywhere(),
            zones: registry.zones(),
            subnets: registry.subnets(),
            forward: view.forward.clone(),
            routes: view.inside_routes.iter().map(Key::of_route).collect(),
            far_routes: view.host_routes.iter().flatten().map(Key::of_route).collect(),
            routed: view.host_routes.is_some().then(|| registry.routed()),
            host: builtin(&view.host),
            localhost: builtin(&loopback),
        }
    }

    /// Makes the view of the host itself: names of all networks, each below its network's, and nobody to ask.
    pub fn of_host(registry: &Registry) -> Self {
        Self {
            sandbox: None,
            networks: registry.named(),
            everywhere: registry.everywhere(),
            zones: registry.zones(),
            subnets: registry.subnets(),
            forward: Forward::Nobody,
            routes: Vec::new(),
            far_routes: Vec::new(),
            routed: None,
            host: builtin(&[]),
            localhost: builtin(&[]),
        }
    }

    /// Whether it is the host's.
    pub fn is_of_host(&self) -> bool {
        self.sandbox.is_none()
    }

    /// Whether a route leads a name to servers by a domain within this one: then it is not special here.
    pub fn has_route(&self, key: &Key, within: &[u8]) -> bool {
        let leads = |domain: &Key| key.is_within(domain) && domain.suffix(within).is_some();
        let near = self.routes.iter().chain(&self.far_routes).any(leads);
        near || self.routed.as_ref().is_some_and(|routed| routed.load().iter().any(leads))
    }

    /// Whether nobody is asked for a name.
    pub fn asks_nobody(&self, key: &Key) -> bool {
        self.forward == Forward::Nobody && !self.routes.iter().any(|domain| key.is_within(domain))
    }

    /// Returns the tables of the attached networks in the order of look-up.
    pub fn tables(&self) -> impl Iterator<Item = (NetworkId, impl Deref<Target = Arc<Table>>)> {
        self.networks.iter().map(|(id, slot)| (*id, slot.load()))
    }

    /// Returns what is registered on every network; nothing for a sandbox on none with names.
    pub fn everywhere(&self) -> Option<impl Deref<Target = Arc<Table>>> {
        (!self.networks.is_empty()).then(|| self.everywhere.load())
    }

    /// Returns the zones.
    pub fn zones(&self) -> impl Deref<Target = Arc<Zones>> {
        self.zones.load()
    }

    /// Returns the subnets of all networks, attached or not.
    pub fn subnets(&self) -> impl Deref<Target = Arc<Vec<IpNet>>> {
        self.subnets.load()
    }

    /// Returns the TTL of what no network owns, in seconds.
    pub fn ttl(&self) -> u32 {
        self.tables().next().map_or(DEFAULT_TTL, |(_, table)| table.ttl())
    }

    /// Returns the A and AAAA records of the host's names.
    pub fn host(&self) -> &[Arc<Rrset>; 2] {
        &self.host
    }

    /// Returns the A and AAAA records of localhost.
    pub fn localhost(&self) -> &[Arc<Rrset>; 2] {
        &self.localhost
    }
}

fn builtin(addresses: &[IpAddr]) -> [Arc<Rrset>; 2] {
    [RrType::A, RrType::Aaaa].map(|rr_type| {
        let data = addresses.iter().copied().map(Rdata::from);
        let data = data.filter(|data| data.rr_type() == rr_type).collect();
        let (layer, source) = (Layer::Container, Source::Builtin);
        Arc::new(Rrset { layer, source, rr_type, ttl: DEFAULT_TTL, data })
    })
}
