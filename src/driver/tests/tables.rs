//! What of State becomes which element of the tables.

use super::*;
use crate::model::{Exposed, Proto, Publish, Shares};
use crate::plan::nft::Table;

/// Returns the elements of a map or set, as nft writes them.
fn elements(table: &Table, map: &str) -> Vec<String> {
    let written = |(key, value): (&crate::plan::nft::Key, &crate::plan::nft::Value)| {
        let key: Vec<String> = key.iter().map(ToString::to_string).collect();
        format!("{}{value}", key.join(" . "))
    };
    table.maps[map].elements.iter().map(written).collect()
}

/// Returns the elements of a published port on a network of both families, each with its map.
fn published(host: &str, ports: (u16, u16), count: u16) -> Vec<String> {
    let (network, endpoint) = dual(1);
    let mut state = state(vec![network], vec![endpoint]);
    let host_ip = host.parse().unwrap();
    let (host_port, port) = ports;
    let publish = Publish { host_ip, host_port, port, proto: Proto::Tcp, count };
    let sandbox = state.sandboxes.get_mut(&id(50).into()).unwrap();
    std::sync::Arc::make_mut(sandbox).publish = vec![publish];
    let table = firewall::table(&state).unwrap();
    let of = |map: &str| {
        let elements = elements(&table, map).into_iter();
        elements.map(|element| format!("{map}: {element}")).collect::<Vec<_>>()
    };
    ["ports_any", "ports_at", "ranges", "ports_any6", "ports_at6", "ranges6"]
        .into_iter()
        .flat_map(of)
        .collect()
}

#[test]
fn a_published_port_leads_from_every_address_or_one_to_the_sandboxs_of_that_family() {
    for (host, port, element) in [
        ("0.0.0.0", 5000, "ports_any: tcp . 5000 : 172.18.1.2 . 80"),
        ("0.0.0.0", 80, "ports_any: tcp . 80 : 172.18.1.2 . 80"),
        ("127.0.0.1", 5000, "ports_at: 127.0.0.1 . tcp . 5000 : 172.18.1.2 . 80"),
        ("::", 5000, "ports_any6: tcp . 5000 : fd00:1::2 . 80"),
        ("2001:db8::1", 5000, "ports_at6: 2001:db8::1 . tcp . 5000 : fd00:1::2 . 80"),
    ] {
        assert_eq!(published(host, (port, 80), 1), [element]);
    }
    assert_eq!(published("::1", (5000, 80), 1), [""; 0], "the kernel finds no way back to ::1");
}

#[test]
fn a_range_that_keeps_its_numbers_is_one_element_and_another_one_an_element_a_port() {
    for (host, element) in [
        ("0.0.0.0", "ranges: 0.0.0.0/0 . tcp . 8000-8999 : 172.18.1.2"),
        ("192.0.2.1", "ranges: 192.0.2.1 . tcp . 8000-8999 : 172.18.1.2"),
        ("::", "ranges6: ::/0 . tcp . 8000-8999 : fd00:1::2"),
        ("2001:db8::1", "ranges6: 2001:db8::1 . tcp . 8000-8999 : fd00:1::2"),
    ] {
        assert_eq!(published(host, (8000, 8000), 1000), [element]);
    }
    let moved = published("0.0.0.0", (8000, 80), 2);
    assert_eq!(
        moved,
        ["ports_any: tcp . 8000 : 172.18.1.2 . 80", "ports_any: tcp . 8001 : 172.18.1.2 . 81"]
    );
}

#[test]
fn a_subnet_of_each_family_leads_out_through_its_networks_chain() {
    let state = state(vec![dual(1).0], vec![]);
    let table = firewall::table(&state).unwrap();
    let chain = |direction: &str| format!("{direction}-{}", id(1).short());
    let (four, six) = (chain("outbound"), chain("outbound6"));
    assert_eq!(elements(&table, "outbound"), [format!("172.18.1.0/24 : goto {four}")]);
    assert_eq!(elements(&table, "outbound6"), [format!("fd00:1::/64 : goto {six}")]);
    assert!(table.chains.contains_key(&four) && table.chains.contains_key(&six));
}

#[test]
fn a_sandbox_with_ipv6_may_use_the_link_local_address_of_its_mac() {
    let (network, endpoint) = dual(1);
    // RFC 4291, appendix A: the bit that says "local" is turned over.
    for (mac, link_local) in [
        ("02:00:00:00:00:01", "fe80::ff:fe00:1"),
        ("52:54:00:12:34:56", "fe80::5054:ff:fe12:3456"),
        ("00:16:3e:00:00:01", "fe80::216:3eff:fe00:1"),
    ] {
        let endpoint = Endpoint { mac: mac.parse().unwrap(), ..endpoint.clone() };
        let table = guard::table(&state(vec![network.clone()], vec![endpoint]));
        let own = ["fd00:1::2", link_local].map(|address| format!("\"veth1\" . {mac} . {address}"));
        let mut found = elements(&table, "own6");
        found.sort_by_key(|element| element.contains("fe80"));
        assert_eq!(found, own);
    }
    let without = state(vec![super::network(1, false, false)], vec![super::endpoint(1, "eth0")]);
    assert_eq!(elements(&guard::table(&without), "own6"), [""; 0]);
}

#[test]
fn neighbours_reach_what_a_sandbox_exposes_or_publishes_and_who_shares_its_namespace() {
    let (mut network, endpoint) = dual(1);
    network.options.reach = Reach::Exposed;
    let mut state = state(vec![network], vec![endpoint]);
    let owner = state.sandboxes[&id(50).into()].clone();
    let port = |port, proto| vec![Exposed { port, proto }];
    let mut sharing = Sandbox { id: id(51).into(), ..owner.as_ref().clone() };
    sharing.shares = Some(Shares::Sandbox(owner.id));
    sharing.config.exposed = port(53, Proto::Udp);
    let mut ended = Sandbox { id: id(52).into(), ..sharing.clone() };
    ended.config.exposed = port(22, Proto::Tcp);
    for sandbox in [sharing, ended] {
        state.apply(&Change::AddSandbox(Box::new(sandbox), vec![]));
    }
    state.apply(&Change::EndSandbox { id: id(52).into(), code: 0, at: 1 });
    let owner = std::sync::Arc::make_mut(state.sandboxes.get_mut(&id(50).into()).unwrap());
    owner.config.exposed = port(80, Proto::Tcp);
    let host_ip = "0.0.0.0".parse().unwrap();
    owner.publish =
        vec![Publish { host_ip, host_port: 5000, port: 81, proto: Proto::Tcp, count: 1 }];
    let table = firewall::table(&state).unwrap();
    let ports = ["tcp . 80", "tcp . 81", "udp . 53"];
    assert_eq!(elements(&table, "exposed4"), ports.map(|port| format!("172.18.1.2 . {port}")));
    assert_eq!(elements(&table, "exposed6"), ports.map(|port| format!("fd00:1::2 . {port}")));
}

#[test]
fn what_is_published_leads_to_a_running_sandbox_and_is_known_with_its_target() {
    let (network, endpoint) = dual(1);
    let mut state = state(vec![network], vec![endpoint]);
    let publish = |host: &str| Publish {
        host_ip: host.parse().unwrap(),
        host_port: 5000,
        port: 80,
        proto: Proto::Tcp,
        count: 1,
    };
    let sandbox = std::sync::Arc::make_mut(state.sandboxes.get_mut(&id(50).into()).unwrap());
    sandbox.publish = ["0.0.0.0", "::", "::1"].map(publish).into();
    let targets = |state: &State, n| -> Vec<_> {
        let targets = ports::targets(state, id(n).into());
        targets.map(|(publish, target)| (publish.host_ip.to_string(), target.to_string())).collect()
    };
    let expected = [("0.0.0.0", "172.18.1.2"), ("::", "fd00:1::2")];
    assert_eq!(targets(&state, 50), expected.map(|(host, to)| (host.to_owned(), to.to_owned())));
    assert_eq!(targets(&state, 51), [], "there is no such sandbox");
    state.apply(&Change::EndSandbox { id: id(50).into(), code: 0, at: 1 });
    assert_eq!(targets(&state, 50), []);
}
