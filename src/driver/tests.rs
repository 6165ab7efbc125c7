use super::*;
use crate::model::{
    Change, Config, DnsConfig, DriverKind, Endpoint, EndpointId, Id, Network, NetworkOptions,
    Origin, Status, Subnet,
};
use std::collections::BTreeMap;

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
