//! SCTP, which the rules alone lead: also where the kernel itself does not speak it, as a userland stack may.

use crate::host::Host;
use crate::reach::{both_families, dual};

const TALK: &str = include_str!("sctp.py");

fn ask(host: &Host, from: &str, socket: &str, patience: &str) -> String {
    let words = ["python3", "-c", TALK, "ask", socket, patience];
    let ran = match from {
        "host" => host.run(&words),
        "router" => host.run(&[&["ip", "netns", "exec", "router"], &words[..]].concat()),
        sandbox => host.netdns(&[&["exec", sandbox], &words[..]].concat()),
    };
    ran.ok()
}

#[test]
fn sctp_is_published_exposed_and_refused_by_rules_alone_over_both_families() {
    let mut host = Host::new();
    both_families(&host);
    // On, it keeps neighbours that are apart from published ports: they ask the sandbox itself.
    let keys = ["iptables", "ip6tables"].map(|of| format!("net.bridge.bridge-nf-call-{of}=0"));
    host.sh(&format!("sysctl -qw {}", keys.join(" "))).ok();
    host.start(&[]);
    dual(&host, "apart", "fd18:7::/64", &["-o", "netdns.expose=enforce"]);
    let flags = ["--network", "apart", "-p", "5060:6060/sctp", "-p", "7000/sctp"];
    let expose = ["--expose", "5061/sctp", "--expose", "5062/tcp"];
    let serve = ["python3", "-c", TALK, "serve"];
    let run = ["run", "-d", "--name", "web"];
    host.netdns(&[&run[..], &flags, &expose, &serve].concat()).ok();
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!("{netdns} logs web | grep -q ready"));
    host.sleeper("client", &["--network", "apart"]);
    let web = host.address("web", "apart");
    let client = host.address("client", "apart");
    assert_eq!(host.sh("grep -ci sctp /proc/net/protocols || true").ok(), "0", "nothing loads it");

    let answered = [
        ("router", "10.9.0.2:5060", "10.9.0.1 6060"),
        ("router", "[fd09::2]:5060", "fd09::1 6060"),
        ("host", "127.0.0.1:5060", "172.18.0.1 6060"),
        ("client", "10.9.0.2:5060", "172.18.0.1 6060"),
        ("client", "[fd09::2]:5060", "fd18:7::1 6060"),
        ("client", &format!("{web}:5061"), &format!("{client} 5061")),
        ("client", "[fd18:7::2]:5061", "fd18:7::3 5061"),
        ("host", &format!("{web}:5062"), "172.18.0.1 5062"),
    ];
    for (from, socket, saw) in answered {
        assert_eq!(ask(&host, from, socket, "10"), saw, "{from} asks {socket}");
    }
    // A port is exposed for one protocol.
    for socket in [format!("{web}:5062"), "[fd18:7::2]:5062".to_owned()] {
        assert_eq!(ask(&host, "client", &socket, "10"), "ConnectionRefusedError", "{socket}");
    }
    assert_eq!(ask(&host, "router", &format!("{web}:5061"), "1"), "silence");

    // A port that nobody named is chosen, though no socket can hold it.
    let listed = host.netdns(&["port", "web", "7000/sctp"]).ok();
    let chosen = listed.lines().next().expect("a port").rsplit_once(':').expect("a port").1;
    assert_eq!(ask(&host, "router", &format!("10.9.0.2:{chosen}"), "10"), "10.9.0.1 7000");
    let taken = host.netdns(&["run", "-p", "5060:1/sctp", "true"]).fails(125);
    assert!(taken.contains("Bind for 0.0.0.0:5060 failed: port is already allocated"), "{taken}");
    host.sleeper("other", &["-p", "5060:1/udp"]);
}
