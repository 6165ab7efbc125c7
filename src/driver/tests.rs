use super::*;
use crate::model::{
    Change, Config, DnsConfig, DriverKind, Endpoint, EndpointId, Id, MacvlanMode, Network,
    NetworkOptions, Origin, Parent, Reach, Status, Subnet,
};
use std::collections::BTreeMap;

mod rules;
mod tables;

pub(super) fn id(n: u8) -> Id {
    Id::from_bytes([n; 32])
}

pub(super) fn network(n: u8, predefined: bool, internal: bool) -> Network {
    let net: ipnet::IpNet = format!("172.18.{n}.0/24").parse().unwrap();
    Network {
        id: id(n).into(),
        name: format!("net{n}").parse().unwrap(),
        driver: DriverKind::Bridge,
        created: 0,
        predefined,
        internal,
        bridge: Some(format!("br{n}").parse().unwrap()),
        subnets: vec![Subnet {
            net,
            gateway: format!("172.18.{n}.1").parse().unwrap(),
            ip_range: None,
            aux: BTreeMap::new(),
        }],
        given_options: BTreeMap::new(),
        options: NetworkOptions {
            masquerade: true,
            mtu: 1400,
            ttl: 0,
            own_domain: false,
            ..NetworkOptions::default()
        },
        labels: BTreeMap::new(),
    }
}

pub(super) fn endpoint(network: u8, link: &str) -> Endpoint {
    Endpoint {
        id: EndpointId(id(100 + network)),
        network: id(network).into(),
        sandbox: id(50).into(),
        host_link: format!("veth{network}").parse().unwrap(),
        link: link.parse().unwrap(),
        mac: "02:00:00:00:00:01".parse().unwrap(),
        addresses: vec![format!("172.18.{network}.2/24").parse().unwrap()],
        aliases: Vec::new(),
        gw_priority: 0,
    }
}

/// A network of both families, and an endpoint there.
fn dual(n: u8) -> (Network, Endpoint) {
    let (mut network, mut endpoint) = (network(n, false, false), endpoint(n, "eth0"));
    network.subnets.push(Subnet {
        net: format!("fd00:{n}::/64").parse().unwrap(),
        gateway: format!("fd00:{n}::1").parse().unwrap(),
        ip_range: None,
        aux: BTreeMap::new(),
    });
    endpoint.addresses.push(format!("fd00:{n}::2/64").parse().unwrap());
    (network, endpoint)
}

pub(super) fn state(networks: Vec<Network>, endpoints: Vec<Endpoint>) -> State {
    let mut state = State::default();
    for network in networks {
        state.apply(&Change::AddNetwork(network));
    }
    let sandbox = Sandbox {
        id: id(50).into(),
        name: "web".parse().unwrap(),
        created: 0,
        origin: Origin::Init(7),
        netns: (1, 2),
        shares: None,
        status: Status::Running,
        config: Config::default(),
        dns: DnsConfig::default(),
        extra_hosts: Vec::new(),
        publish: Vec::new(),
    };
    state.apply(&Change::AddSandbox(Box::new(sandbox), endpoints));
    state
}

#[test]
fn a_predefined_bridge_is_wanted_only_with_an_endpoint() {
    let idle = state(vec![network(1, true, false)], vec![]);
    let wanted_idle = wanted(&idle, &Scope::all(&idle));
    assert!(wanted_idle.bridges.is_empty() && !wanted_idle.forwarding);
    assert_eq!(wanted_idle.gone, BTreeSet::from(["br1".parse().unwrap()]));

    let used = state(vec![network(1, true, false)], vec![endpoint(1, "eth0")]);
    let wanted_used = wanted(&used, &Scope::all(&used));
    let bridge = &wanted_used.bridges[&"br1".parse().unwrap()];
    assert_eq!(bridge.addresses, ["172.18.1.1/24".parse().unwrap()]);
    assert!(wanted_used.gone.is_empty() && wanted_used.forwarding);
}

#[test]
fn a_sandbox_in_scope_brings_its_bridge_its_veth_and_its_default_route() {
    let state = state(
        vec![network(1, false, true), network(2, false, false)],
        vec![endpoint(1, "eth0"), endpoint(2, "eth1")],
    );
    let scope = Scope { sandboxes: [id(50).into()].into(), ..Scope::default() };
    let wanted = wanted(&state, &scope);
    assert_eq!(wanted.bridges.len(), 2);
    let veth = &wanted.veths[&"veth1".parse().unwrap()];
    assert_eq!((veth.bridge.as_str(), veth.link.as_str(), veth.mtu), ("br1", "eth0", 1400));
    let inside = &wanted.insides[&id(50).into()];
    // The internal network has no way out.
    let route = ("eth1".parse().unwrap(), "172.18.2.1".parse().unwrap());
    assert_eq!(inside.default_routes, [route]);
    assert!(inside.no_forwarding);
}

#[test]
fn an_internal_network_never_asks_for_forwarding() {
    let state = state(vec![network(1, false, true)], vec![endpoint(1, "eth0")]);
    let wanted = wanted(&state, &Scope::all(&state));
    assert!(!wanted.forwarding);
    assert!(wanted.insides[&id(50).into()].default_routes.is_empty());
}

#[test]
fn an_exited_sandbox_wants_nothing() {
    let mut state = state(vec![network(1, false, false)], vec![endpoint(1, "eth0")]);
    state.apply(&Change::EndSandbox { id: id(50).into(), code: 0, at: 1 });
    let scope = Scope { gone: ["veth1".parse().unwrap()].into(), ..Scope::all(&state) };
    let wanted = wanted(&state, &scope);
    assert!(wanted.veths.is_empty() && wanted.insides.is_empty());
    assert_eq!(wanted.gone, ["veth1".parse().unwrap()].into());
}

#[test]
fn ipv6_is_forwarded_for_networks_of_it_that_lead_somewhere() {
    let forwards = |networks: Vec<Network>| {
        let state = state(networks, vec![]);
        let wanted = wanted(&state, &Scope::all(&state));
        (wanted.forwarding, wanted.forwarding6)
    };
    let internal = || Network { internal: true, ..dual(1).0 };
    let mut apart = internal();
    apart.options.reach = Reach::Nothing;
    assert_eq!(forwards(vec![network(1, false, false)]), (true, false));
    assert_eq!(forwards(vec![internal()]), (false, false));
    assert_eq!(forwards(vec![internal(), network(2, false, false)]), (true, false));
    assert_eq!(forwards(vec![dual(1).0, network(2, false, false)]), (true, true));
    assert_eq!(forwards(vec![apart]), (true, true), "neighbours kept apart reach ports through us");
}

#[test]
fn a_link_that_is_wanted_is_not_among_those_to_be_gone() {
    let state = state(vec![network(1, false, false)], vec![endpoint(1, "eth0")]);
    let gone = ["br1", "veth1", "old"].map(|name| name.parse().unwrap());
    let wanted = wanted(&state, &Scope { gone: gone.into(), ..Scope::all(&state) });
    assert_eq!(wanted.gone, ["old".parse().unwrap()].into());
}

#[test]
fn the_host_answers_over_ipv6_for_neighbours_that_are_kept_apart_and_for_no_others() {
    let proxied = |reach| {
        let (mut network, endpoint) = dual(1);
        network.options.reach = reach;
        let state = state(vec![network], vec![endpoint]);
        let wanted = wanted(&state, &Scope::all(&state));
        let bridge = &wanted.bridges[&"br1".parse().unwrap()];
        let veth = &wanted.veths[&"veth1".parse().unwrap()];
        (bridge.proxied.clone(), bridge.apart, veth.apart)
    };
    assert_eq!(proxied(Reach::Open), ([].into(), false, false));
    for reach in [Reach::Exposed, Reach::Nothing] {
        assert_eq!(proxied(reach), (["fd00:1::2".parse().unwrap()].into(), true, true));
    }
}

#[test]
fn an_endpoint_on_a_macvlan_network_is_a_link_of_the_sandbox_and_none_of_the_host() {
    let parent = Parent { link: "up0".parse().unwrap(), mode: MacvlanMode::Bridge };
    let mut lan = network(1, false, false);
    (lan.driver, lan.bridge, lan.options.parent) =
        (DriverKind::Macvlan, None, Some(parent.clone()));
    let state = state(vec![lan], vec![endpoint(1, "eth0")]);
    let wanted = wanted(&state, &Scope::all(&state));
    let inside = &wanted.insides[&id(50).into()];
    let macvlan = &inside.macvlans[&"eth0".parse().unwrap()];
    assert_eq!((&macvlan.parent, macvlan.mtu), (&parent, 1400));
    assert_eq!(macvlan.addresses, ["172.18.1.2/24".parse().unwrap()]);
    assert_eq!(inside.default_routes, [("eth0".parse().unwrap(), "172.18.1.1".parse().unwrap())]);
    assert!(wanted.bridges.is_empty() && wanted.veths.is_empty() && !wanted.forwarding);
    assert_eq!(firewall::tables(&state), []);
}
