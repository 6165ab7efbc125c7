//! Who reaches whom, from everywhere, over both families and both protocols: the table of `tests/README.md`.

pub mod scenes;
pub mod table;

use crate::beside_docker::{Dockerd, bridged_frames_pass_the_firewall};
use crate::host::Host;
use crate::ports::SERVER;
use std::path::Path;
use table::Places;

/// Makes the router and the host reachable over IPv6 too, and lets the router route our networks at the host.
pub fn both_families(host: &Host) {
    host.sh("ip addr add fd09::2/64 dev up0 nodad && ip route add default via fd09::1").ok();
    host.router("ip addr add fd09::1/64 dev down0 nodad").ok();
    host.router("ip route add 172.16.0.0/12 via 10.9.0.2").ok();
}

pub fn dual(host: &Host, name: &str, subnet: &str, more: &[&str]) {
    let flags = ["network", "create", "--ipv6", "--subnet", subnet];
    host.netdns(&[&flags[..], more, &[name]].concat()).ok();
    host.router(&format!("ip route add {subnet} via fd09::2")).ok();
}

/// Starts a sandbox that serves, and waits until it does over both families.
fn serve(host: &Host, name: &str, flags: &[&str]) {
    let server = ["python3", "-c", SERVER, "80/tcp", "81/tcp", "53/udp"];
    host.netdns(&[&["run", "-d", "--privileged", "--name", name], flags, &server].concat()).ok();
    let ready =
        format!("{} exec {name} bash -c ': </dev/tcp/::1/81'", env!("CARGO_BIN_EXE_netdns"));
    host.until(&ready);
}

/// Serves the same at the router, and at the host itself.
fn serve_outside(host: &Host, at_host: bool) {
    let server = ["python3", "-c", SERVER, "80/tcp", "53/udp"];
    host.serve("router", &[&["ip", "netns", "exec", "router"], &server[..]].concat());
    host.until("ip netns exec router bash -c ': </dev/tcp/::1/80'");
    if at_host {
        host.serve("at-host", &server);
        host.until(": </dev/tcp/::1/80");
    }
}

/// Says where each sandbox is, and the gateway of the first one's network.
pub fn places<'a>(host: &'a Host, sandboxes: &[(&str, &str)]) -> Places<'a> {
    let mut places = Places::new(host);
    for (sandbox, network) in sandboxes {
        places.sandbox(sandbox, network);
    }
    places.gateway(sandboxes[0].1);
    places
}

/// The sandboxes of [`scenes::PORTS`], and their networks.
pub const PORTS: [(&str, &str); 3] = [("web", "one"), ("neighbour", "one"), ("stranger", "two")];

/// Makes what [`scenes::PORTS`] speaks of, on a host with a daemon.
pub fn publish(host: &Host) {
    dual(host, "one", "fd18:1::/64", &[]);
    dual(host, "two", "fd18:2::/64", &[]);
    serve_outside(host, false);
    let ports = ["5000:80", "5053:53/udp", "127.0.0.1:5001:80", "8080-8081:80-81", "80-81:80-81"];
    let ports = ports.map(|port| format!("-p={port}"));
    let published: Vec<&str> = ports.iter().map(String::as_str).collect();
    for (name, network) in PORTS {
        let ports = if name == "web" { &published[..] } else { &[] };
        serve(host, name, &[&["--network", network], ports].concat());
    }
}

#[track_caller]
pub fn ports_hold(host: &Host, when: &str) {
    scenes::PORTS.holds(&places(host, &PORTS), when);
}

#[test]
fn a_published_port_is_reached_from_everywhere_and_nothing_else_is_over_both_families() {
    let mut host = Host::new();
    both_families(&host);
    host.start(&[]);
    publish(&host);
    ports_hold(&host, "at first");
    host.sh("nft list table inet netdns >/run/before && nft flush ruleset").ok();
    host.until("nft list table inet netdns | cmp -s - /run/before");
    ports_hold(&host, "after a flush");
    host.end_daemon("KILL");
    host.start(&[]);
    ports_hold(&host, "after a manager's death");
}

#[test]
fn who_reaches_whom_is_the_same_beside_docker_and_after_it_was_restarted() {
    let mut host = Host::new();
    both_families(&host);
    let docker = Dockerd::start(&host);
    bridged_frames_pass_the_firewall(&host);
    host.start(&[]);
    publish(&host);
    ports_hold(&host, "beside Docker");
    docker.stop(&host);
    ports_hold(&host, "while Docker is stopped");
    let docker = Dockerd::start(&host);
    host.until("iptables -S DOCKER-USER | sed -n 2p | grep -q 'comment netdns'");
    ports_hold(&host, "after Docker was restarted");
    docker.stop(&host);
}

#[test]
fn an_internal_network_is_closed_both_ways_over_both_families() {
    let mut host = Host::new();
    both_families(&host);
    host.start(&[]);
    dual(&host, "closed", "fd18:3::/64", &["--internal"]);
    dual(&host, "open", "fd18:4::/64", &[]);
    serve_outside(&host, true);
    for (name, network) in [("inner", "closed"), ("second", "closed"), ("outer", "open")] {
        serve(&host, name, &["--network", network]);
    }
    for name in ["inner", "second"] {
        let ways = "ip -4 route show default; ip -6 route show default";
        assert_eq!(host.inside(name, ways).ok(), "", "an internal network gives no way out");
        let script = "ip route add default via 172.18.0.1 && ip route add default via fd18:3::1";
        host.inside(name, script).ok();
    }
    let sandboxes = [("inner", "closed"), ("second", "closed"), ("outer", "open")];
    scenes::INTERNAL.holds(&places(&host, &sandboxes), "at first");
}

#[test]
fn neighbours_kept_apart_are_so_over_both_families_and_who_lies_is_heard_by_nobody() {
    let mut host = Host::new();
    both_families(&host);
    host.start(&["--share-tables"]);
    dual(&host, "enforced", "fd18:5::/64", &["-o", "netdns.expose=enforce"]);
    dual(&host, "silent", "fd18:6::/64", &["-o", "com.docker.network.bridge.enable_icc=false"]);
    serve_outside(&host, true);
    serve(&host, "web", &["--network", "enforced", "--expose", "80"]);
    serve(&host, "dns", &["--network", "enforced", "-p", "5053:53/udp"]);
    for (name, network) in
        [("client", "enforced"), ("liar", "enforced"), ("one", "silent"), ("two", "silent")]
    {
        serve(&host, name, &["--network", network]);
    }
    let lie = "ip -4 addr flush dev eth0 && ip -6 addr flush dev eth0 scope global
               ip addr add 172.18.0.99/16 dev eth0 && ip addr add fd18:5::99/64 dev eth0 nodad
               ip route add default via 172.18.0.1 && ip -6 route replace default via fd18:5::1";
    host.inside("liar", lie).ok();
    let sandboxes =
        [("web", "enforced"), ("dns", "enforced"), ("client", "enforced"), ("two", "silent")];
    let places = places(&host, &sandboxes);
    for on in ["1", "0"] {
        let keys =
            ["iptables", "ip6tables"].map(|of| format!("net.bridge.bridge-nf-call-{of}={on}"));
        host.sh(&format!("sysctl -qw {}", keys.join(" "))).ok();
        scenes::APART.holds(&places, &format!("br_netfilter {on}"));
    }
    let count = "nft list table inet netdns | grep -c reject";
    let rejects = host.sh(count).ok();
    let find = "nft -a list table inet netdns | awk '/^\tchain/ {chain=$2} /reject/ {print chain, \"handle\", $NF; exit}'";
    host.sh(&format!("nft delete rule inet netdns $({find})")).ok();
    host.until(&format!("test $({count}) = {rejects}"));
    scenes::APART.holds(&places, "after a rule was deleted by hand");
}

/// `UPDATE=1` writes it.
#[test]
fn the_table_of_the_readme_is_what_is_tested() {
    const MARK: &str = "<!-- made by the tests: UPDATE=1 writes what follows -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let found = std::fs::read_to_string(&path).expect("tests/README.md");
    let (head, tail) = found.split_once(MARK).expect("the mark");
    let table: Vec<String> = scenes::ALL.iter().map(|scene| scene.text()).collect();
    let table = format!("\n{}", table.join("\n"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{head}{MARK}{table}")).expect("tests/README.md is written");
        return;
    }
    assert_eq!(tail, table, "UPDATE=1 rewrites tests/README.md");
}
