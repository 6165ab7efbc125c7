//! Neighbours kept apart (`netdns.expose=enforce`, `enable_icc=false`): what of a sandbox the others on its network reach.
//!
//! The ports of such a network's bridge are isolated: no frame goes from one to another. The host answers for every
//! neighbour (proxy ARP, proxy ND), so what one sends to another is routed, on the bridge's own link, and tracked: there
//! the rules here decide, whether br_netfilter is on or off. The host must not name the shorter way (ICMP redirects), which
//! would lead nowhere. Multicast and broadcast between neighbours are lost. The host itself is no neighbour.

use crate::model::{Exposed, IfName, Network, Proto, Reach, SandboxId, State};
use crate::plan::nft::{
    Base, BaseKind, Chain, Datum, Field, Hook, Is, LINK_GROUP, Map, Neighbour, Reject, Rule,
    Statement, Table, Type, Value, ValueType, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

const EXPOSED4: &str = "exposed4";
const EXPOSED6: &str = "exposed6";
const ACCEPT: Statement = Statement::Verdict(Verdict::Accept);
const DROP: Statement = Statement::Verdict(Verdict::Drop);

/// Whether the neighbours on a network are kept apart.
pub(super) fn keeps_apart(network: &Network) -> bool {
    network.options.reach != Reach::Open
}

/// Returns the addresses on a network that the host answers for.
pub(super) fn proxied(state: &State, network: &Network) -> BTreeSet<Ipv6Addr> {
    if !keeps_apart(network) {
        return BTreeSet::new();
    }
    let addresses = state.endpoints_on(network.id).flat_map(|endpoint| &endpoint.addresses);
    addresses
        .filter_map(|address| match address.addr() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        })
        .collect()
}

/// Returns what becomes of a neighbour's first packet. Answers were accepted before.
pub(super) fn from_neighbours(network: &Network, bridge: &IfName) -> Vec<Rule> {
    let neighbour = || Statement::IifName(Is::Equal, bridge.clone());
    if !keeps_apart(network) {
        return vec![Rule::from([neighbour(), ACCEPT])];
    }
    let open = |address, set: &str| {
        let fields = vec![address, Field::Proto, Field::DestinationPort];
        Rule::from([neighbour(), Statement::In(fields, set.to_owned()), ACCEPT])
    };
    let exposed = match network.options.reach {
        Reach::Exposed => {
            vec![open(Field::Destination, EXPOSED4), open(Field::Destination6, EXPOSED6)]
        }
        Reach::Open | Reach::Nothing => Vec::new(),
    };
    let rest = [
        // Through a port that the host hands on.
        Rule::from([neighbour(), Statement::Translated, ACCEPT]),
        Rule::from([neighbour(), Statement::Proto(Proto::Tcp), Statement::Reject(Reject::Reset)]),
        Rule::from([neighbour(), Statement::Reject(Reject::Port)]),
    ];
    exposed.into_iter().chain(rest).collect()
}

/// Adds the sets of exposed ports, and the chain that keeps redirects back.
pub(super) fn add_to(table: &mut Table, state: &State) {
    let ports = |address| Map::new(&[address, Type::Proto, Type::Port], ValueType::Nothing);
    let (mut four, mut six) = (ports(Type::Ipv4), ports(Type::Ipv6));
    let exposed = match state.networks.values().any(|n| n.options.reach == Reach::Exposed) {
        true => exposed(state),
        false => BTreeMap::new(),
    };
    for endpoint in state.endpoints.values() {
        let reach = state.networks.get(&endpoint.network).map(|network| network.options.reach);
        if reach != Some(Reach::Exposed) {
            continue;
        }
        for Exposed { port, proto } in exposed.get(&endpoint.sandbox).into_iter().flatten().copied()
        {
            for address in &endpoint.addresses {
                let (set, address) = match address.addr() {
                    IpAddr::V4(address) => (&mut four, Datum::Ipv4(address)),
                    IpAddr::V6(address) => (&mut six, Datum::Ipv6(address)),
                };
                let key = vec![address, Datum::Proto(proto), Datum::Port(port)];
                set.elements.insert(key, Value::Nothing);
            }
        }
    }
    table.maps.extend([(EXPOSED4.to_owned(), four), (EXPOSED6.to_owned(), six)]);
    if !state.networks.values().any(|network| keeps_apart(network)) {
        return;
    }
    let base = Base { kind: BaseKind::Filter, hook: Hook::Output, priority: 0 };
    let redirects = [Statement::Redirect4, Statement::Neighbour(Neighbour::Redirect)];
    let rules = redirects
        .map(|redirect| Rule::from([Statement::OifGroup(LINK_GROUP), redirect, DROP]))
        .into();
    table.chains.insert("output".to_owned(), Chain { base: Some(base), rules });
}

/// Returns the ports that sandboxes expose or publish, by whose namespace it is: the owner's and those of all that share it.
fn exposed(state: &State) -> BTreeMap<SandboxId, BTreeSet<Exposed>> {
    let mut exposed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for sandbox in state.sandboxes.values().filter(|sandbox| sandbox.is_running()) {
        let singles = sandbox.publish.iter().flat_map(|publish| publish.singles());
        let published = singles.map(|publish| publish.exposed());
        exposed
            .entry(sandbox.owner())
            .or_default()
            .extend(published.chain(sandbox.config.exposed.iter().copied()));
    }
    exposed
}
