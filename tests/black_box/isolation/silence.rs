//! A sandbox on internal networks alone asks nobody, whatever it asks for.

use crate::host::Host;
use crate::names::upstream::Upstream;
use std::fs;

#[test]
fn an_internal_network_asks_nobody() {
    let host = Host::with_daemon();
    let upstream = Upstream::at_router(&host);
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    host.netdns(&["network", "create", "outer"]).ok();
    host.sleeper("in", &["--network", "inner"]);
    host.sleeper("peer", &["--network", "inner"]);
    host.sleeper("out", &["--network", "outer"]);
    // Whatever has a port, on every link of the host and of the router: names go over no other.
    for (name, entry) in [("host", &[][..]), ("router", &["ip", "netns", "exec", "router"])] {
        let tcpdump = ["tcpdump", "-i", "any", "-n", "-l", "--immediate-mode", "udp or tcp"];
        host.serve(&format!("capture-{name}"), &[entry, &tcpdump[..]].concat());
        let capture = host.path(&format!("capture-{name}")).display().to_string();
        host.until(&format!("grep -q listening {capture}"));
    }
    let questions = [
        "secret.example.test A",
        "secret.example.test AAAA",
        "secret.example.test HTTPS",
        "secret.example.test TXT",
        "secret.example.test ANY",
        "secret A",
        "peer.secret.test MX",
        "_secret._tcp.example.test SRV",
        "secret.inner A",
        "secret.outer A",
        "-x 192.0.2.77",
        "-x 10.9.0.1",
        "-x 2001:db8::77",
    ];
    for transport in ["+notcp", "+tcp"] {
        for question in questions {
            let said = host.inside("in", &format!("dig +tries=1 {transport} {question}")).ok();
            assert!(
                said.contains("status: NXDOMAIN") && said.contains("SOA"),
                "{question}: {said}"
            );
        }
    }
    let special = host.inside("in", "dig +tries=1 secret.local A").ok();
    assert!(special.contains("NOERROR") && special.contains("SOA"), "{special}");
    host.inside("in", "getent ahosts secret.example.test").fails(2);
    assert_eq!(host.inside("in", "dig +short peer").ok(), host.address("peer", "inner"));

    assert_eq!(host.inside("out", "dig +short control.example.test").ok(), "198.51.100.7");
    let mut seen = Vec::new();
    for name in ["host", "router"] {
        let capture = host.path(&format!("capture-{name}"));
        host.until(&format!("grep -q control.example.test {}", capture.display()));
        let text = fs::read_to_string(&capture).expect("a capture");
        let packets = text.lines().filter(|line| line.contains(" IP ") || line.contains(" IP6 "));
        let first = packets.into_iter().next().expect("a packet").to_owned();
        assert!(first.contains("control.example.test"), "{name} heard: {text}");
        seen.push(text);
    }
    assert!(!seen.concat().contains("secret"), "{seen:?}");
    assert_eq!(upstream.asked(), ["udp 10.9.0.2 control.example.test 1"]);
}
