use super::*;
use crate::api::call::NameItem;
use crate::model::*;
use std::collections::BTreeMap;

fn id<T: From<Id>>(byte: u8) -> T {
    Id::from_bytes([byte; 32]).into()
}

fn state(internal: bool) -> State {
    let network = Network {
        id: id(0xa1),
        name: "localnet".parse().unwrap(),
        driver: DriverKind::Bridge,
        created: 1_764_000_000_123,
        predefined: false,
        internal,
        bridge: Some("br-a1".parse().unwrap()),
        subnets: vec![Subnet {
            net: "172.18.0.0/16".parse().unwrap(),
            gateway: "172.18.0.1".parse().unwrap(),
            ip_range: None,
            aux: BTreeMap::new(),
        }],
        given_options: BTreeMap::new(),
        options: NetworkOptions {
            masquerade: true,
            mtu: 1500,
            ttl: 5,
            own_domain: false,
            ..NetworkOptions::default()
        },
        labels: BTreeMap::new(),
    };
    let publish = |host_port, port| Publish {
        count: 1,
        host_ip: "0.0.0.0".parse().unwrap(),
        host_port,
        port,
        proto: Proto::Tcp,
    };
    let sandbox = Sandbox {
        id: id(0xb2),
        name: "web".parse().unwrap(),
        created: 0,
        origin: Origin::Init(77),
        netns: (4, 5),
        shares: None,
        status: Status::Running,
        config: Config {
            hostname: "b2b2b2b2b2b2".into(),
            network_mode: "localnet".into(),
            exposed: vec![Exposed { port: 22, proto: Proto::Tcp }],
            ..Default::default()
        },
        dns: DnsConfig::default(),
        extra_hosts: vec![ExtraHost {
            name: "up".parse().unwrap(),
            target: HostTarget::HostGateway,
        }],
        publish: vec![publish(5000, 80), publish(5001, 80)],
    };
    let endpoint = Endpoint {
        id: id(0xc3),
        network: network.id,
        sandbox: sandbox.id,
        host_link: "vethc3".parse().unwrap(),
        link: "eth0".parse().unwrap(),
        mac: "02:00:00:00:00:01".parse().unwrap(),
        addresses: vec!["172.18.0.2/16".parse().unwrap(), "fd00::2/64".parse().unwrap()],
        aliases: vec!["www".parse().unwrap()],
        gw_priority: 0,
    };
    let entry = Registration {
        name: "db".parse().unwrap(),
        network: None,
        ttl: 60,
        created: 0,
        data: vec![Rdata::Txt(vec![b"x".to_vec()])],
    };
    let mut state = State::default();
    state.apply(&Change::AddNetwork(network));
    state.apply(&Change::AddSandbox(Box::new(sandbox), vec![endpoint]));
    state.apply(&Change::Register(entry));
    state
}

fn shown(state: &State) -> serde_json::Value {
    let found = state.sandbox("web").unwrap();
    serde_json::to_value(sandbox(state, found)).unwrap()
}

#[test]
fn times_are_those_of_the_calendar() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000000000Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999000000Z"),
        (1_764_000_000_123, "2025-11-24T16:00:00.123000000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000000000Z"),
    ] {
        assert_eq!(rfc3339(millis), text);
    }
}

#[test]
fn a_network_is_shown_in_dockers_shape() {
    let state = state(false);
    let found = state.network("localnet").unwrap();
    let shown = serde_json::to_value(network(&state, found)).unwrap();
    let (sandbox, endpoint) = ("b2".repeat(32), "c3".repeat(32));
    let expected = serde_json::json!({
        "Name": "localnet", "Id": "a1".repeat(32), "Created": "2025-11-24T16:00:00.123000000Z",
        "Scope": "local", "Driver": "bridge", "EnableIPv4": true, "EnableIPv6": false,
        "Internal": false, "Options": {}, "Labels": {},
        "IPAM": {
            "Driver": "default",
            "Config": [{ "Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1" }],
        },
        "Containers": { sandbox: {
            "Name": "web", "EndpointID": endpoint, "MacAddress": "02:00:00:00:00:01",
            "IPv4Address": "172.18.0.2/16", "IPv6Address": "fd00::2/64",
        } },
    });
    assert_eq!(shown, expected);
}

#[test]
fn a_sandbox_is_shown_with_its_ports_and_endpoints() {
    let shown = shown(&state(false));
    assert_eq!(shown["Name"], "web");
    assert_eq!(shown["State"]["Pid"], 77);
    assert_eq!(shown["HostConfig"]["NetworkMode"], "localnet");
    assert_eq!(shown["HostConfig"]["ExtraHosts"][0], "up:host-gateway");
    let settings = &shown["NetworkSettings"];
    assert_eq!(settings["SandboxKey"], "/proc/77/ns/net");
    let ports = serde_json::json!({
        "22/tcp": null,
        "80/tcp": [
            { "HostIp": "0.0.0.0", "HostPort": "5000" },
            { "HostIp": "0.0.0.0", "HostPort": "5001" },
        ],
    });
    assert_eq!(settings["Ports"], ports);
    let endpoint = &settings["Networks"]["localnet"];
    assert_eq!(endpoint["IPAddress"], "172.18.0.2");
    assert_eq!(endpoint["IPPrefixLen"], 16);
    assert_eq!(endpoint["Gateway"], "172.18.0.1");
    assert_eq!(endpoint["DNSNames"], serde_json::json!(["web", "www", "b2b2b2b2b2b2"]));
}

#[test]
fn an_internal_network_shows_no_gateway_to_its_sandboxes() {
    let shown = shown(&state(true));
    assert_eq!(shown["NetworkSettings"]["Networks"]["localnet"]["Gateway"], "");
}

#[test]
fn a_sandbox_that_has_ended_shows_its_code_and_no_place() {
    let mut state = state(false);
    state.apply(&Change::EndSandbox { id: id(0xb2), code: 137, at: 1_000 });
    let shown = shown(&state);
    assert_eq!(shown["State"]["Status"], "exited");
    assert_eq!(shown["State"]["ExitCode"], 137);
    assert_eq!(shown["State"]["Pid"], 0);
    assert_eq!(shown["State"]["FinishedAt"], "1970-01-01T00:00:01.000000000Z");
    assert_eq!(shown["NetworkSettings"]["Ports"], serde_json::json!({}));
    assert_eq!(shown["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"], "5000");
}

#[test]
fn names_are_listed_with_type_and_source() {
    let lines: Vec<String> = names(&state(false), std::iter::empty())
        .iter()
        .map(|item| {
            let source = serde_json::to_value(item.source).unwrap();
            let NameItem { name, network, r#type, data, ttl, sandbox, .. } = item;
            format!(
                "{name} {network} {} {data} {ttl} {} {sandbox}",
                r#type,
                source.as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "b2b2b2b2b2b2 localnet A 172.18.0.2 5 id web",
            "b2b2b2b2b2b2 localnet AAAA fd00::2 5 id web",
            "db * TXT \"x\" 60 manual ",
            "web localnet A 172.18.0.2 5 container web",
            "web localnet AAAA fd00::2 5 container web",
            "www localnet A 172.18.0.2 5 alias web",
            "www localnet AAAA fd00::2 5 alias web",
        ]
    );
}
