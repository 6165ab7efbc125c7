use super::*;
use ipnet::IpNet;

fn with_subnet(name: &str, subnet: &str) -> NetworkRequest {
    NetworkRequest { subnets: vec![subnet.parse().unwrap()], ..network(name) }
}

fn refused(request: NetworkRequest) -> String {
    text(World::new().create(request))
}

fn option(key: &str, value: &str) -> NetworkRequest {
    NetworkRequest { options: [(key.into(), value.into())].into(), ..network("n") }
}

#[test]
fn three_networks_always_exist_and_cannot_be_removed() {
    let mut world = World::new();
    for name in ["bridge", "host", "none"] {
        assert_eq!(
            text(remove_network(&world.state, name)),
            format!("{name} is a pre-defined network and cannot be removed")
        );
        assert_eq!(
            text(world.create(network(name))),
            format!("operation is not permitted on predefined {name} network")
        );
    }
    let bridge = world.state.network("bridge").unwrap();
    assert_eq!(bridge.bridge.as_ref().unwrap().as_str(), "netdns0");
    assert_eq!(bridge.given_options[options::BRIDGE_NAME], "netdns0");
    assert_eq!(bridge.subnets[0].net.to_string(), "172.17.0.0/16");
    assert!(!bridge.has_names());
    let before = world.state.clone();
    assert!(world.start().is_empty());
    assert_eq!(world.state, before, "a second start changes nothing");
}

#[test]
fn a_predefined_network_that_is_missing_is_made_and_no_other() {
    let mut world = World::new();
    for name in ["host", "none"] {
        let before = world.state.clone();
        let id = world.state.network(name).unwrap().id;
        world.state.apply(&Change::RemoveNetwork(id));
        let made = predefined(&world.given()).unwrap().noun;
        assert_eq!(made.iter().map(|network| network.name.as_str()).collect::<Vec<_>>(), [name]);
        world.state = before;
    }
}

#[test]
fn who_joins_the_default_network_first_is_known() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    let id = world.state.network("bridge").unwrap().id.to_string();
    let first = |world: &World, networks: &[&str]| {
        let joined: Vec<_> = networks.iter().map(|network| on(network)).collect();
        joins_idle_default(&world.state, &joined)
    };
    for joins in [&[][..], &["bridge"], &["n", "bridge"], &[&id]] {
        assert!(first(&world, joins), "{joins:?}");
    }
    for others in [&["n"][..], &["n", "x"], &["host"]] {
        assert!(!first(&world, others), "{others:?}");
    }
    world.run(sandbox("a", &[])).unwrap();
    assert!(!first(&world, &[]) && !first(&world, &["bridge"]), "it is not idle any more");
    assert!(!first(&World::empty(), &[]), "there is none yet");
}

#[test]
fn the_default_network_moves_out_of_dockers_way_only_while_it_is_empty() {
    let mut world = World::new();
    let id = world.state.network("bridge").unwrap().id;
    world.run(sandbox("a", &[])).unwrap();
    world.facts.taken = vec![("172.17.0.1/16".parse().unwrap(), "docker0".into())];
    world.start();
    assert_eq!(world.state.networks[&id].subnets[0].net.to_string(), "172.17.0.0/16");
    world.end("a");
    world.start();
    assert_eq!(world.state.networks[&id].subnets[0].net.to_string(), "172.18.0.0/16");
}

#[test]
fn bip_sets_gateway_and_subnet_of_the_default_network() {
    let mut world = World::empty();
    world.policy.bip = Some("10.5.0.9/24".parse().unwrap());
    world.start();
    let subnet = &world.state.network("bridge").unwrap().subnets[0];
    assert_eq!(
        (subnet.net.to_string(), subnet.gateway.to_string()),
        ("10.5.0.0/24".into(), "10.5.0.9".into())
    );
    world.run(sandbox("a", &[])).unwrap();
    assert!(world.start().is_empty(), "it is in force");
    for bip in ["10.6.0.1/24", "10.5.0.1/24", "10.5.0.9/16"] {
        world.policy.bip = Some(bip.parse().unwrap());
        let said = format!("--bip {bip} is not in force yet: sandboxes are on network bridge");
        assert_eq!(world.start(), [said]);
    }
}

#[test]
fn a_user_defined_network_is_a_bridge_named_by_its_id_with_the_first_address() {
    let mut world = World::new();
    let made = world.create(network("localnet")).unwrap();
    assert_eq!(made.bridge.as_ref().unwrap().as_str(), format!("br-{}", made.id.short()));
    assert_eq!(made.subnets[0].net.to_string(), "172.18.0.0/16");
    assert_eq!(made.subnets[0].gateway.to_string(), "172.18.0.1");
    assert!(made.has_names());
}

#[test]
fn the_mtu_is_the_options_else_the_daemons_else_the_uplinks() {
    let mut world = World::new();
    world.facts.uplink_mtu = 1420;
    assert_eq!(world.create(network("a")).unwrap().options.mtu, 1420);
    world.policy.mtu = Some(1400);
    assert_eq!(world.create(network("b")).unwrap().options.mtu, 1400);
    assert_eq!(world.create(option(options::MTU, "9000")).unwrap().options.mtu, 9000);
}

#[test]
fn names_and_drivers_are_checked() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    assert_eq!(text(world.create(network("n"))), "network with name n already exists");
    assert!(refused(network("")).starts_with("invalid network name"));
    let driver = |driver: &str| NetworkRequest { driver: driver.into(), ..network("m") };
    assert_eq!(refused(driver("weave")), "plugin \"weave\" not found");
    assert_eq!(refused(driver("host")), "only one instance of \"host\" network is allowed");
    assert_eq!(refused(driver("none")), "only one instance of \"null\" network is allowed");
}

#[test]
fn options_are_understood_or_refused() {
    let mut world = World::new();
    let mut request = option(options::BRIDGE_NAME, "mybr");
    request.options.insert(options::MASQUERADE.into(), "0".into());
    request.options.insert(options::MTU.into(), "9000".into());
    request.options.insert("netdns.ttl".into(), "0".into());
    request.options.insert("netdns.domain".into(), "local".into());
    let made = world.create(request.clone()).unwrap();
    let expected = NetworkOptions {
        masquerade: false,
        mtu: 9000,
        ttl: 0,
        own_domain: true,
        ..NetworkOptions::default()
    };
    assert_eq!((&made.options, &made.given_options), (&expected, &request.options));
    request.name = "other".into();
    assert_eq!(text(world.create(request)), "networks have same bridge name: mybr");
    assert_eq!(
        refused(option(options::BRIDGE_NAME, "netdns0")),
        "networks have same bridge name: netdns0"
    );
    assert_eq!(
        refused(option("com.example.x", "1")),
        "unknown option com.example.x for driver bridge"
    );
    for (key, bad) in [
        (options::MTU, "67"),
        (options::MASQUERADE, "yes"),
        ("netdns.ttl", "86401"),
        ("netdns.domain", "x"),
    ] {
        assert!(refused(option(key, bad)).starts_with(&format!("failed to parse {key}={bad}: ")));
    }
}

#[test]
fn what_neighbours_reach_and_whether_they_are_guarded_follows_the_options() {
    const ICC: &str = "com.docker.network.bridge.enable_icc";
    let made = |options: &[(&str, &str)]| {
        let options = options.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let request = NetworkRequest { options: options.collect(), ..network("n") };
        let made = World::new().create(request).unwrap();
        (made.options.reach, made.options.guard)
    };
    assert_eq!(made(&[]), (Reach::Open, true));
    assert_eq!(made(&[("netdns.expose", "enforce")]), (Reach::Exposed, true));
    assert_eq!(made(&[("netdns.expose", "open"), ("netdns.guard", "on")]), (Reach::Open, true));
    assert_eq!(made(&[(ICC, "false")]), (Reach::Nothing, true));
    assert_eq!(made(&[(ICC, "true"), ("netdns.guard", "off")]), (Reach::Open, false));
    assert_eq!(made(&[(ICC, "0"), ("netdns.expose", "enforce")]).0, Reach::Nothing);
    for (key, bad) in [("netdns.expose", "yes"), ("netdns.guard", "false"), (ICC, "off")] {
        assert!(refused(option(key, bad)).starts_with(&format!("failed to parse {key}={bad}: ")));
    }
}

fn on_parent(name: &str, subnet: &str) -> NetworkRequest {
    let options = [("parent".to_owned(), "eth0".to_owned())].into();
    NetworkRequest { driver: "macvlan".into(), options, ..with_subnet(name, subnet) }
}

#[test]
fn a_macvlan_network_takes_from_its_segment_what_nobody_has() {
    let mut world = World::new();
    let link = HostLink { up: true, mtu: 1400, ..HostLink::default() };
    world.facts.links = [("eth0".parse().unwrap(), link)].into();
    let taken = ["192.0.2.7/24", "192.0.2.0/24", "192.0.2.8/24"];
    world.facts.taken = taken.map(|net| (net.parse().unwrap(), "eth0".into())).into();
    let lan = world.create(on_parent("lan", "192.0.2.0/24")).unwrap();
    assert_eq!((lan.driver, &lan.bridge, lan.options.mtu), (DriverKind::Macvlan, &None, 1400));
    let aux: Vec<_> =
        lan.subnets[0].aux.iter().map(|(label, ip)| format!("{label}={ip}")).collect();
    assert_eq!(aux, ["eth0=192.0.2.7", "eth0 192.0.2.8=192.0.2.8"]);
    let taken = text(world.create(on_parent("lan2", "192.0.2.128/25")));
    assert_eq!(taken, "network lan is already using parent interface eth0");
    // A bridge network still may not have them.
    assert!(world.create(with_subnet("b", "192.0.2.0/24")).is_err());

    let mut own = on_parent("own", "198.51.100.0/24");
    own.options.insert(options::MTU.into(), "9000".into());
    own.gateways = vec!["198.51.100.9".parse().unwrap()];
    world.facts.taken = vec![("198.51.100.9/24".parse().unwrap(), "eth0".into())];
    let warnings = create_network(&world.given(), &own).unwrap().warnings;
    assert!(
        warnings[0].starts_with("the MTU is 1400, that of parent interface eth0"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].starts_with("gateway 198.51.100.9 is this host's own (eth0)"),
        "{warnings:?}"
    );
    own.gateways.clear();
    own.options.insert(options::MTU.into(), "1300".into());
    let quiet = create_network(&world.given(), &own).unwrap();
    assert_eq!((quiet.noun.options.mtu, quiet.warnings), (1300, Vec::new()));
}

#[test]
fn a_macvlan_network_without_a_subnet_is_in_nobodys_way() {
    let mut world = World::new();
    let link = HostLink { up: true, mtu: 1500, ..HostLink::default() };
    world.facts.links = [("eth0".parse().unwrap(), link)].into();
    world.facts.taken = vec![("172.18.0.1/16".parse().unwrap(), "docker1".into())];
    world.facts.routed = vec![("172.19.0.0/16".parse().unwrap(), "via 192.0.2.1".into())];
    let request = NetworkRequest { subnets: vec![], ..on_parent("lan", "192.0.2.0/24") };
    let made = create_network(&world.given(), &request).unwrap();
    assert_eq!(made.noun.subnets[0].net.to_string(), "172.20.0.0/16");
    assert_eq!(made.warnings, [""; 0]);
}

#[test]
fn an_mtu_above_the_parents_is_lowered_with_a_warning_and_the_same_is_not() {
    let mut world = World::new();
    let link = HostLink { up: true, mtu: 1400, ..HostLink::default() };
    world.facts.links = [("eth0".parse().unwrap(), link)].into();
    let made = |mtu: &str| {
        let mut request = on_parent("lan", "192.0.2.0/24");
        request.options.insert(options::MTU.into(), mtu.into());
        let made = create_network(&world.given(), &request).unwrap();
        (made.noun.options.mtu, made.warnings.len())
    };
    assert_eq!([made("1399"), made("1400"), made("1401")], [(1399, 0), (1400, 0), (1400, 1)]);
}

#[test]
fn where_one_sandbox_has_the_parent_to_itself_a_second_is_refused() {
    let mut world = World::new();
    let link = HostLink { up: true, mtu: 1500, ..HostLink::default() };
    world.facts.links = ["eth0", "eth1"].map(|name| (name.parse().unwrap(), link.clone())).into();
    let mut second = |mode: &str, parent: &str, subnet: &str| {
        let lan = format!("{mode}-lan");
        let mut request = on_parent(&lan, subnet);
        request.options.insert("macvlan_mode".into(), mode.into());
        request.options.insert("parent".into(), parent.into());
        world.create(request).unwrap();
        world.run(sandbox(&format!("{mode}1"), &[on(&lan)])).unwrap();
        text(world.run(sandbox(&format!("{mode}2"), &[on(&lan)])))
    };
    assert_eq!(second("bridge", "eth0", "192.0.2.0/24"), "granted");
    assert_eq!(
        second("passthru", "eth1", "198.51.100.0/24"),
        "network passthru-lan is of mode passthru: passthru1 has its parent interface to itself"
    );
}

#[test]
fn an_option_of_one_driver_is_unknown_to_the_other() {
    let mut world = World::new();
    let link = HostLink { up: true, mtu: 1500, ..HostLink::default() };
    world.facts.links = [("eth0".parse().unwrap(), link)].into();
    let said = |driver: &str, key: &str, value: &str| {
        let mut request = on_parent("x", "192.0.2.0/24");
        request.driver = driver.into();
        if driver == "bridge" {
            request.options.clear();
        }
        request.options.insert(key.into(), value.into());
        text(create_network(&world.given(), &request))
    };
    for (key, value) in [
        (options::BRIDGE_NAME, "br9"),
        (options::MASQUERADE, "true"),
        ("com.docker.network.bridge.enable_icc", "true"),
        ("netdns.expose", "open"),
        ("netdns.guard", "on"),
    ] {
        assert_eq!(said("bridge", key, value), "granted");
        assert_eq!(said("macvlan", key, value), format!("unknown option {key} for driver macvlan"));
    }
    for (key, value) in [("parent", "eth0"), ("macvlan_mode", "vepa")] {
        assert_eq!(said("macvlan", key, value), "granted");
        assert_eq!(said("bridge", key, value), format!("unknown option {key} for driver bridge"));
    }
    for (key, value) in [
        (options::MTU, "1500"),
        ("netdns.ttl", "5"),
        ("netdns.domain", "local"),
        ("netdns.dns-route", "corp.example=192.0.2.53"),
    ] {
        assert_eq!((said("bridge", key, value), said("macvlan", key, value)).0, "granted");
        assert_eq!(said("macvlan", key, value), "granted");
    }
    let words =
        "requested macvlan mode 'best' is not valid, 'bridge' mode is the macvlan driver default";
    assert_eq!(said("macvlan", "macvlan_mode", "best"), words);
}

#[test]
fn names_below_a_domain_are_asked_of_the_servers_that_are_named_for_it() {
    let routes = "corp.example=192.0.2.53,192.0.2.54 lab.example=2001:db8::53";
    let made = World::new().create(option("netdns.dns-route", routes)).unwrap();
    let shown: Vec<String> = made.options.routes.iter().map(ToString::to_string).collect();
    assert_eq!(shown.join(" "), routes);
    assert!(refused(option("netdns.dns-route", "corp.example")).starts_with("invalid DNS route"));
    let inside = NetworkRequest { internal: true, ..option("netdns.dns-route", routes) };
    assert!(refused(inside).starts_with("network n is internal"));
}

#[test]
fn subnets_that_cannot_be_used_are_refused() {
    for (subnet, words) in [
        ("10.0.0.1/24", "invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24"),
        ("127.1.0.0/16", "subnet 127.1.0.0/16 cannot be used: 127.0.0.0/8 is loopback"),
        ("169.254.1.0/24", "subnet 169.254.1.0/24 cannot be used: 169.254.0.0/16 is link-local"),
        ("239.0.0.0/8", "subnet 239.0.0.0/8 cannot be used: 224.0.0.0/3 is multicast or reserved"),
        ("0.0.0.0/0", "subnet 0.0.0.0/0 cannot be used: 0.0.0.0/8 means \"this network\""),
        (
            "10.0.0.1/32",
            "subnet 10.0.0.1/32 is too small: it has no room for a gateway and a sandbox",
        ),
        ("fd00::/64", "subnet fd00::/64 is of IPv6, and the network is not to have it"),
        ("10.0.0.0/31", "granted"),
    ] {
        assert_eq!(refused(with_subnet("n", subnet)), words);
    }
    let mut two = with_subnet("n", "10.0.0.0/24");
    two.subnets.push("10.0.1.0/24".parse().unwrap());
    assert_eq!(
        refused(two),
        "a bridge network has at most one subnet of a family: 10.0.0.0/24 and 10.0.1.0/24"
    );
}

#[test]
fn an_overlap_is_refused_and_its_owner_named() {
    let mut world = World::new();
    world.facts.taken = vec![("192.0.2.7/24".parse().unwrap(), "eth0".into())];
    world.create(with_subnet("a", "10.0.0.0/16")).unwrap();
    for (subnet, owner) in [("10.0.7.0/24", "network a"), ("192.0.2.128/25", "the host (eth0)")] {
        let refusal = world.create(with_subnet("b", subnet)).unwrap_err();
        assert_eq!(refusal.to_string(), "Pool overlaps with other one on this address space");
        assert!(refusal.hint().unwrap().ends_with(owner), "{refusal:?}");
    }
}

#[test]
fn a_subnet_that_hides_a_route_is_granted_with_a_warning() {
    let mut world = World::new();
    world.facts.routed = vec![("10.0.0.0/8".parse().unwrap(), "via 192.0.2.1 dev tun0".into())];
    let made = create_network(&world.given(), &with_subnet("n", "10.8.0.0/16")).unwrap();
    assert!(
        made.warnings[0].contains("10.0.0.0/8 (via 192.0.2.1 dev tun0)"),
        "{:?}",
        made.warnings
    );
}

#[test]
fn gateway_ip_range_and_aux_must_lie_in_the_subnet() {
    let subnet = || with_subnet("n", "10.0.0.0/24");
    let gateway = |text: &str| vec![text.parse::<IpAddr>().unwrap()];
    let range = |text: &str| vec![text.parse::<IpNet>().unwrap()];
    let aux = |text: &str| [("x".to_owned(), text.parse::<IpAddr>().unwrap())].into();
    for (request, words) in [
        (
            NetworkRequest { gateways: gateway("10.0.0.1"), ..network("n") },
            "every ip-range or gateway must have a corresponding subnet",
        ),
        (
            NetworkRequest { gateways: gateway("10.1.0.1"), ..subnet() },
            "no matching subnet for gateway 10.1.0.1",
        ),
        (
            NetworkRequest { gateways: gateway("10.0.0.255"), ..subnet() },
            "10.0.0.255 is the network or broadcast address of 10.0.0.0/24",
        ),
        (
            NetworkRequest { ip_ranges: range("10.0.0.0/16"), ..subnet() },
            "no matching subnet for range 10.0.0.0/16",
        ),
        (
            NetworkRequest { aux: aux("10.1.0.1"), ..subnet() },
            "no matching subnet for aux-address 10.1.0.1",
        ),
        (NetworkRequest { aux: aux("10.0.0.1"), ..subnet() }, "Address already in use"),
        (
            NetworkRequest {
                ip_ranges: [range("10.0.0.0/25"), range("10.0.0.128/25")].concat(),
                ..subnet()
            },
            "cannot configure multiple ranges (10.0.0.0/25, 10.0.0.128/25) on the same subnet (10.0.0.0/24)",
        ),
    ] {
        assert_eq!(refused(request), words);
    }
    let mut world = World::new();
    let made =
        world.create(NetworkRequest { ip_ranges: range("10.0.0.128/25"), ..subnet() }).unwrap();
    assert_eq!(
        made.subnets[0].gateway.to_string(),
        "10.0.0.1",
        "the subnet's first, not the range's"
    );
    assert_eq!(world.run(sandbox("a", &[on("n")])).unwrap().address(), "10.0.0.128/24");
}

#[test]
fn a_network_in_use_is_not_removed_and_says_by_whom() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    let ran = world.run(sandbox("c1", &[on("n")])).unwrap();
    let id = ran.endpoints[0].id.short();
    assert_eq!(
        text(remove_network(&world.state, "n")),
        format!("network n has active endpoints (name:\"c1\" id:\"{id}\")")
    );
    world.end("c1");
    assert!(remove_network(&world.state, "n").is_ok(), "a stopped sandbox holds no network");
    assert_eq!(text(remove_network(&world.state, "m")), "network m not found");
}

#[test]
fn prune_takes_idle_networks_that_pass_the_filter() {
    let mut world = World::new();
    for (name, label) in [("a", "x"), ("b", "y"), ("used", "x")] {
        let labels = [("l".to_owned(), label.to_owned())].into();
        world.create(NetworkRequest { labels, ..network(name) }).unwrap();
    }
    world.run(sandbox("c", &[on("used")])).unwrap();
    let pruned = |filter: PruneFilter| -> Vec<String> {
        prune(&world.state, &filter).iter().map(|network| network.name.to_string()).collect()
    };
    let x = vec![("l".to_owned(), Some("x".to_owned()))];
    assert_eq!(pruned(PruneFilter::default()), ["a", "b"]);
    assert_eq!(pruned(PruneFilter { labels: x.clone(), ..Default::default() }), ["a"]);
    assert_eq!(pruned(PruneFilter { without: x, ..Default::default() }), ["b"]);
    // All were made at 1,000.
    assert_eq!(pruned(PruneFilter { until: Some(1_000), ..Default::default() }), [""; 0]);
    assert_eq!(pruned(PruneFilter { until: Some(1_001), ..Default::default() }), ["a", "b"]);
}

#[test]
fn ipv6_takes_a_64_of_the_hosts_own_prefix_which_is_the_same_after_every_network() {
    let mut world = World::new();
    let v6 = |name: &str| NetworkRequest { ipv6: true, ..network(name) };
    let made = world.create(v6("a")).unwrap();
    let nets = |network: &Network| -> Vec<String> {
        network.subnets.iter().map(|subnet| subnet.net.to_string()).collect()
    };
    let id = world.state.network("bridge").unwrap().id.to_string();
    let prefix = format!("fd{}:{}:{}::", &id[..2], &id[2..6], &id[6..10]);
    let prefix = prefix.parse::<std::net::Ipv6Addr>().unwrap().to_string().replace("::", "");
    assert_eq!(nets(&made), ["172.18.0.0/16", &format!("{prefix}::/64")]);
    assert_eq!(made.subnets[1].gateway.to_string(), format!("{prefix}::1"));
    assert_eq!(nets(&world.create(v6("b")).unwrap())[1], format!("{prefix}:1::/64"));
    world.state.apply(&Change::RemoveNetwork(made.id));
    world.facts.routed = vec![(format!("{prefix}::/64").parse().unwrap(), "vpn".into())];
    assert_eq!(nets(&world.create(v6("c")).unwrap())[1], format!("{prefix}:2::/64"));
    let two = world.run(sandbox("one", &[on("b")])).unwrap().endpoints.remove(0);
    let addresses: Vec<String> = two.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["172.19.0.2/16", &format!("{prefix}:1::2/64")]);
}

#[test]
fn a_subnet_of_each_family_may_be_named_with_its_gateway_range_and_addresses() {
    let mut world = World::new();
    let request = NetworkRequest {
        ipv6: true,
        subnets: vec!["2001:db8:1::/64".parse().unwrap(), "10.1.0.0/24".parse().unwrap()],
        gateways: vec!["2001:db8:1::ff".parse().unwrap()],
        ip_ranges: vec!["2001:db8:1::8000/113".parse().unwrap()],
        aux: [("router".into(), "10.1.0.7".parse().unwrap())].into(),
        ..network("n")
    };
    let made = world.create(request.clone()).unwrap();
    assert_eq!(made.subnets[0].net.to_string(), "10.1.0.0/24");
    assert_eq!(made.subnets[1].gateway.to_string(), "2001:db8:1::ff");
    let first = world.run(sandbox("a", &[on("n")])).unwrap().endpoints.remove(0);
    assert_eq!(first.addresses[1].to_string(), "2001:db8:1::8000/64");
    let asked = EndpointRequest { ip6: Some("2001:db8:1::5".parse().unwrap()), ..on("n") };
    let second = world.run(sandbox("b", std::slice::from_ref(&asked))).unwrap().endpoints.remove(0);
    assert_eq!(second.addresses[1].to_string(), "2001:db8:1::5/64");
    assert_eq!(text(world.run(sandbox("c", &[asked])).map(|_| ())), "Address already in use");

    let but = |change: &dyn Fn(&mut NetworkRequest)| {
        let mut request = NetworkRequest {
            subnets: vec!["2001:db8:2::/64".parse().unwrap()],
            ipv6: true,
            ..network("m")
        };
        change(&mut request);
        refused(request)
    };
    assert_eq!(
        but(&|request| request.ipv6 = false),
        "subnet 2001:db8:2::/64 is of IPv6, and the network is not to have it"
    );
    assert_eq!(
        but(&|request| request.gateways = vec!["2001:db8:3::1".parse().unwrap()]),
        "no matching subnet for gateway 2001:db8:3::1"
    );
    for (subnet, said) in [
        ("2001:db8:2::1/64", "invalid subnet 2001:db8:2::1/64: it should be 2001:db8:2::/64"),
        ("fe80::/64", "subnet fe80::/64 cannot be used: fe80::/10 is link-local"),
        (
            "::/64",
            "subnet ::/64 cannot be used: ::/8 holds loopback, IPv4-mapped and reserved addresses",
        ),
        (
            "2001:db8:2::9/128",
            "subnet 2001:db8:2::9/128 is too small: it has no room for a gateway and a sandbox",
        ),
    ] {
        assert_eq!(but(&|request| request.subnets = vec![subnet.parse().unwrap()]), said);
    }
    let mut world = World::new();
    world.create(request.clone()).unwrap();
    request_overlaps(
        &mut world,
        NetworkRequest {
            name: "m".into(),
            subnets: vec!["2001:db8::/32".parse().unwrap()],
            gateways: vec![],
            ip_ranges: vec![],
            aux: [].into(),
            ..request
        },
    );
}

fn request_overlaps(world: &mut World, request: NetworkRequest) {
    assert_eq!(text(world.create(request)), "Pool overlaps with other one on this address space");
}
