//! A sandbox's resolver belongs to that sandbox, whatever its programs and its neighbours do.

use super::upstream::Upstream;
use super::{short, with_localnet};
use crate::host::Host;
use std::fs;

/// Sends a DNS query and then a plain datagram in hand-made frames, to addresses of the victim's loopback.
const FORGE: &str = r#"
import socket, struct, sys
link, mac, source, port, control = sys.argv[1:6]
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def frame(target, port, data):
    udp = struct.pack("!HHHH", 5555, port, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return bytes.fromhex(mac.replace(":", "")) + wire.getsockname()[4] + b"\x08\x00" + head + udp
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((link, 0))
question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x05probe\x07example\x04test\x00\x00\x01\x00\x01"
wire.send(frame("127.0.0.11", int(port), question))
wire.send(frame("127.0.0.11", 53, question))
wire.send(frame("127.0.0.12", int(control), b"control"))
"#;

/// Waits for one datagram at 127.0.0.12, of whatever link.
const CONTROL: &str = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.12', 5353)); \
                       print('listening', flush=True); print(s.recv(99), flush=True)";

/// Returns the port that the resolver's UDP socket really has.
fn real_port(host: &Host, sandbox: &str) -> String {
    let sockets = host.inside(sandbox, "cat /proc/net/udp").ok();
    let line =
        sockets.lines().find(|line| line.contains(" 0B00007F:")).expect("a socket of the resolver");
    let port =
        line.split(" 0B00007F:").nth(1).expect("its port").split(' ').next().expect("hexadecimal");
    u16::from_str_radix(port, 16).expect("a port").to_string()
}

#[test]
fn a_program_of_the_sandbox_may_have_port_53_while_names_are_asked() {
    let host = with_localnet();
    host.sleeper("ns", &["--network", "localnet"]);
    host.sleeper("client", &["--network", "localnet"]);
    let own = Upstream::in_sandbox(&host, "ns");
    for transport in ["+notcp", "+tcp"] {
        assert_eq!(short(&host, "ns", &format!("{transport} client")), ["172.18.0.3"]);
        for (sandbox, server) in
            [("ns", "127.0.0.1"), ("ns", "172.18.0.2"), ("client", "172.18.0.2")]
        {
            let asked = short(&host, sandbox, &format!("{transport} @{server} any.example.test"));
            assert_eq!(asked, ["203.0.113.53"], "{transport} {sandbox} @{server}");
        }
    }
    assert!(!own.was_asked("client"), "{:?}", own.asked());
    // A resolver that comes after such a program is no different.
    host.sleeper("first", &[]);
    let _own = Upstream::in_sandbox(&host, "first");
    host.netdns(&["network", "connect", "localnet", "first"]).ok();
    assert_eq!(short(&host, "first", "client"), ["172.18.0.3"]);
    assert_eq!(short(&host, "first", "+tcp client"), ["172.18.0.3"]);
    assert_eq!(short(&host, "first", "@127.0.0.1 any.example.test"), ["203.0.113.53"]);
}

#[test]
fn flushing_the_rules_inside_a_sandbox_does_not_end_its_names() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet", "--privileged"]);
    let own =
        "nft add table ip mine; iptables -A OUTPUT -j ACCEPT; iptables -t nat -A OUTPUT -j ACCEPT";
    host.inside("web", own).ok();
    for flush in ["iptables -F", "iptables -t nat -F", "nft flush ruleset"] {
        host.inside("web", flush).ok();
        assert_eq!(short(&host, "web", "web"), ["172.18.0.2"], "{flush}");
        assert_eq!(short(&host, "web", "+tcp web"), ["172.18.0.2"], "{flush}");
    }
    let left = host.inside("web", "nft list tables").ok();
    assert!(!left.contains("mine"), "the flush reached nothing: {left}");
    for removal in
        ["delete table ip netdns", "flush chain ip netdns output", "destroy table ip netdns"]
    {
        assert_ne!(host.inside("web", &format!("nft {removal}")).code, 0, "{removal}");
    }
    assert_eq!(short(&host, "web", "web"), ["172.18.0.2"]);
}

#[test]
fn neither_a_neighbour_nor_the_host_reaches_a_sandboxs_resolver() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.sleeper("victim", &["--network", "localnet", "--privileged"]);
    host.sleeper("attacker", &["--network", "localnet", "--privileged"]);
    let port = real_port(&host, "victim");
    for port in ["53", &port] {
        for transport in ["+notcp", "+tcp"] {
            let ask =
                format!("dig +short +tries=1 +time=1 {transport} -p {port} @172.18.0.2 victim");
            assert_ne!(host.inside("attacker", &ask).code, 0, "{ask}");
            assert_ne!(host.sh(&ask).code, 0, "{ask}");
        }
    }
    // The worst case: a victim that takes packets for its loopback from the wire, frames made by hand, and no firewall
    // between them.
    host.sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true").ok();
    host.inside(
        "victim",
        "sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1",
    )
    .ok();
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.serve("control", &[netdns, "exec", "victim", "python3", "-c", CONTROL]);
    let control = host.path("control").display().to_string();
    host.until(&format!("grep -q listening {control}"));
    fs::write(host.path("forge.py"), FORGE).expect("a program");
    let mac = host.inside("victim", "cat /sys/class/net/eth0/address").ok();
    let forge = host.path("forge.py").display().to_string();
    host.netdns(&[
        "exec",
        "attacker",
        "python3",
        &forge,
        "eth0",
        &mac,
        "172.18.0.3",
        &port,
        "5353",
    ])
    .ok();
    host.until(&format!("grep -q control {control}"));
    assert_eq!(short(&host, "victim", "after.example.test"), ["198.51.100.7"]);
    assert_eq!(upstream.asked(), ["udp 10.9.0.2 after.example.test 1"]);
}

#[test]
fn a_look_up_leaves_connection_tracking_alone() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet", "--privileged"]);
    let tracked = || host.inside("web", "cat /proc/sys/net/netfilter/nf_conntrack_count").ok();
    host.inside(
        "web",
        "nft 'table ip mine { chain output { type filter hook output priority 0; ct state new accept; }; }'",
    )
    .ok();
    assert_eq!(short(&host, "web", "web"), ["172.18.0.2"]);
    assert_eq!(short(&host, "web", "+tcp web"), ["172.18.0.2"]);
    assert_eq!(tracked(), "0");
    host.inside("web", "ping -c1 127.0.0.11").ok();
    assert_ne!(tracked(), "0", "nothing is tracked here at all");
}

#[test]
fn the_resolver_listens_where_the_daemon_was_told_to() {
    for (listen, named) in [("direct", true), ("none", false)] {
        let mut host = Host::new();
        host.start(&["--dns-listen", listen]);
        host.netdns(&["network", "create", "localnet"]).ok();
        host.sleeper("web", &["--privileged", "--network", "localnet"]);
        let known = host.netdns(&["exec", "web", "getent", "hosts", "web.localnet"]);
        assert_eq!(known.code == 0, named, "{listen}: {known:?}");
        assert_eq!(
            host.inside("web", "nft list tables").ok(),
            "",
            "{listen}: nothing is rewritten"
        );
        let sockets = host.inside("web", "ss -Hlnu; ss -Hlnt").ok();
        assert_eq!(
            sockets.matches("127.0.0.11%lo:53 ").count(),
            if named { 2 } else { 0 },
            "{sockets}"
        );
    }
}
