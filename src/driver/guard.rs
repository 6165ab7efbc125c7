//! What a sandbox may send as: one table at the bridges, whose rules are the same for every State.
//!
//! An endpoint is an element for each of its addresses: its port, its MAC, the address. What comes from a port of ours and
//! is not about one of its elements is dropped: another's MAC or address as a frame's or a packet's source, ARP and
//! neighbour discovery for another's address, VLAN tags within tags, protocols that are neither IP nor ARP. Router
//! advertisements, redirects and what goes to DHCP clients are dropped whoever sends them. Links of other groups, that
//! somebody plugged into a bridge, are not looked at.
//!
//! So a sandbox cannot forward what others send, on a network of ours: it must send it as itself (masquerade, a tunnel),
//! or be on a network that is not guarded (`netdns.guard=off`).

use crate::model::{DriverKind, Endpoint, Mac, Proto, State};
use crate::plan::nft::{
    Base, BaseKind, Chain, Datum, Family, Field, Hook, Is, Key, LINK_GROUP, Map, Neighbour, Rule,
    Statement, TABLE, Table, Type, Value, ValueType, Verdict,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

const OWN4: &str = "own4";
const OWN6: &str = "own6";
const FREE: &str = "free";
const DISCOVERY: &str = "discovery";
const DHCP_CLIENT: u16 = 68;
const DHCPV6_CLIENT: u16 = 546;

/// Before every chain that others put at a bridge, and before br_netfilter translates anything.
const FIRST: i32 = -350;

const ACCEPT: Statement = Statement::Verdict(Verdict::Accept);
const DROP: Statement = Statement::Verdict(Verdict::Drop);

/// Returns the table `bridge netdns`.
pub fn table(state: &State) -> Table {
    let mut table = Table {
        family: Family::Bridge,
        name: TABLE.to_owned(),
        owned: true,
        maps: sets(),
        chains: chains(),
    };
    for endpoint in state.endpoints.values() {
        let Some(network) = state.networks.get(&endpoint.network) else { continue };
        if network.driver != DriverKind::Bridge {
            continue;
        }
        for (set, key) in elements(endpoint, network.options.guard) {
            let set = table.maps.get_mut(set).expect("every set is there");
            set.elements.insert(key, Value::Nothing);
        }
    }
    table
}

fn elements(endpoint: &Endpoint, guarded: bool) -> Vec<(&'static str, Key)> {
    let port = || Datum::IfName(endpoint.host_link.clone());
    if !guarded {
        return vec![(FREE, vec![port()])];
    }
    let key = |address| vec![port(), Datum::Ether(endpoint.mac), address];
    own(endpoint).into_iter().map(|(set, address)| (set, key(address))).collect()
}

/// Returns what an endpoint may call its own. Where it has IPv6 its link-local address is one made of the MAC
/// (RFC 4291 appendix A).
fn own(endpoint: &Endpoint) -> Vec<(&'static str, Datum)> {
    let mut own: Vec<_> = endpoint
        .addresses
        .iter()
        .map(|address| match address.addr() {
            IpAddr::V4(address) => (OWN4, Datum::Ipv4(address)),
            IpAddr::V6(address) => (OWN6, Datum::Ipv6(address)),
        })
        .collect();
    if own.iter().any(|(set, _)| *set == OWN6) {
        own.push((OWN6, Datum::Ipv6(link_local(endpoint.mac))));
    }
    own
}

fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.bytes();
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

fn sets() -> BTreeMap<String, Map> {
    let set = |address| Map::new(&[Type::IfName, Type::Ether, address], ValueType::Nothing);
    let free = Map::new(&[Type::IfName], ValueType::Nothing);
    [(FREE, free), (OWN4, set(Type::Ipv4)), (OWN6, set(Type::Ipv6))]
        .map(|(name, set)| (name.to_owned(), set))
        .into()
}

fn chains() -> BTreeMap<String, Chain> {
    let base = Base { kind: BaseKind::Filter, hook: Hook::Prerouting, priority: FIRST };
    let chains = [
        ("prerouting", Chain { base: Some(base), rules: guard() }),
        (DISCOVERY, Chain { base: None, rules: discovery() }),
    ];
    chains.map(|(name, chain)| (name.to_owned(), chain)).into()
}

/// What is not accepted is dropped, also what is too short to be read. A fragment is judged by its addresses; the kernel
/// puts none together for neighbour discovery (RFC 6980), nor is the first of any so short that it has no port.
///
/// Nearly every frame is IPv4's and one's own: it meets one look-up. That a port is free is asked last.
fn guard() -> Vec<Rule> {
    let own4 =
        |ether, address| Statement::In(vec![Field::IifName, ether, address], OWN4.to_owned());
    let guarded = || Statement::NotIn(vec![Field::IifName], FREE.to_owned());
    let served = |port| Rule::from([Statement::DestinationPort(Proto::Udp, port), guarded(), DROP]);
    vec![
        Rule::from([Statement::IifGroup(Is::Other, LINK_GROUP), ACCEPT]),
        served(DHCP_CLIENT),
        Rule::from([own4(Field::EtherSource, Field::Source), ACCEPT]),
        served(DHCPV6_CLIENT),
        Rule::from([
            Statement::Icmp6,
            guarded(),
            Statement::Verdict(Verdict::Jump(DISCOVERY.to_owned())),
        ]),
        Rule::from([own6(Is::Equal, Field::Source6), ACCEPT]),
        Rule::from([
            own4(Field::EtherSource, Field::ArpSource),
            own4(Field::ArpEther, Field::ArpSource),
            ACCEPT,
        ]),
        Rule::from([Statement::In(vec![Field::IifName], FREE.to_owned()), ACCEPT]),
        Rule::from([DROP]),
    ]
}

fn discovery() -> Vec<Rule> {
    vec![
        Rule::from([Statement::Neighbour(Neighbour::RouterAdvertisement), DROP]),
        Rule::from([Statement::Neighbour(Neighbour::Redirect), DROP]),
        Rule::from([
            Statement::Neighbour(Neighbour::Advertisement),
            own6(Is::Other, Field::NeighbourTarget),
            DROP,
        ]),
    ]
}

fn own6(is: Is, address: Field) -> Statement {
    let fields = vec![Field::IifName, Field::EtherSource, address];
    match is {
        Is::Equal => Statement::In(fields, OWN6.to_owned()),
        Is::Other => Statement::NotIn(fields, OWN6.to_owned()),
    }
}
