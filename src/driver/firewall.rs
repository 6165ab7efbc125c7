//! The host's firewall: one table, derived whole from State.
//!
//! The base chains are the same for every State: networks hang in maps by the bridge's name or by subnet, each with
//! chains named by its id; an endpoint is at most an element of `ports_any` or `ports_at`. Every bridge network is
//! closed in both directions but to its own members, to answers and to what was published. IPv4 alone so far.

use super::{expose, guard};
use crate::model::{DriverKind, Endpoint, IfName, Network, Publish, SandboxId, State};
use crate::plan::nft::{
    Base, BaseKind, Chain, Datum, Family, Field, Hook, Is, LINK_GROUP, Map, Rule, Statement, TABLE,
    Table, Type, Value, ValueType, Verdict,
};
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Returns every table of ours on the host; none while no network has a bridge.
pub fn tables(state: &State) -> Vec<Table> {
    table(state).map_or_else(Vec::new, |table| vec![table, guard::table(state)])
}

/// Returns the table `inet netdns`, or none while no network has a bridge.
pub fn table(state: &State) -> Option<Table> {
    let bridges: Vec<_> = state.networks.values().filter_map(|n| Bridged::of(state, n)).collect();
    if bridges.is_empty() {
        return None;
    }
    let mut table = Table {
        family: Family::Inet,
        name: TABLE.to_owned(),
        owned: true,
        maps: maps(),
        chains: base_chains(),
    };
    bridges.iter().for_each(|network| network.add_to(&mut table));
    add_ports(&mut table, state);
    expose::add_to(&mut table, state);
    Some(table)
}

/// A network that has a kernel bridge.
struct Bridged<'a> {
    network: &'a Network,
    bridge: &'a IfName,
}

/// The traffic that a map sends to a network's chain.
#[derive(Clone, Copy)]
enum Direction {
    /// Forwarded out of the bridge.
    Leaving,
    /// Forwarded into the bridge.
    Entering,
    /// From the bridge to the host itself.
    Hostward,
    /// From the subnet, at its last hook.
    Outbound,
}

impl Direction {
    const ALL: [Self; 4] = [Self::Leaving, Self::Entering, Self::Hostward, Self::Outbound];

    fn map(self) -> &'static str {
        match self {
            Self::Leaving => "leaving",
            Self::Entering => "entering",
            Self::Hostward => "hostward",
            Self::Outbound => "outbound",
        }
    }

    fn field(self) -> Field {
        match self {
            Self::Leaving | Self::Hostward => Field::IifName,
            Self::Entering => Field::OifName,
            Self::Outbound => Field::Source,
        }
    }

    fn decide(self) -> Statement {
        Statement::Decide(vec![self.field()], self.map().to_owned())
    }
}

const PORTS_AT: &str = "ports_at";
const PORTS_ANY: &str = "ports_any";
const PUBLISHED: &str = "published";
const ACCEPT: Statement = Statement::Verdict(Verdict::Accept);
const DROP: Statement = Statement::Verdict(Verdict::Drop);

fn maps() -> BTreeMap<String, Map> {
    let socket = || ValueType::Data(vec![Type::Ipv4, Type::Port]);
    let verdicts = Direction::ALL.map(|direction| {
        let interval = matches!(direction, Direction::Outbound);
        let key = if interval { Type::Ipv4 } else { Type::IfName };
        let map = Map { interval, ..Map::new(&[key], ValueType::Verdict) };
        (direction.map().to_owned(), map)
    });
    let ports = [
        (PORTS_ANY.to_owned(), Map::new(&[Type::Proto, Type::Port], socket())),
        (PORTS_AT.to_owned(), Map::new(&[Type::Ipv4, Type::Proto, Type::Port], socket())),
    ];
    verdicts.into_iter().chain(ports).collect()
}

fn base_chains() -> BTreeMap<String, Chain> {
    let loopback = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    let filter = |hook, priority| Some(Base { kind: BaseKind::Filter, hook, priority });
    let nat = |hook, priority| Some(Base { kind: BaseKind::Nat, hook, priority });
    let to_ports =
        || [Statement::LocalDestination, Statement::Verdict(Verdict::Goto(PUBLISHED.to_owned()))];
    let at = vec![Field::Destination, Field::Proto, Field::DestinationPort];
    let any = vec![Field::Proto, Field::DestinationPort];
    let chains = [
        // The bridges route 127.0.0.0/8, for ports published there; nobody beyond the host may use that.
        (
            "raw-prerouting",
            filter(Hook::Prerouting, -300),
            vec![Rule::from([
                Statement::IifGroup(LINK_GROUP),
                Statement::Destination(loopback),
                DROP,
            ])],
        ),
        ("input", filter(Hook::Input, 0), vec![Rule::from([Direction::Hostward.decide()])]),
        (
            "forward",
            filter(Hook::Forward, 0),
            vec![
                Rule::from([Direction::Leaving.decide()]),
                Rule::from([Direction::Entering.decide()]),
            ],
        ),
        // What arrives for 127.0.0.1 is no martian yet at this hook, and would be none once translated.
        (
            "nat-prerouting",
            nat(Hook::Prerouting, -100),
            vec![Rule::from([Statement::Destination(loopback), ACCEPT]), Rule::from(to_ports())],
        ),
        ("nat-output", nat(Hook::Output, -100), vec![Rule::from(to_ports())]),
        (
            PUBLISHED,
            None,
            vec![
                Rule::from([Statement::Dnat(at, PORTS_AT.to_owned())]),
                Rule::from([Statement::Ipv4, Statement::Dnat(any, PORTS_ANY.to_owned())]),
            ],
        ),
        (
            "nat-postrouting",
            nat(Hook::Postrouting, 100),
            vec![
                Rule::from([
                    Statement::OifGroup(LINK_GROUP),
                    Statement::Source(loopback),
                    Statement::Masquerade,
                ]),
                Rule::from([Direction::Outbound.decide()]),
            ],
        ),
    ];
    chains.into_iter().map(|(name, base, rules)| (name.to_owned(), Chain { base, rules })).collect()
}

impl<'a> Bridged<'a> {
    /// The predefined network has its bridge with its first endpoint; the others always.
    fn of(state: &State, network: &'a Network) -> Option<Self> {
        let wanted = !network.predefined || state.endpoints_on(network.id).next().is_some();
        let bridge =
            network.bridge.as_ref().filter(|_| network.driver == DriverKind::Bridge && wanted)?;
        Some(Self { network, bridge })
    }

    fn add_to(&self, table: &mut Table) {
        if self.network.internal {
            self.hang(table, Direction::Leaving, self.internal_leaving());
            self.hang(table, Direction::Hostward, self.internal_hostward());
        }
        self.hang(table, Direction::Entering, self.entering());
        self.hang(table, Direction::Outbound, self.outbound());
    }

    /// Adds a chain, and the map's elements that lead there. What leaves a network may still have to enter another.
    fn hang(&self, table: &mut Table, direction: Direction, rules: Vec<Rule>) {
        let chain = format!("{}-{}", direction.map(), self.network.id.short());
        let verdict = match direction {
            Direction::Leaving => Verdict::Jump(chain.clone()),
            _ => Verdict::Goto(chain.clone()),
        };
        let keys: Vec<_> = match direction {
            Direction::Outbound => self.subnets().map(Datum::Subnet).collect(),
            _ => vec![Datum::IfName(self.bridge.clone())],
        };
        let map = table.maps.get_mut(direction.map()).expect("every direction has its map");
        let value = Value::Verdict(verdict);
        map.elements.extend(keys.into_iter().map(|key| (vec![key], value.clone())));
        table.chains.insert(chain, Chain { base: None, rules });
    }

    fn subnets(&self) -> impl Iterator<Item = Ipv4Net> {
        self.network.subnets.iter().filter_map(|subnet| match subnet.net {
            IpNet::V4(net) => Some(net.trunc()),
            IpNet::V6(_) => None,
        })
    }

    fn internal_leaving(&self) -> Vec<Rule> {
        vec![Rule::from([Statement::OifName(Is::Other, self.bridge.clone()), DROP])]
    }

    /// The host is there on the bridge's own address alone.
    fn internal_hostward(&self) -> Vec<Rule> {
        let gateways = self.network.subnets.iter().filter_map(|subnet| match subnet.gateway {
            IpAddr::V4(gateway) => {
                Some(Rule::from([Statement::Destination(Ipv4Net::from(gateway)), ACCEPT]))
            }
            IpAddr::V6(_) => None,
        });
        let answers = Rule::from([Statement::Established, ACCEPT]);
        [answers].into_iter().chain(gateways).chain([Rule::from([DROP])]).collect()
    }

    fn entering(&self) -> Vec<Rule> {
        let answers = Rule::from([Statement::Established, ACCEPT]);
        let published = Rule::from([Statement::Translated, ACCEPT]);
        let (internal, apart) = (self.network.internal, expose::keeps_apart(self.network));
        (!internal || apart)
            .then_some(answers)
            .into_iter()
            .chain(expose::from_neighbours(self.network, self.bridge))
            .chain((!internal).then_some(published))
            .chain([Rule::from([DROP])])
            .collect()
    }

    /// A sandbox that reaches itself or a neighbour through a published port must see the answer come from there.
    fn outbound(&self) -> Vec<Rule> {
        let hairpin = Rule::from([
            Statement::OifName(Is::Equal, self.bridge.clone()),
            Statement::Translated,
            Statement::Masquerade,
        ]);
        let out =
            Rule::from([Statement::OifName(Is::Other, self.bridge.clone()), Statement::Masquerade]);
        let masquerade = self.network.options.masquerade && !self.network.internal;
        [hairpin].into_iter().chain(masquerade.then_some(out)).collect()
    }
}

/// Returns where a running sandbox's ports lead: to its address on the network that gives it its default route, so that
/// answers come back.
pub fn targets(state: &State, sandbox: SandboxId) -> impl Iterator<Item = (Publish, Ipv4Addr)> {
    let sandbox = state.sandboxes.get(&sandbox).filter(|sandbox| sandbox.is_running());
    // To find the address all endpoints are looked through: not for each of many sandboxes that publish nothing.
    let publishing = sandbox.filter(|sandbox| !sandbox.publish.is_empty());
    let gateway = publishing.and_then(|sandbox| state.gateway_of(sandbox.id));
    let target = gateway.and_then(|(endpoint, network)| {
        (network.driver == DriverKind::Bridge).then(|| ipv4(endpoint)).flatten()
    });
    let published = publishing.into_iter().flat_map(|sandbox| &sandbox.publish);
    published.filter_map(move |publish| Some((*publish, target?)))
}

fn add_ports(table: &mut Table, state: &State) {
    for sandbox in state.sandboxes.keys() {
        for (publish, target) in targets(state, *sandbox) {
            let Some((map, key)) = port_key(&publish) else { continue };
            let value = Value::Data(vec![Datum::Ipv4(target), Datum::Port(publish.port)]);
            let map = table.maps.get_mut(map).expect("both port maps are there");
            map.elements.insert(key, value);
        }
    }
}

fn ipv4(endpoint: &Endpoint) -> Option<Ipv4Addr> {
    endpoint.addresses.iter().find_map(|address| match address.addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

fn port_key(publish: &Publish) -> Option<(&'static str, Vec<Datum>)> {
    let IpAddr::V4(host) = publish.host_ip else { return None };
    let port = [Datum::Proto(publish.proto), Datum::Port(publish.host_port)];
    if host.is_unspecified() {
        return Some((PORTS_ANY, port.into()));
    }
    Some((PORTS_AT, [Datum::Ipv4(host)].into_iter().chain(port).collect()))
}
