//! What the table does to packets.

use super::lab::{Lab, Ns};
use super::states::Fixture;
use netdns::driver::firewall::table;
use netdns::kernel::nft::Nft;
use netdns::model::State;
use netdns::plan::nft::delta;
use std::net::IpAddr;
use std::process::Command;

fn apply(lab: &Lab, state: &State) {
    let change = delta(None, table(state).as_ref());
    lab.host.run(|| Nft::open().unwrap().apply(&change).unwrap());
}

fn from(address: &str) -> Option<IpAddr> {
    Some(address.parse().unwrap())
}

/// Two networks with a sandbox each, the first of which publishes, and a neighbour of the first.
fn two_networks(lab: &Lab) -> [Ns; 3] {
    let mut fixture = Fixture::default();
    let (one, two) =
        (fixture.network("one", "br-1", 18, |_| {}), fixture.network("two", "br-2", 19, |_| {}));
    fixture.sandbox(&[one], &["0.0.0.0:5000:80", "127.0.0.1:5001:80", "10.0.0.1:5002:80"]);
    fixture.sandbox(&[one], &[]);
    fixture.sandbox(&[two], &[]);
    lab.bridge("br-1", 18);
    lab.bridge("br-2", 19);
    apply(lab, &fixture.state);
    [lab.sandbox("br-1", 18, 2), lab.sandbox("br-1", 18, 3), lab.sandbox("br-2", 19, 2)]
}

#[test]
fn neighbours_meet_and_networks_do_not() {
    let lab = Lab::new();
    let [web, neighbour, other] = two_networks(&lab);
    assert_eq!(neighbour.ask("172.18.0.2:80"), from("172.18.0.3"));
    assert_eq!(other.ask("172.18.0.2:80"), None);
    assert_eq!(web.ask("172.19.0.2:80"), None);
    assert_eq!(lab.beyond.ask("172.18.0.2:80"), None, "what a neighbour of the host routes at us");
    assert_eq!(lab.host.ask("172.18.0.2:80"), from("172.18.0.1"));
}

#[test]
fn the_world_sees_the_hosts_address() {
    let lab = Lab::new();
    let [web, ..] = two_networks(&lab);
    lab.beyond.serve();
    assert_eq!(web.ask("10.0.0.9:80"), from("10.0.0.1"));
}

#[test]
fn a_published_port_is_reached_from_everywhere() {
    let lab = Lab::new();
    let [web, neighbour, other] = two_networks(&lab);
    assert_eq!(lab.beyond.ask("10.0.0.1:5000"), from("10.0.0.9"), "the client's address is kept");
    assert_eq!(lab.host.ask("10.0.0.1:5000"), from("10.0.0.1"));
    assert_eq!(lab.host.ask("127.0.0.1:5000"), from("172.18.0.1"));
    for bridged in [true, false] {
        lab.bridged_packets_pass_ip_hooks(bridged);
        assert_eq!(web.ask("10.0.0.1:5000"), from("172.18.0.1"), "itself, {bridged}");
        assert_eq!(neighbour.ask("10.0.0.1:5000"), from("172.18.0.1"));
        assert_eq!(neighbour.ask("172.18.0.1:5000"), from("172.18.0.1"));
    }
    assert!(other.ask("10.0.0.1:5000").is_some());
    assert_eq!(lab.beyond.ask("10.0.0.1:5002"), from("10.0.0.9"));
    assert_eq!(neighbour.ask("172.18.0.1:5002"), None, "another address of the host");
}

#[test]
fn a_port_published_on_loopback_is_the_hosts_own() {
    let lab = Lab::new();
    let [_web, neighbour, _] = two_networks(&lab);
    lab.host.serve();
    assert!(lab.host.ask("127.0.0.1:5001").is_some());
    assert_eq!(lab.beyond.ask("10.0.0.1:5001"), None);
    for (attacker, host) in [(&lab.beyond, "10.0.0.1"), (&neighbour, "172.18.0.1")] {
        send_loopback_to(attacker, host);
        assert_eq!(attacker.ask("127.0.0.1:5001"), None);
        assert_eq!(attacker.ask("127.0.0.1:80"), None, "a service of the host on loopback");
    }
}

/// Makes an attacker send what is for 127.0.0.1 to the host, and take answers from there.
fn send_loopback_to(attacker: &Ns, host: &str) {
    attacker.sysctl("conf/all/route_localnet", "1");
    attacker.ip(&format!(
        "rule add pref 10 to 127.0.0.1 lookup 100\nrule add pref 20 lookup local\nrule del pref 0\nroute add 127.0.0.1 via {host} table 100\n"
    ));
}

/// Another tool translates port 81, wherever it is asked for, and keeps conntrack away from port 80.
const OTHERS: &str = "table ip other {
    chain translate { type nat hook prerouting priority dstnat; tcp dport 81 dnat to 172.18.0.2:80; }
    chain come { type filter hook prerouting priority raw; tcp dport 80 notrack; }
    chain go { type filter hook output priority raw; tcp sport 80 notrack; }
}";

#[test]
fn no_other_tool_leads_a_sandbox_to_loopback() {
    let lab = Lab::new();
    let [_web, neighbour, _] = two_networks(&lab);
    lab.host.serve();
    lab.host.run(|| {
        assert!(Command::new("nft").arg(OTHERS).status().unwrap().success());
    });
    send_loopback_to(&neighbour, "172.18.0.1");
    assert!(neighbour.ask("172.18.0.1:81").is_some());
    assert_eq!(neighbour.ask("127.0.0.1:81"), None, "translated");
    assert!(neighbour.ask("172.18.0.1:80").is_some());
    assert_eq!(neighbour.ask("127.0.0.1:80"), None, "untracked");
}

#[test]
fn an_internal_network_never_forwards() {
    let lab = Lab::new();
    let mut fixture = Fixture::default();
    let quiet = fixture.network("quiet", "br-3", 20, |network| network.internal = true);
    let open = fixture.network("open", "br-1", 18, |_| {});
    fixture.sandbox(&[quiet], &[]);
    fixture.sandbox(&[open], &["0.0.0.0:5000:80"]);
    lab.bridge("br-3", 20);
    lab.bridge("br-1", 18);
    apply(&lab, &fixture.state);
    let [one, two, web] =
        [lab.sandbox("br-3", 20, 2), lab.sandbox("br-3", 20, 3), lab.sandbox("br-1", 18, 2)];
    lab.beyond.serve();
    lab.host.serve();
    assert_eq!(one.ask("172.20.0.3:80"), from("172.20.0.2"), "its neighbours");
    assert_eq!(one.ask("172.20.0.1:80"), from("172.20.0.2"), "the bridge's own address");
    assert_eq!(lab.host.ask("172.20.0.2:80"), from("172.20.0.1"), "from the host");
    // Its sandboxes get no default route; these took one, and it leads nowhere.
    assert_eq!(one.ask("10.0.0.9:80"), None, "the world");
    assert_eq!(one.ask("10.0.0.1:80"), None, "the host's other addresses");
    assert_eq!(one.ask("172.18.0.2:80"), None, "another network");
    assert_eq!(one.ask("172.20.0.1:5000"), None, "another network's published port");
    assert_eq!(web.ask("172.20.0.2:80"), None, "from another network");
    assert_eq!(lab.beyond.ask("172.20.0.2:80"), None, "from beyond");
    drop(two);
}

#[test]
fn without_masquerade_the_sandboxs_address_is_seen_but_for_hairpins() {
    let lab = Lab::new();
    let mut fixture = Fixture::default();
    let routed =
        fixture.network("routed", "br-4", 21, |network| network.options.masquerade = false);
    fixture.sandbox(&[routed], &["0.0.0.0:5000:80"]);
    lab.bridge("br-4", 21);
    apply(&lab, &fixture.state);
    let web = lab.sandbox("br-4", 21, 2);
    lab.beyond.serve();
    assert_eq!(web.ask("10.0.0.9:80"), from("172.21.0.2"));
    assert_eq!(web.ask("10.0.0.1:5000"), from("172.21.0.1"));
}
