use super::*;
use crate::model::{
    Change, Config, DnsConfig, DriverKind, EndpointId, NetworkId, NetworkOptions, Origin, Proto,
    Publish, Rdata, Registration, Sandbox, Shares, Status, Subnet,
};
use std::collections::BTreeMap;

const OPEN: u8 = 1;
const INNER: u8 = 2;
const DEFAULT: u8 = 3;
const WEB: u8 = 50;

fn id<T: From<Id>>(n: u8) -> T {
    Id::from_bytes([n; 32]).into()
}

fn network(n: u8, name: &str) -> Network {
    let subnet = Subnet {
        net: format!("172.18.{n}.0/24").parse().unwrap(),
        gateway: format!("172.18.{n}.1").parse().unwrap(),
        ip_range: None,
        aux: BTreeMap::new(),
    };
    let route = format!("net{n}.example=192.0.2.{n}").parse().unwrap();
    Network {
        id: id(n),
        name: name.parse().unwrap(),
        driver: DriverKind::Bridge,
        created: 0,
        predefined: n == DEFAULT,
        internal: n == INNER,
        bridge: None,
        subnets: vec![subnet],
        given_options: BTreeMap::new(),
        options: NetworkOptions { ttl: 7, routes: vec![route], ..NetworkOptions::default() },
        labels: BTreeMap::new(),
    }
}

fn endpoint(n: u8) -> Endpoint {
    Endpoint {
        id: EndpointId(Id::from_bytes([100 + n; 32])),
        network: id(n),
        sandbox: id(WEB),
        host_link: format!("veth{n}").parse().unwrap(),
        link: "eth0".parse().unwrap(),
        mac: "02:00:00:00:00:01".parse().unwrap(),
        addresses: vec![format!("172.18.{n}.2/24").parse().unwrap()],
        aliases: vec!["www".parse().unwrap(), "WEB".parse().unwrap()],
        gw_priority: 0,
    }
}

fn sandbox() -> Sandbox {
    Sandbox {
        id: id(WEB),
        name: "web".parse().unwrap(),
        created: 0,
        origin: Origin::Init(7),
        netns: (1, 2),
        shares: None,
        status: Status::Running,
        config: Config { hostname: "shop".into(), ..Config::default() },
        dns: DnsConfig::default(),
        extra_hosts: Vec::new(),
        publish: Vec::new(),
    }
}

/// Returns the State of one sandbox on networks: an open one, an internal one, the default one.
fn state(sandbox: Sandbox, networks: &[u8]) -> State {
    let mut state = State::default();
    for (n, name) in [(OPEN, "front"), (INNER, "back"), (DEFAULT, "bridge")] {
        state.apply(&Change::AddNetwork(network(n, name)));
    }
    let endpoints = networks.iter().map(|n| endpoint(*n)).collect();
    state.apply(&Change::AddSandbox(Box::new(sandbox), endpoints));
    state
}

fn with_dns(servers: &[&str], routes: &[&str]) -> Sandbox {
    let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
    let routes = routes.iter().map(|route| route.parse().unwrap()).collect();
    Sandbox { dns: DnsConfig { servers, routes, ..DnsConfig::default() }, ..sandbox() }
}

fn inside(servers: &[&str]) -> Forward {
    Forward::Inside(servers.iter().map(|server| server.parse().unwrap()).collect())
}

#[test]
fn an_endpoint_has_its_sandboxs_name_aliases_short_id_and_hostname_each_once() {
    let state = state(sandbox(), &[OPEN]);
    let endpoint = endpoint_names(&state, &endpoint(OPEN)).unwrap();
    let names: Vec<_> =
        endpoint.names.iter().map(|(name, source)| (name.as_str(), *source)).collect();
    assert_eq!(
        names,
        [
            ("web", Source::Container),
            ("www", Source::Alias),
            ("323232323232", Source::Id),
            ("shop", Source::Hostname),
        ]
    );
    assert_eq!(endpoint.addresses, ["172.18.1.2".parse::<IpAddr>().unwrap()]);
}

#[test]
fn on_a_network_without_names_an_endpoint_has_none() {
    let state = state(sandbox(), &[DEFAULT]);
    assert_eq!(endpoint_names(&state, &endpoint(DEFAULT)), None);
    assert!(!network_names(&state.networks[&id(DEFAULT)]).named);
    assert_eq!(sandbox_view(&state, id(WEB)).networks, []);
}

#[test]
fn a_network_is_told_with_its_subnets_ttl_and_domain() {
    let mut network = network(OPEN, "front");
    network.options.own_domain = true;
    let names = network_names(&network);
    assert!(names.named && names.own_domain);
    assert_eq!((names.ttl, names.domain), (7, "front".parse().ok()));
    assert_eq!(names.subnets, ["172.18.1.0/24".parse::<IpNet>().unwrap()]);
}

#[test]
fn exposed_and_published_ports_are_services_once_and_of_thousands_the_first() {
    let tcp = |port| Exposed { port, proto: Proto::Tcp };
    let mut sandbox = sandbox();
    sandbox.config.exposed = vec![tcp(80), tcp(443)];
    let host_ip = IpAddr::from([0, 0, 0, 0]);
    let publish =
        |port, count| Publish { host_ip, host_port: port, port, proto: Proto::Tcp, count };
    sandbox.publish = vec![publish(80, 2)];
    let mut state = state(sandbox.clone(), &[]);
    assert_eq!(services(&state, id(WEB)), [tcp(80), tcp(81), tcp(443)]);
    // What runs in its namespace is served there; what has ended is not.
    let mut side = Sandbox { shares: Some(Shares::Sandbox(id(WEB))), ..self::sandbox() };
    for (n, status) in [(51, Status::Running), (52, Status::Exited { code: 0, at: 0 })] {
        (side.id, side.status) = (id(n), status);
        side.config.exposed = vec![tcp(9000 + u16::from(n))];
        state.apply(&Change::AddSandbox(Box::new(side.clone()), Vec::new()));
    }
    assert_eq!(services(&state, id(WEB)), [tcp(80), tcp(81), tcp(443), tcp(9051)]);
    sandbox.publish = vec![publish(1000, 5000)];
    let services = services(&self::state(sandbox, &[]), id(WEB));
    assert_eq!((services.len(), services.contains(&tcp(1000))), (256, true));
}

#[test]
fn who_is_on_internal_networks_alone_asks_nobody() {
    let forward = |networks: &[u8]| forward_of(&state(sandbox(), networks), id(WEB));
    assert_eq!(forward(&[INNER]), Forward::Nobody);
    assert_eq!(forward(&[]), Forward::Nobody);
    assert_eq!(forward(&[INNER, OPEN]), Forward::Host);
}

#[test]
fn an_own_server_is_asked_from_inside_and_on_internal_networks_only_if_it_is_a_neighbour() {
    let own = ["192.0.2.9", "172.18.2.9", "172.18.2.1"];
    let forward = |servers: &[&str], networks: &[u8]| {
        forward_of(&state(with_dns(servers, &[]), networks), id(WEB))
    };
    assert_eq!(forward(&own, &[OPEN]), inside(&own));
    // The gateway of an internal network is the host, which would ask others.
    assert_eq!(forward(&own, &[INNER]), inside(&["172.18.2.9"]));
    assert_eq!(forward(&own[..1], &[INNER]), Forward::Nobody);
}

#[test]
fn routes_are_as_far_as_the_servers_that_they_lead_to() {
    let routes = ["corp.example=192.0.2.9,172.18.2.9", "far.example=192.0.2.9"];
    let view = |networks: &[u8]| sandbox_view(&state(with_dns(&[], &routes), networks), id(WEB));
    let texts = |routes: Vec<Route>| routes.iter().map(Route::to_string).collect::<Vec<_>>();
    let outer = view(&[OPEN, INNER]);
    assert_eq!(texts(outer.inside_routes), routes);
    let of_networks = ["net2.example=192.0.2.2", "net1.example=192.0.2.1"];
    assert_eq!(texts(outer.host_routes.unwrap()), of_networks);
    let inner = view(&[INNER]);
    assert_eq!(texts(inner.inside_routes), ["corp.example=172.18.2.9"]);
    assert_eq!(inner.host_routes, None);
}

#[test]
fn a_sandbox_sees_its_networks_in_order_and_the_first_gateway_as_the_host() {
    let view = sandbox_view(&state(sandbox(), &[OPEN, INNER, DEFAULT]), id(WEB));
    assert_eq!(view.id, id(WEB));
    assert_eq!(view.networks, [id::<NetworkId>(INNER), id(OPEN)]);
    assert_eq!(view.host, ["172.18.2.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn a_member_of_one_network_sees_that_network_and_asks_as_it_may() {
    let outer = member_view(&network(OPEN, "front"));
    assert_eq!((outer.networks, outer.forward), (vec![id(OPEN)], Forward::Host));
    assert_eq!(outer.host_routes.map(|routes| routes.len()), Some(1));
    assert_eq!(outer.host, ["172.18.1.1".parse::<IpAddr>().unwrap()]);
    let inner = member_view(&network(INNER, "back"));
    assert_eq!((inner.forward, inner.host_routes), (Forward::Nobody, None));
    assert_eq!(member_view(&network(DEFAULT, "bridge")).networks, []);
}

#[test]
fn a_snapshot_names_networks_then_endpoints_then_records_then_running_sandboxes() {
    let mut state = state(sandbox(), &[OPEN, DEFAULT]);
    let ended = Sandbox { id: id(51), name: "ended".parse().unwrap(), ..sandbox() };
    state.apply(&Change::AddSandbox(Box::new(ended), Vec::new()));
    state.apply(&Change::EndSandbox { id: id(51), code: 0, at: 1 });
    let record = Registration {
        name: "files".parse().unwrap(),
        network: None,
        ttl: 60,
        created: 0,
        data: vec![Rdata::A([10, 9, 9, 9].into())],
    };
    state.apply(&Change::Register(record.clone()));
    let network = |n: u8| Update::PutNetwork(network_names(&state.networks[&id(n)]));
    assert_eq!(
        snapshot(&state),
        [
            network(OPEN),
            network(INNER),
            network(DEFAULT),
            Update::PutEndpoint(endpoint_names(&state, &endpoint(OPEN)).unwrap()),
            Update::PutRecord(record),
            Update::PutSandbox(sandbox_view(&state, id(WEB))),
        ]
    );
}
