//! The host's firewall: one table, derived whole from State.
//!
//! The base chains do not grow: networks hang in maps by the bridge's name or by subnet, each with chains named by its id;
//! an endpoint is at most elements of the maps of [`super::ports`]. Every bridge network is closed in both directions but
//! to its own members, to answers and to what was published; for both families alike.
//!
//! A packet of a known connection meets one rule, unless there is an internal network: that one is closed to answers too,
//! so its maps are asked first. Whatever can wait for the first packet of a connection stands in chains for that (nat).

use super::{expose, guard, ports};
use crate::model::{DriverKind, IfName, Network, State};
use crate::plan::nft::{
    Base, BaseKind, Chain, Datum, Family, Field, Hook, Is, LINK_GROUP, Map, Neighbour, Rule,
    Statement, TABLE, Table, Type, Value, ValueType, Verdict,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Returns every table of ours on the host; none while no network has a bridge.
pub fn tables(state: &State) -> Vec<Table> {
    tables_with(state, state)
}

/// Returns the tables of a State's networks, with the elements of a part of it.
pub(super) fn tables_with(state: &State, part: &State) -> Vec<Table> {
    table_with(state, part).map_or_else(Vec::new, |table| vec![table, guard::table(part)])
}

/// Returns the table `inet netdns`, or none while no network has a bridge.
pub fn table(state: &State) -> Option<Table> {
    table_with(state, state)
}

fn table_with(state: &State, part: &State) -> Option<Table> {
    let bridges: Vec<_> = state.networks.values().filter_map(|n| Bridged::of(state, n)).collect();
    if bridges.is_empty() {
        return None;
    }
    let mut table = Table {
        family: Family::Inet,
        name: TABLE.to_owned(),
        owned: true,
        maps: maps(),
        chains: base_chains(bridges.iter().any(|bridged| bridged.network.internal)),
    };
    bridges.iter().for_each(|network| network.add_to(&mut table));
    ports::add(&mut table, part);
    expose::add_to(&mut table, part);
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
    /// From the subnet of IPv4, at its last hook.
    Outbound,
    /// The same of IPv6.
    Outbound6,
}

impl Direction {
    const ALL: [Self; 5] =
        [Self::Leaving, Self::Entering, Self::Hostward, Self::Outbound, Self::Outbound6];

    fn map(self) -> &'static str {
        match self {
            Self::Leaving => "leaving",
            Self::Entering => "entering",
            Self::Hostward => "hostward",
            Self::Outbound => "outbound",
            Self::Outbound6 => "outbound6",
        }
    }

    fn field(self) -> Field {
        match self {
            Self::Leaving | Self::Hostward => Field::IifName,
            Self::Entering => Field::OifName,
            Self::Outbound => Field::Source,
            Self::Outbound6 => Field::Source6,
        }
    }

    fn decide(self) -> Statement {
        Statement::Decide(vec![self.field()], self.map().to_owned())
    }
}

const ACCEPT: Statement = Statement::Verdict(Verdict::Accept);
const DROP: Statement = Statement::Verdict(Verdict::Drop);

fn maps() -> BTreeMap<String, Map> {
    let verdicts = Direction::ALL.map(|direction| {
        let (key, interval) = match direction {
            Direction::Leaving | Direction::Entering | Direction::Hostward => (Type::IfName, false),
            Direction::Outbound => (Type::Ipv4, true),
            Direction::Outbound6 => (Type::Ipv6, true),
        };
        let map = Map { interval, ..Map::new(&[key], ValueType::Verdict) };
        (direction.map().to_owned(), map)
    });
    verdicts.into_iter().chain(ports::maps()).collect()
}

/// Before others translate what arrives.
const EARLY: i32 = -120;

/// Where what sandboxes send to 127.0.0.0/8 is looked at once more.
const LOOPBACK: &str = "loopback";

fn base_chains(any_internal: bool) -> BTreeMap<String, Chain> {
    let loopback = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8));
    let loopback6 = IpNet::V6(Ipv6Addr::LOCALHOST.into());
    let link_local = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10));
    let filter = |hook, priority| Some(Base { kind: BaseKind::Filter, hook, priority });
    let nat = |hook, priority| Some(Base { kind: BaseKind::Nat, hook, priority });
    let published = || Statement::Verdict(Verdict::Goto(ports::PUBLISHED.to_owned()));
    let to_ports = || [Statement::LocalDestination, published()];
    // Nothing finds the way back to such an address: whoever asks there is refused by the socket that holds the port.
    let not_from = |net| Rule::from([Statement::Destination(net), ACCEPT]);
    // The bridges route 127.0.0.0/8, for ports published there; nobody beyond the host may use that.
    let to_loopback = |verdict| {
        let from_ours = Statement::IifGroup(Is::Equal, LINK_GROUP);
        Rule::from([from_ours, Statement::Destination(loopback), verdict])
    };
    let into_loopback = to_loopback(Statement::Verdict(Verdict::Goto(LOOPBACK.to_owned())));
    let answers = || Rule::from([Statement::Established, ACCEPT]);
    let hostward = any_internal.then(|| Rule::from([Direction::Hostward.decide()]));
    let first = if any_internal { Rule::from([Direction::Leaving.decide()]) } else { answers() };
    let chains = [
        ("nat-early", nat(Hook::Prerouting, EARLY), vec![to_loopback(DROP)]),
        ("input", filter(Hook::Input, 0), [into_loopback].into_iter().chain(hostward).collect()),
        // What conntrack makes nothing of has passed by the chain of first packets.
        (LOOPBACK, None, vec![answers(), Rule::from([DROP])]),
        (
            "forward",
            filter(Hook::Forward, 0),
            vec![first, Rule::from([Direction::Entering.decide()])],
        ),
        // What arrives for 127.0.0.1 is no martian yet at this hook, and would be none once translated.
        (
            "nat-prerouting",
            nat(Hook::Prerouting, -100),
            vec![not_from(loopback), not_from(link_local), Rule::from(to_ports())],
        ),
        (
            "nat-output",
            nat(Hook::Output, -100),
            vec![not_from(loopback6), not_from(link_local), Rule::from(to_ports())],
        ),
        (ports::PUBLISHED, None, ports::rules()),
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
                Rule::from([Direction::Outbound6.decide()]),
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
        if self.network.has_ipv6() {
            self.hang(table, Direction::Outbound6, self.outbound());
        }
    }

    /// Adds a chain, and the map's elements that lead there. What leaves a network may still have to enter another.
    fn hang(&self, table: &mut Table, direction: Direction, rules: Vec<Rule>) {
        let chain = format!("{}-{}", direction.map(), self.network.id.short());
        let verdict = match direction {
            Direction::Leaving => Verdict::Jump(chain.clone()),
            _ => Verdict::Goto(chain.clone()),
        };
        let keys: Vec<_> = match direction {
            Direction::Outbound => self.subnets(false).map(Datum::Subnet).collect(),
            Direction::Outbound6 => self.subnets(true).map(Datum::Subnet).collect(),
            _ => vec![Datum::IfName(self.bridge.clone())],
        };
        let map = table.maps.get_mut(direction.map()).expect("every direction has its map");
        let value = Value::Verdict(verdict);
        map.elements.extend(keys.into_iter().map(|key| (vec![key], value.clone())));
        table.chains.insert(chain, Chain { base: None, rules });
    }

    fn subnets(&self, ipv6: bool) -> impl Iterator<Item = IpNet> {
        let nets = self.network.subnets.iter().map(|subnet| subnet.net.trunc());
        nets.filter(move |net| net.addr().is_ipv6() == ipv6)
    }

    fn internal_leaving(&self) -> Vec<Rule> {
        vec![Rule::from([Statement::OifName(Is::Other, self.bridge.clone()), DROP])]
    }

    /// The host is there on the bridge's own addresses alone. Who has them is asked over IPv6 itself.
    fn internal_hostward(&self) -> Vec<Rule> {
        let gateways = self.network.subnets.iter().map(|subnet| IpNet::from(subnet.gateway));
        let gateways =
            gateways.map(|gateway| Rule::from([Statement::Destination(gateway), ACCEPT]));
        let asked = [Neighbour::Solicitation, Neighbour::Advertisement]
            .into_iter()
            .filter(|_| self.network.has_ipv6())
            .map(|message| Rule::from([Statement::Neighbour(message), ACCEPT]));
        let answers = Rule::from([Statement::Established, ACCEPT]);
        [answers].into_iter().chain(gateways).chain(asked).chain([Rule::from([DROP])]).collect()
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
