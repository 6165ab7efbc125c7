//! Who reaches whom: between networks, out of them, and into them.

mod apart;
mod silence;

use crate::host::{Host, Ran};
use crate::names::upstream::Upstream;

fn ping(host: &Host, from: &str, to: &str) -> Ran {
    host.netdns(&["exec", from, "ping", "-c1", "-W1", to])
}

/// Asks a name server that is reached directly, not through a resolver. It fails when none answers.
fn reach(host: &Host, from: &str, server: &str) -> Ran {
    host.inside(from, &format!("dig +short +tcp +tries=1 +time=1 @{server} any.example.test"))
}

#[test]
fn networks_are_apart_also_with_a_route_through_a_sandbox_on_both() {
    let host = Host::with_daemon();
    // Guarded, a sandbox could not even send what others sent.
    host.netdns(&["network", "create", "-o", "netdns.guard=off", "a"]).ok();
    host.netdns(&["network", "create", "-o", "netdns.guard=off", "b"]).ok();
    host.sleeper("one", &["--network", "a", "--privileged"]);
    host.sleeper("two", &["--network", "a", "--network", "b", "--privileged"]);
    host.sleeper("three", &["--network", "b", "--privileged"]);
    let (one, three) = (host.address("one", "a"), host.address("three", "b"));
    let (two_on_a, two_on_b) = (host.address("two", "a"), host.address("two", "b"));
    for (from, to) in [("one", &two_on_a), ("two", &one), ("two", &three), ("three", &two_on_b)] {
        ping(&host, from, to).ok();
    }
    let apart = || {
        for (from, to) in
            [("one", &three), ("one", &two_on_b), ("three", &one), ("three", &two_on_a)]
        {
            assert_ne!(ping(&host, from, to).code, 0, "{from} reaches {to}");
        }
    };
    apart();
    host.inside("one", &format!("ip route add {three} via {two_on_a}")).ok();
    host.inside("three", &format!("ip route add {one} via {two_on_b}")).ok();
    assert_ne!(ping(&host, "one", &three).code, 0);
    assert_ne!(ping(&host, "three", &one).code, 0);
    // The path is there: a sandbox that makes itself a router is one.
    host.inside("two", "sysctl -qw net.ipv4.ip_forward=1").ok();
    ping(&host, "one", &three).ok();
    // It is none any more with the next change: a namespace may begin as one, and netdns sees to it that it is not.
    host.netdns(&["network", "create", "c"]).ok();
    host.netdns(&["network", "connect", "c", "two"]).ok();
    assert_ne!(ping(&host, "one", &three).code, 0);
}

#[test]
fn a_server_beyond_the_host_sees_the_hosts_address_unless_masquerading_is_off() {
    let host = Host::with_daemon();
    let beyond = Upstream::at_router(&host);
    let off = ["-o", "com.docker.network.bridge.enable_ip_masquerade=false"];
    host.netdns(&["network", "create", "hidden"]).ok();
    host.netdns(&[&["network", "create"], &off[..], &["shown"]].concat()).ok();
    host.sleeper("one", &["--network", "hidden"]);
    host.sleeper("two", &["--network", "shown"]);
    host.sleeper("plain", &[]);
    host.router("ip route add 172.16.0.0/12 via 10.9.0.2").ok();
    for sandbox in ["one", "plain", "two"] {
        assert_eq!(reach(&host, sandbox, "10.9.0.1").ok(), "198.51.100.7", "{sandbox}");
    }
    let own = format!("tcp {} any.example.test 1", host.address("two", "shown"));
    let hosts = "tcp 10.9.0.2 any.example.test 1";
    assert_eq!(beyond.asked(), [hosts, hosts, &own]);
}

#[test]
fn what_a_router_sends_at_a_network_is_dropped_unless_it_is_an_answer() {
    let host = Host::with_daemon();
    let _beyond = Upstream::at_router(&host);
    let off = ["-o", "com.docker.network.bridge.enable_ip_masquerade=false"];
    host.netdns(&[&["network", "create"], &off[..], &["shown"]].concat()).ok();
    host.sleeper("web", &["--network", "shown"]);
    let server = Upstream::in_sandbox(&host, "web");
    let address = host.address("web", "shown");
    host.router(&format!("ip route add {address} via 10.9.0.2")).ok();
    assert_eq!(reach(&host, "web", "10.9.0.1").ok(), "198.51.100.7", "the way there and back");
    for transport in ["+notcp", "+tcp"] {
        let ask = format!("dig +short +tries=1 +time=1 {transport} @{address} routed.example.test");
        assert_ne!(host.router(&ask).code, 0);
        assert_eq!(host.sh(&ask.replace("routed", "host")).ok(), "203.0.113.53", "the host itself");
    }
    assert_ne!(host.router(&format!("ping -c1 -W1 {address}")).code, 0);
    assert!(!server.was_asked("routed") && server.was_asked("host."), "{:?}", server.asked());
}

#[test]
fn an_internal_network_has_no_way_out_and_no_way_in() {
    let host = Host::with_daemon();
    let _beyond = Upstream::at_router(&host);
    let _host = Upstream::on_host(&host);
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    host.netdns(&["network", "create", "outer"]).ok();
    host.sleeper("in", &["--network", "inner", "--privileged"]);
    host.sleeper("in2", &["--network", "inner"]);
    host.sleeper("out", &["--network", "outer", "--privileged"]);
    let _inside = Upstream::in_sandbox(&host, "in");
    let (inside, outside) = (host.address("in", "inner"), host.address("out", "outer"));
    ping(&host, "in", &host.address("in2", "inner")).ok();
    assert_eq!(host.inside("in", "ip route show default").ok(), "");
    assert_ne!(ping(&host, "in", "10.9.0.1").code, 0);
    // With a route of its own making it is no better off.
    let gateway = "ip -j route | grep -o '[0-9.]*/16' | sed 's|0.0/16|0.1|'";
    let gateway = host.inside("in", gateway).ok();
    host.inside("in", &format!("ip route add default via {gateway}")).ok();
    assert_eq!(reach(&host, "in", &gateway).ok(), "203.0.113.1", "the bridge's own address");
    for server in ["10.9.0.2", "10.9.0.1"] {
        assert_ne!(reach(&host, "in", server).code, 0, "{server}");
        reach(&host, "out", server).ok();
    }
    assert_ne!(ping(&host, "in", &outside).code, 0);
    ping(&host, "out", "10.9.0.1").ok();
    // Nor is anybody else: the host is the only one that asks it.
    host.router(&format!("ip route add {inside} via 10.9.0.2")).ok();
    let ask = format!("dig +short +tries=1 +time=1 @{inside} any.example.test");
    assert_ne!(host.router(&ask).code, 0);
    assert_ne!(host.inside("out", &ask).code, 0);
    assert_eq!(host.sh(&ask).ok(), "203.0.113.53");
}

#[test]
fn a_person_who_asks_as_a_member_of_an_internal_network_asks_nobody_either() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "--internal", "vault"]).ok();
    let denied = host.netdns(&["resolve", "example.com", "--network", "vault"]);
    assert!(denied.code == 1 && denied.out.contains("NXDOMAIN"), "{denied:?}");
    host.netdns(&["network", "create", "open"]).ok();
    // The twin asks the host's server, which answers nothing here: a failure, not a denial.
    let asked = host.netdns(&["resolve", "example.com", "--network", "open"]);
    assert!(asked.code == 1 && asked.out.contains("SERVFAIL"), "{asked:?}");
}

#[test]
fn a_sandbox_finds_no_way_to_our_directories_not_even_through_its_init() {
    let host = Host::with_daemon();
    host.sleeper("web", &[]);
    let directories = [host.path("run"), host.path("state")];
    for dir in &directories {
        let dir = dir.display();
        host.sh(&format!("test -n \"$(ls -A {dir})\"")).ok();
        assert_eq!(host.inside("web", &format!("ls -A {dir}")).ok(), "", "{dir}");
    }
    // What the init holds open, and what any process may be entered by.
    let held = host.inside(
        "web",
        "for way in /proc/1/fd/* /proc/1/cwd /proc/1/root; do readlink $way; done; true",
    );
    assert_eq!(held.ok(), "");
}
