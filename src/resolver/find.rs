//! Find: the order of sources. localhost, then names of containers, then manual entries, then zones, then special-use
//! names, and whether what none of them knows may be asked elsewhere. Pure; nothing is written here.

use super::view::View;
use crate::model::{DnsName, NetworkId, RrType};
use crate::registry::{ANY, InZone, Key, Layer, Name, Reverse, Rrset, Source, Table};
use ipnet::IpNet;
use std::sync::Arc;

/// What is known locally of a name and type.
#[derive(Clone, Debug)]
pub enum Found {
    /// Records of the type, or a CNAME.
    Data(Arc<Rrset>, Option<NetworkId>),
    /// The name exists, the type does not.
    NoData(Denial),
    /// The name does not exist, and nobody else is to be asked.
    NoName(Denial),
    /// Others may know.
    Elsewhere,
}

/// Who says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Where in the name its zone starts; none for the root.
    pub zone: Option<usize>,
    /// Seconds that it may be remembered.
    pub ttl: u32,
    /// Who knows the name, for people.
    pub source: Source,
    /// The network that knows the name.
    pub network: Option<NetworkId>,
    /// The SOA record of the zone file that says it; none where netdns makes one up.
    pub soa: Option<Arc<Rrset>>,
}

/// Looks a name up.
pub fn find(view: &View, key: &Key, rr_type: u16) -> Found {
    if view.is_of_host() {
        return for_host(view, key, rr_type).unwrap_or(Found::Elsewhere);
    }
    if key.suffix(b"\x09localhost").is_some() {
        return builtin(view, view.localhost(), rr_type);
    }
    let local = search(view, key, rr_type);
    with_zones(view, key, rr_type, local)
        .or_else(|| special(view, key, rr_type))
        .or_else(|| own_reverse(view, key))
        .or_else(|| own_domain(view, key))
        .unwrap_or(Found::Elsewhere)
}

/// Looks a name up for the host itself: a name is one of a network's only below the network's own name, and an address
/// only in its subnets.
fn for_host(view: &View, key: &Key, rr_type: u16) -> Option<Found> {
    let mut search = Search::new(view, key, rr_type);
    let whole = search.reverse_is_ours.then(|| search.whole(view, key)).flatten();
    let local = whole.or_else(|| search.qualified(view, key)).or_else(|| search.finish());
    with_zones(view, key, rr_type, local)
        .or_else(|| own_reverse(view, key))
        .or_else(|| own_domain(view, key))
}

/// Adds what zone files know. They come after containers and manual entries, whose names they add types to: no CNAME,
/// which would speak for all types, and nothing by a wildcard, which stands for names that do not exist (RFC 4592).
fn with_zones(view: &View, key: &Key, rr_type: u16, local: Option<Found>) -> Option<Found> {
    if matches!(local, Some(Found::Data(..))) {
        return local;
    }
    let found = view.zones().find(key, rr_type, local.is_none());
    let denial = |zone, soa: Arc<Rrset>| Denial {
        zone: Some(zone),
        ttl: soa.ttl,
        source: Source::Zone,
        network: None,
        soa: Some(soa),
    };
    match (local, found) {
        (Some(_), Some(InZone::Data(rrset)))
            if rrset.rr_type != RrType::Cname || rr_type == RrType::Cname.number() =>
        {
            Some(Found::Data(rrset, None))
        }
        (Some(local), _) => Some(local),
        (None, Some(InZone::Data(rrset))) => Some(Found::Data(rrset, None)),
        (None, Some(InZone::NoData(zone, soa))) => Some(Found::NoData(denial(zone, soa))),
        (None, Some(InZone::NoName(zone, soa))) => Some(Found::NoName(denial(zone, soa))),
        (None, None) => None,
    }
}

/// What the walk over the candidates has met.
struct Search {
    rr_type: u16,
    ttl: u32,
    reverse_is_ours: bool,
    container: bool,
    manual: [Option<(Arc<Rrset>, Option<NetworkId>)>; 2],
    known: Option<Denial>,
}

/// Walks over the candidates of a name: whole on each network in order, then `a.b` on network `c`, then `a` on `b.c`.
fn search(view: &View, key: &Key, rr_type: u16) -> Option<Found> {
    let mut search = Search::new(view, key, rr_type);
    let whole = search.whole(view, key);
    whole.or_else(|| search.qualified(view, key)).or_else(|| search.finish())
}

impl Search {
    fn new(view: &View, key: &Key, rr_type: u16) -> Self {
        Self {
            rr_type,
            ttl: view.ttl(),
            reverse_is_ours: reverse_in_subnet(view, key).is_some(),
            container: false,
            manual: [None, None],
            known: None,
        }
    }

    fn whole(&mut self, view: &View, key: &Key) -> Option<Found> {
        for (id, table) in view.tables() {
            if let Some(found) = self.visit(&table, Some(id), key.as_bytes(), 0) {
                return Some(found);
            }
        }
        let everywhere = view.everywhere()?;
        self.visit(&everywhere, None, key.as_bytes(), 0)
    }

    fn qualified(&mut self, view: &View, key: &Key) -> Option<Found> {
        for cut in key.cuts().take_while(|cut| *cut > 0) {
            let (name, suffix) = key.as_bytes().split_at(cut);
            let mut qualified = false;
            for (id, table) in view.tables().filter(|(_, table)| table.suffix() == Some(suffix)) {
                qualified = true;
                if let Some(found) = self.visit(&table, Some(id), name, cut) {
                    return Some(found);
                }
            }
            if let Some(everywhere) = view.everywhere().filter(|_| qualified) {
                self.visit(&everywhere, None, name, cut);
            }
        }
        None
    }

    /// Looks at one candidate. The first network that knows the name as a container's decides for containers.
    fn visit(
        &mut self,
        table: &Table,
        network: Option<NetworkId>,
        candidate: &[u8],
        zone: usize,
    ) -> Option<Found> {
        let name = table.get(candidate)?;
        if name.knows(Layer::Container) {
            if !self.container
                && let Some(rrset) = name.rrset(Layer::Container, self.rr_type)
            {
                return Some(Found::Data(rrset.clone(), network));
            }
            self.container = true;
            self.note(Source::Container, network, zone, table);
        }
        for (slot, layer) in [Layer::Manual, Layer::Implied].into_iter().enumerate() {
            if layer == Layer::Implied && !self.reverse_is_ours || !name.knows(layer) {
                continue;
            }
            self.note(Source::Manual, network, zone, table);
            if self.manual[slot].is_none() {
                self.manual[slot] = self.by_hand(name, layer).map(|rrset| (rrset, network));
            }
        }
        None
    }

    /// Chooses a manual RRset. A CNAME stands for every type of its name (RFC 1034 section 3.6.2).
    fn by_hand(&self, name: &Name, layer: Layer) -> Option<Arc<Rrset>> {
        let asked = name.rrset(layer, self.rr_type);
        asked.or_else(|| name.rrset(layer, RrType::Cname.number())).cloned()
    }

    fn note(&mut self, source: Source, network: Option<NetworkId>, zone: usize, table: &Table) {
        let ttl = network.map_or(self.ttl, |_| table.ttl());
        self.known.get_or_insert(Denial { zone: Some(zone), ttl, source, network, soa: None });
    }

    fn finish(&mut self) -> Option<Found> {
        // A CNAME under a container's name would lead one family of addresses elsewhere than the other.
        let shadowed = |rrset: &Rrset| {
            let asked = [ANY, rrset.rr_type.number()].contains(&self.rr_type);
            self.container && !asked
        };
        let mut manual = self.manual.iter().flatten();
        let found = manual.find(|(rrset, _)| !shadowed(rrset));
        let found = found.map(|(rrset, network)| Found::Data(rrset.clone(), *network));
        found.or_else(|| self.known.take().map(Found::NoData))
    }
}

fn denial(view: &View, zone: Option<usize>) -> Denial {
    Denial { zone, ttl: view.ttl(), source: Source::Builtin, network: None, soa: None }
}

fn builtin(view: &View, rrsets: &[Arc<Rrset>; 2], rr_type: u16) -> Found {
    let asked = |rrset: &&Arc<Rrset>| {
        !rrset.data.is_empty() && [ANY, rrset.rr_type.number()].contains(&rr_type)
    };
    rrsets.iter().find(asked).map_or_else(
        || Found::NoData(denial(view, Some(0))),
        |rrset| Found::Data(rrset.clone(), None),
    )
}

/// Special-use names: the host's, those that do not exist (RFC 6761, RFC 7686), and those that other means than the DNS
/// know (RFC 9476, RFC 6762, RFC 8375, RFC 9462): none of them is ever asked of anybody.
fn special(view: &View, key: &Key, rr_type: u16) -> Option<Found> {
    if key.is_one_of(&[DnsName::HOST, DnsName::HOST_AS_DOCKER]) {
        return Some(builtin(view, view.host(), rr_type));
    }
    let within = |zones: &[&[u8]]| zones.iter().find_map(|zone| key.suffix(zone));
    if let Some(zone) = within(&[b"\x07invalid", b"\x05onion"]) {
        return Some(Found::NoName(denial(view, Some(zone))));
    }
    let zone = within(&[b"\x03alt", b"\x05local", b"\x04home\x04arpa", b"\x08resolver\x04arpa"])?;
    let routed = view.has_route(key, &key.as_bytes()[zone..]);
    (!routed).then(|| Found::NoData(denial(view, Some(zone))))
}

/// Reverse names inside the subnet of any network never leave the host.
fn own_reverse(view: &View, key: &Key) -> Option<Found> {
    let reverse = key.reverse()?;
    view.subnets().iter().find(|subnet| subnet.contains(&reverse.net))?;
    let denial = denial(view, Some(reverse.zone));
    let between = reverse.net.prefix_len() < reverse.net.max_prefix_len() && !reverse.below;
    Some(if between { Found::NoData(denial) } else { Found::NoName(denial) })
}

fn reverse_in_subnet(view: &View, key: &Key) -> Option<Reverse> {
    let reverse = key.reverse()?;
    let inside = |subnet: &IpNet| subnet.contains(&reverse.net);
    let mut tables = view.tables();
    let ours = tables.any(|(_, table)| {
        table.network().is_some_and(|network| network.subnets.iter().any(inside))
    });
    ours.then_some(reverse)
}

/// Unknown names below a network that keeps its domain to itself, which for the host is each; and of a sandbox that asks
/// nobody, every name.
fn own_domain(view: &View, key: &Key) -> Option<Found> {
    let nobody = view.asks_nobody(key) && !view.is_of_host();
    let owned = view.tables().find_map(|(_, table)| {
        let keeps = view.is_of_host() || table.network().is_some_and(|network| network.own_domain);
        let cut = table.suffix().and_then(|suffix| key.suffix(suffix))?;
        (keeps || nobody && cut == 0).then_some((cut, table.ttl()))
    });
    match owned {
        Some((0, ttl)) => Some(Found::NoData(Denial { ttl, ..denial(view, Some(0)) })),
        Some((cut, ttl)) => Some(Found::NoName(Denial { ttl, ..denial(view, Some(cut)) })),
        None => nobody.then(|| Found::NoName(denial(view, None))),
    }
}
