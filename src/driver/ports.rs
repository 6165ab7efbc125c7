//! Published ports in the host's table: the maps that lead to sandboxes, of which each port or range is an element.
//!
//! A range whose ports keep their numbers is one element, however long; others, as the kernel adds nothing to a port,
//! are an element a port. `ports_any` leads from every address of the host, `ports_at` from one, `ranges` from a range of
//! addresses; those of IPv6 end with a 6.

use crate::model::{DriverKind, Plugged, Publish, Sandbox, SandboxId, State, gateway, gateway6};
use crate::plan::nft::{
    Datum, Field, Key, Map, Onto, Rule, Statement, Table, Type, Value, ValueType,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

/// The chain that asks the maps.
pub(super) const PUBLISHED: &str = "published";

/// What one of the maps is asked by.
#[derive(Clone, Copy)]
enum By {
    /// Protocol and port: what most are published by, so it is asked first. No two maps have an answer to one packet.
    Any,
    /// Address, protocol and port.
    At,
    /// Ranges of the three.
    Range,
}

impl By {
    const ALL: [Self; 3] = [Self::Any, Self::At, Self::Range];

    fn map(self, ipv6: bool) -> &'static str {
        match (self, ipv6) {
            (Self::Any, false) => "ports_any",
            (Self::At, false) => "ports_at",
            (Self::Range, false) => "ranges",
            (Self::Any, true) => "ports_any6",
            (Self::At, true) => "ports_at6",
            (Self::Range, true) => "ranges6",
        }
    }
}

/// Returns the maps, empty.
pub(super) fn maps() -> impl Iterator<Item = (String, Map)> {
    let of = |ipv6| By::ALL.map(|by| (by.map(ipv6).to_owned(), map(by, ipv6)));
    of(false).into_iter().chain(of(true))
}

fn map(by: By, ipv6: bool) -> Map {
    let address = if ipv6 { Type::Ipv6 } else { Type::Ipv4 };
    let key = [address, Type::Proto, Type::Port];
    let socket = ValueType::Data(vec![address, Type::Port]);
    match by {
        By::Any => Map::new(&key[1..], socket),
        By::At => Map::new(&key, socket),
        By::Range => Map { interval: true, ..Map::new(&key, ValueType::Data(vec![address])) },
    }
}

/// Returns the rules of [`PUBLISHED`].
pub(super) fn rules() -> Vec<Rule> {
    let of = |ipv6| By::ALL.map(|by| rule(by, ipv6));
    of(false).into_iter().chain(of(true)).collect()
}

fn rule(by: By, ipv6: bool) -> Rule {
    let onto = match (by, ipv6) {
        (By::Range, false) => Onto::Address4,
        (By::Range, true) => Onto::Address6,
        (By::Any | By::At, false) => Onto::Socket4,
        (By::Any | By::At, true) => Onto::Socket6,
    };
    let address = if ipv6 { Field::Destination6 } else { Field::Destination };
    let fields = [address, Field::Proto, Field::DestinationPort];
    let dnat = |fields: &[Field]| Statement::Dnat(onto, fields.to_vec(), by.map(ipv6).to_owned());
    match by {
        By::Any if ipv6 => Rule::from([Statement::Ipv6, dnat(&fields[1..])]),
        By::Any => Rule::from([Statement::Ipv4, dnat(&fields[1..])]),
        By::At | By::Range => Rule::from([dnat(&fields)]),
    }
}

/// Returns where a running sandbox's ports lead: to its address on the network that gives it its default route of that
/// family, so that answers come back. What leads nowhere is left out.
pub fn targets(state: &State, sandbox: SandboxId) -> impl Iterator<Item = (Publish, IpAddr)> {
    let sandbox = state.sandboxes.get(&sandbox);
    let endpoints = sandbox.map(|sandbox| state.endpoints_of(sandbox.id)).unwrap_or_default();
    sandbox.into_iter().flat_map(move |sandbox| leads(sandbox, &endpoints))
}

fn leads<'a>(
    sandbox: &'a Sandbox,
    endpoints: &[Plugged<'_>],
) -> impl Iterator<Item = (Publish, IpAddr)> + use<'a> {
    let ipv4 = target(gateway(endpoints), false);
    let ipv6 = target(gateway6(endpoints), true);
    let published = sandbox.publish.iter().filter(|_| sandbox.is_running());
    // To ::1 the kernel finds no way back.
    let ways =
        published.filter(|publish| !publish.host_ip.is_ipv6() || !publish.host_ip.is_loopback());
    ways.filter_map(move |publish| {
        Some((*publish, if publish.host_ip.is_ipv6() { ipv6 } else { ipv4 }?))
    })
}

fn target(gateway: Option<Plugged<'_>>, ipv6: bool) -> Option<IpAddr> {
    let (endpoint, _) = gateway.filter(|(_, network)| network.driver == DriverKind::Bridge)?;
    endpoint.addresses.iter().map(IpNet::addr).find(|address| address.is_ipv6() == ipv6)
}

/// Adds every running sandbox's ports.
pub(super) fn add(table: &mut Table, state: &State) {
    for (id, endpoints) in state.endpoints_of_each() {
        let Some(sandbox) = state.sandboxes.get(&id) else { continue };
        for (publish, target) in leads(sandbox, &endpoints) {
            if publish.count > 1 && publish.host_port == publish.port {
                add_range(table, &publish, target);
            } else {
                publish.singles().for_each(|single| add_single(table, &single, target));
            }
        }
    }
}

fn add_range(table: &mut Table, publish: &Publish, target: IpAddr) {
    let host = match publish.host_ip {
        IpAddr::V4(ip) if ip.is_unspecified() => IpNet::V4(Ipv4Net::default()),
        IpAddr::V6(ip) if ip.is_unspecified() => IpNet::V6(Ipv6Net::default()),
        ip => ip.into(),
    };
    let ports = publish.host_ports();
    let ports = Datum::Ports(ports.first(), ports.last());
    let key = vec![Datum::Subnet(host), Datum::Proto(publish.proto), ports];
    insert(table, By::Range.map(target.is_ipv6()), key, Value::Data(vec![address(target)]));
}

fn add_single(table: &mut Table, publish: &Publish, target: IpAddr) {
    let port = [Datum::Proto(publish.proto), Datum::Port(publish.host_port)];
    let (by, key) = match publish.host_ip.is_unspecified() {
        true => (By::Any, Key::from(port)),
        false => (By::At, [address(publish.host_ip)].into_iter().chain(port).collect()),
    };
    let value = Value::Data(vec![address(target), Datum::Port(publish.port)]);
    insert(table, by.map(target.is_ipv6()), key, value);
}

fn insert(table: &mut Table, map: &str, key: Key, value: Value) {
    let map = table.maps.get_mut(map).expect("every map of ports is in the table");
    map.elements.insert(key, value);
}

fn address(address: IpAddr) -> Datum {
    match address {
        IpAddr::V4(address) => Datum::Ipv4(address),
        IpAddr::V6(address) => Datum::Ipv6(address),
    }
}
