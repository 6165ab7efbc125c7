use super::*;

fn world() -> World {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    world
}

fn port(host_port: Option<u16>, host_ip: Option<&str>) -> PublishRequest {
    let host_ip = host_ip.map(|ip| ip.parse().unwrap());
    let host = host_port.map(PortRange::from);
    PublishRequest { host_ip, host, ports: 80.into(), proto: Proto::Tcp }
}

fn publishing(name: &str, publish: &[PublishRequest]) -> RunRequest {
    RunRequest { publish: publish.to_vec(), ..sandbox(name, &[on("n")]) }
}

#[test]
fn the_first_sandbox_of_a_network_gets_its_second_address() {
    let ran = world().run(sandbox("demo1", &[on("n")])).unwrap();
    assert_eq!(ran.address(), "172.18.0.2/16");
    let endpoint = &ran.endpoints[0];
    assert_eq!(endpoint.host_link.as_str(), format!("veth{}", endpoint.id.prefix(7)));
    assert_eq!(endpoint.mac.bytes()[0] & 3, 2, "locally administered and unicast");
    assert_eq!(ran.sandbox.config.hostname, ran.sandbox.id.short());
}

#[test]
fn links_are_numbered_in_the_order_of_the_networks_given() {
    let mut world = world();
    world.create(network("m")).unwrap();
    let ran = world.run(sandbox("a", &[on("n"), on("m")])).unwrap();
    let links: Vec<&str> = ran.endpoints.iter().map(|e| e.link.as_str()).collect();
    assert_eq!(links, ["eth0", "eth1"]);
    let leaving = disconnect(&world.state, "n", "a").unwrap();
    world.state.apply(&Change::RemoveEndpoint(leaving.id));
    assert_eq!(world.connect(on("bridge"), "a").unwrap().link.as_str(), "eth0", "the lowest free");
}

#[test]
fn a_repeated_attach_returns_what_is_recorded() {
    let mut world = world();
    let request = sandbox("a", &[on("n")]);
    let Attachment::New(first) = world.attach_at(request.clone(), 9).unwrap() else { panic!() };
    let id = first.noun.0.id;
    assert_eq!(world.attach_at(request.clone(), 9), Ok(Attachment::Existing(id)));
    assert_eq!(
        text(world.attach_at(request, 10)),
        format!("Conflict. The name \"a\" is already in use by sandbox \"{id}\"")
    );
    for other in ["b", ""] {
        let refusal = text(world.attach_at(sandbox(other, &[]), 9));
        assert_eq!(refusal, "the namespace is already sandbox a");
    }
}

#[test]
fn a_stopped_sandbox_keeps_its_name_but_not_its_address() {
    let mut world = world();
    let first = world.run(sandbox("a", &[on("n")])).unwrap();
    world.end("a");
    assert!(text(world.run(sandbox("a", &[on("n")]))).starts_with("Conflict. The name \"a\""));
    assert_eq!(world.run(sandbox("b", &[on("n")])).unwrap().address(), first.address());
}

#[test]
fn a_name_is_made_up_when_none_is_given() {
    let mut world = world();
    let names: std::collections::BTreeSet<String> =
        (0..40).map(|_| world.run(sandbox("", &[])).unwrap().sandbox.name.to_string()).collect();
    assert_eq!(names.len(), 40);
    let always_the_same = || [0; 32];
    let mut state = State::default();
    for expected in ["amber_acorn", "amber_acorn2", "amber_acorn3"] {
        let name = names::make_up(&state, &always_the_same).unwrap();
        assert_eq!(name.as_str(), expected);
        let mut ran = world.run(sandbox("", &[])).unwrap().sandbox;
        ran.name = name;
        state.apply(&Change::AddSandbox(Box::new(ran), Vec::new()));
    }
}

#[test]
fn the_default_network_has_neither_aliases_nor_chosen_addresses() {
    let mut world = world();
    let alias = EndpointRequest { aliases: vec!["web".parse().unwrap()], ..on("bridge") };
    let ip = EndpointRequest { ip: Some([172, 17, 0, 9].into()), ..on("bridge") };
    let alias_words = "network-scoped aliases are only supported for user-defined networks";
    let ip_words = "user-specified IP address is supported on user-defined networks only";
    assert_eq!(text(world.run(sandbox("a", &[alias]))), alias_words);
    assert_eq!(text(world.run(sandbox("a", &[ip]))), ip_words);
}

#[test]
fn none_stands_alone_and_an_adopted_namespace_shares_no_other() {
    let mut world = world();
    assert!(world.run(sandbox("a", &[on("none")])).unwrap().endpoints.is_empty());
    let private = "container cannot be connected to multiple networks with one of the networks in private (none) mode";
    assert_eq!(text(world.run(sandbox("b", &[on("n"), on("none")]))), private);
    let only_run = "only netdns run can share a namespace: --network host and container:NAME";
    assert_eq!(text(world.run(sandbox("b", &[on("host")]))), only_run);
    assert_eq!(text(world.run(sandbox("b", &[on("container:a")]))), only_run);
    assert_eq!(
        text(world.run(sandbox("b", &[on("n"), on("n")]))),
        "endpoint with name b already exists in network n"
    );
}

#[test]
fn an_address_that_is_asked_for_must_be_free_and_inside() {
    let mut world = world();
    let ip = |text: &str| EndpointRequest { ip: Some(text.parse().unwrap()), ..on("n") };
    assert_eq!(world.run(sandbox("a", &[ip("172.18.7.7")])).unwrap().address(), "172.18.7.7/16");
    for (address, words) in [
        ("172.18.7.7", "Address already in use"),
        ("172.18.0.1", "Address already in use"),
        ("10.0.0.1", "no configured subnet contains IP address 10.0.0.1"),
        ("172.18.255.255", "172.18.255.255 is the network or broadcast address of 172.18.0.0/16"),
    ] {
        assert_eq!(text(world.run(sandbox("b", &[ip(address)]))), words);
    }
    let aux = ["10.9.0.7", "10.9.0.8"].map(|ip| (format!("host{}", &ip[7..]), ip.parse().unwrap()));
    let subnets = vec!["10.9.0.0/24".parse().unwrap()];
    world.create(NetworkRequest { subnets, aux: aux.into(), ..network("lan") }).unwrap();
    for (network, address, owner) in [
        ("n", "172.18.7.7", "sandbox a"),
        ("n", "172.18.0.1", "the gateway of network n"),
        ("lan", "10.9.0.7", "aux-address host7 of network lan"),
        ("lan", "10.9.0.8", "aux-address host8 of network lan"),
    ] {
        let asked = EndpointRequest { ip: Some(address.parse().unwrap()), ..on(network) };
        let hint = world.run(sandbox("b", &[asked])).err().unwrap().hint();
        assert_eq!(hint.unwrap(), format!("{address} belongs to {owner}"));
    }
}

#[test]
fn a_link_layer_address_is_unique_on_its_network() {
    let mut world = world();
    let mac = EndpointRequest { mac: Some("02:00:00:00:00:01".parse().unwrap()), ..on("n") };
    world.run(sandbox("a", std::slice::from_ref(&mac))).unwrap();
    let refusal = text(world.run(sandbox("b", &[mac])));
    assert_eq!(refusal, "MAC address 02:00:00:00:00:01 is already in use on network n");
}

#[test]
fn an_alias_that_is_another_sandboxs_name_is_granted_with_a_warning() {
    let mut world = world();
    world.run(sandbox("web", &[on("n")])).unwrap();
    let alias = EndpointRequest { aliases: vec!["WEB".parse().unwrap()], ..on("n") };
    let warnings = world.run(sandbox("b", &[alias])).unwrap().warnings;
    assert_eq!(warnings, ["\"web\" is also the name of a sandbox on network n: both answer to it"]);
    let reserved = EndpointRequest { aliases: vec!["localhost".parse().unwrap()], ..on("n") };
    assert!(text(world.run(sandbox("c", &[reserved]))).contains("is reserved"));
}

#[test]
fn a_host_port_belongs_to_one_running_sandbox() {
    let mut world = world();
    let ran = world.run(publishing("web", &[port(Some(5000), None)])).unwrap();
    assert_eq!(ran.sandbox.publish[0].to_string(), "0.0.0.0:5000->80/tcp");
    let again = world.run(publishing("b", &[port(Some(5000), Some("127.0.0.1"))])).err().unwrap();
    assert_eq!(again.to_string(), "Bind for 127.0.0.1:5000 failed: port is already allocated");
    assert_eq!(again.hint().unwrap(), "sandbox web publishes it");
    let twice = publishing("b", &[port(Some(6000), None), port(Some(6000), None)]);
    let twice = world.run(twice).err().unwrap();
    assert_eq!(twice.to_string(), "Bind for 0.0.0.0:6000 failed: port is already allocated");
    assert_eq!(twice.hint().unwrap(), "it is asked for twice");
    let over = world.run(publishing("b", &[range(Some("4998-5001"), "80-83")])).err().unwrap();
    let Refusal::PortAllocated { publish, .. } = over else { panic!("{over:?}") };
    assert_eq!((publish.host_port, publish.count), (5000, 1), "the one that is taken");
    world.end("web");
    world.run(publishing("b", &[port(Some(5000), None)])).unwrap();
}

#[test]
fn a_missing_host_port_is_chosen_from_the_ephemeral_range_until_it_is_used_up() {
    let mut world = world();
    let mut chosen: Vec<u16> = (0..4)
        .map(|_| {
            world.run(publishing("", &[port(None, None)])).unwrap().sandbox.publish[0].host_port
        })
        .collect();
    chosen.sort_unstable();
    assert_eq!(chosen, [40_000, 40_001, 40_002, 40_003]);
    let full = text(world.run(publishing("", &[port(None, None)])));
    assert_eq!(full, "no free tcp port in the host's ephemeral range");
}

#[test]
fn a_port_that_a_stranger_holds_is_not_chosen() {
    let world = world();
    let busy = |publish: &Publish| ![40_000, 40_002].contains(&publish.host_port);
    let reserved = PortSet::parse("40000");
    let ports = Ports { range: (40_000, 40_003), reserved: &reserved, busy: &busy, ipv6: false };
    let request = publishing("a", &[port(None, None)]);
    let Attachment::New(new) = attach(&world.given(), &request, (4, 1), &ports).unwrap() else {
        panic!("nothing was attached before")
    };
    assert_eq!(new.noun.0.publish[0].host_port, 40_002);
}

#[test]
fn a_port_of_sctp_is_chosen_without_a_socket() {
    let world = world();
    let (busy, reserved) = (|_: &Publish| true, PortSet::default());
    let ports = Ports { range: (40_000, 40_000), reserved: &reserved, busy: &busy, ipv6: false };
    let chosen = |proto| {
        let request = publishing("a", &[PublishRequest { proto, ..port(None, None) }]);
        attach(&world.given(), &request, (4, 1), &ports).map(|attachment| match attachment {
            Attachment::New(new) => new.noun.0.publish[0].host_port,
            Attachment::Existing(_) => panic!("nothing was attached before"),
        })
    };
    assert_eq!(chosen(Proto::Sctp), Ok(40_000));
    assert_eq!(chosen(Proto::Udp), Err(Refusal::NoFreePort(Proto::Udp)));
}

#[test]
fn the_address_after_the_last_one_is_given_next() {
    let mut world = world();
    let id = world.state.network("n").unwrap().id;
    world.cursor.insert(id, vec!["172.18.0.9".parse().unwrap()]);
    let given = world.run(sandbox("a", &[on("n")])).unwrap().address();
    assert_eq!(given, "172.18.0.10/16");
}

#[test]
fn publishing_on_internal_networks_alone_is_granted_with_a_warning() {
    let mut world = World::new();
    world.create(NetworkRequest { internal: true, ..network("n") }).unwrap();
    let warnings = world.run(publishing("a", &[port(Some(80), None)])).unwrap().warnings;
    assert_eq!(warnings, ["a publishes ports but is on no network that has a way in"]);
}

#[test]
fn connect_and_disconnect_refuse_what_cannot_be() {
    let mut world = world();
    world.run(sandbox("a", &[])).unwrap();
    let host =
        "cannot connect container to host network - container must be created in host network mode";
    assert_eq!(text(world.connect(on("host"), "a")), host);
    assert!(text(world.connect(on("none"), "a")).contains("private (none) mode"));
    assert_eq!(
        text(disconnect(&world.state, "n", "a")),
        "container a is not connected to network n"
    );
    world.connect(on("n"), "a").unwrap();
    assert_eq!(
        text(world.connect(on("n"), "a")),
        "endpoint with name a already exists in network n"
    );
    world.end("a");
    assert_eq!(text(world.connect(on("n"), "a")), "sandbox a is not running");
    assert_eq!(text(world.connect(on("n"), "x")), "No such sandbox: x");
}

#[test]
fn a_running_sandbox_is_removed_by_force_alone_and_an_adopted_one_is_detached() {
    let mut world = world();
    world.run(sandbox("own", &[])).unwrap();
    world.run(RunRequest { attach: AttachTo::Pid(9), ..sandbox("adopted", &[]) }).unwrap();
    let state = &world.state;
    assert_eq!(text(remove_sandbox(state, "own", false)), "sandbox own is running");
    assert!(remove_sandbox(state, "own", true).is_ok());
    let adopted = "sandbox adopted is an attached namespace: netdns does not own its processes";
    assert_eq!(text(remove_sandbox(state, "adopted", true)), adopted);
    assert_eq!(text(stop(state, "adopted")), adopted);
    assert_eq!(text(detach(state, "own")), "sandbox own was not attached but started by netdns");
    assert!(detach(state, "adopted").unwrap().is_some());
    assert_eq!(detach(state, "unknown"), Ok(None));
}

fn range(host: Option<&str>, ports: &str) -> PublishRequest {
    PublishRequest {
        host: host.map(|host| host.parse().unwrap()),
        ports: ports.parse().unwrap(),
        ..port(None, None)
    }
}

#[test]
fn ranges_lead_port_by_port_to_as_many_or_to_one_that_is_chosen() {
    let mut world = world();
    let shown = |ran: Ran| ran.sandbox.publish.iter().map(Publish::to_string).collect::<Vec<_>>();
    let ran = world.run(publishing("web", &[range(Some("8000-8999"), "7000-7999")])).unwrap();
    assert_eq!(shown(ran), ["0.0.0.0:8000-8999->7000-7999/tcp"]);
    let ran = world.run(publishing("b", &[range(Some("8998-9001"), "80")])).unwrap();
    assert_eq!(shown(ran), ["0.0.0.0:9000->80/tcp"], "the first that is free");
    let full = world.run(publishing("c", &[range(Some("8998-9000"), "80")])).err().unwrap();
    assert_eq!(
        full.to_string(),
        "Bind for 0.0.0.0 failed: all ports of 8998-9000 are already allocated"
    );
    let one = world.run(publishing("c", &[range(Some("8999"), "80")])).err().unwrap();
    assert_eq!(one.to_string(), "Bind for 0.0.0.0:8999 failed: port is already allocated");
    assert_eq!(one.hint().unwrap(), "sandbox web publishes it");
    let unequal = text(world.run(publishing("c", &[range(Some("1-3"), "80-81")])));
    assert_eq!(unequal, "invalid ranges specified for container and host Ports: 80-81 and 1-3");
    let ran = world.run(publishing("d", &[range(None, "80-82")])).unwrap();
    let mut hosts: Vec<u16> = ran.sandbox.publish.iter().map(|publish| publish.host_port).collect();
    hosts.sort_unstable();
    assert!(hosts.len() == 3 && hosts.windows(2).all(|pair| pair[0] < pair[1]), "{hosts:?}");
}

#[test]
fn every_exposed_port_is_published_that_is_not_named() {
    let mut world = world();
    let exposed = |port| Exposed { port, proto: Proto::Tcp };
    let mut request =
        RunRequest { publish_all: true, ..publishing("web", &[port(Some(5000), None)]) };
    // As a person may type them: in any order, one twice.
    request.config.exposed = [82, 80, 81, 80].map(exposed).into();
    let published = world.run(request).unwrap().sandbox.publish;
    assert_eq!(published.iter().map(|publish| publish.port).collect::<Vec<_>>(), [80, 81, 82]);
    assert_eq!(published[0].host_port, 5000);
    assert!(published[1..].iter().all(|publish| (40_000..=40_003).contains(&publish.host_port)));
}

#[test]
fn a_port_of_every_address_is_both_families_where_the_sandbox_has_both() {
    let mut world = world();
    world.create(NetworkRequest { ipv6: true, ..network("dual") }).unwrap();
    let on_dual = |name: &str, publish: &[PublishRequest]| RunRequest {
        publish: publish.to_vec(),
        ..sandbox(name, &[on("dual")])
    };
    let ran = world.run(on_dual("a", &[port(Some(5000), None)])).unwrap();
    let shown: Vec<String> = ran.sandbox.publish.iter().map(Publish::to_string).collect();
    assert_eq!(shown, ["0.0.0.0:5000->80/tcp", "[::]:5000->80/tcp"]);
    assert_eq!(held(&ran.sandbox.publish).count(), 1, "one socket of both families");
    for address in ["::", "::1", "127.0.0.1", "fd00::1"] {
        let taken = text(world.run(on_dual("b", &[port(Some(5000), Some(address))])));
        assert!(taken.contains("already allocated"), "{address}: {taken}");
    }
    let six = [port(Some(6000), Some("::1")), port(Some(6000), Some("127.0.0.1"))];
    let ran = world.run(on_dual("c", &six)).unwrap();
    assert_eq!(held(&ran.sandbox.publish).count(), 2);
    world.run(on_dual("d", &[port(Some(7000), Some("::"))])).unwrap();
    world.run(on_dual("e", &[port(Some(7000), Some("127.0.0.1"))])).unwrap();
    let link_local = text(world.run(on_dual("f", &[port(Some(1), Some("fe80::1"))])));
    assert_eq!(
        link_local,
        "ports cannot be published on fe80::1: a sandbox has no way back to a link-local address"
    );
    for (many, kind) in
        [("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("255.255.255.255", "broadcast")]
    {
        let refused = text(world.run(on_dual("f", &[port(Some(1), Some(many))])));
        assert_eq!(refused, format!("ports cannot be published on {many}: it is a {kind} address"));
    }
}

#[test]
fn a_way_to_a_port_that_the_kernel_does_not_have_is_said() {
    let mut world = world();
    world.create(NetworkRequest { ipv6: true, ..network("dual") }).unwrap();
    let mut said = |name: &str, network: &str, address: Option<&str>, ipv6| {
        world.ipv6 = ipv6;
        let publish = vec![port(Some(5000), address)];
        let ran = world.run(RunRequest { publish, ..sandbox(name, &[on(network)]) }).unwrap();
        world.end(name);
        ran.warnings.join("\n")
    };
    assert_eq!(said("a", "n", None, false), "");
    assert_eq!(said("b", "n", Some("0.0.0.0"), true), "");
    assert!(said("c", "n", None, true).starts_with("the ports of c are not reached over IPv6:"));
    assert!(
        said("d", "n", Some("::"), false).starts_with("the ports of d are not reached over IPv6:")
    );
    assert!(
        said("e", "dual", None, false).starts_with("the ports of e are not reached through [::1]:")
    );
    assert!(
        said("f", "dual", Some("::1"), true)
            .starts_with("the ports of f are not reached through [::1]:")
    );
    assert_eq!(said("g", "dual", Some("fd00::1"), true), "");
}
