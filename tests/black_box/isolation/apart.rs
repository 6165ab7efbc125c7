//! Neighbours that are kept apart: what they reach of each other, and how they are refused.

use crate::host::Host;
use crate::ports::{ask, serve};

/// Asks a UDP port, or connects to a TCP port, and says how that ends.
const TRY: &str = "
import socket, sys
address, proto = sys.argv[1].split('/')
ip, port = address.split(':')
kind = socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM
client = socket.socket(socket.AF_INET, kind)
client.settimeout(10)
try:
    client.connect((ip, int(port)))
    if proto == 'udp': client.send(b'ask'); client.recv(100)
    print('answered')
except Exception as error: print(type(error).__name__)
";

fn tried(host: &Host, from: &str, socket: &str) -> String {
    host.netdns(&["exec", from, "python3", "-c", TRY, socket]).ok()
}

#[track_caller]
fn check(host: &Host, from: &str, rows: &[(String, &str)], when: &str) {
    for (socket, ends) in rows {
        assert_eq!(tried(host, from, socket), *ends, "{from} asks {socket}, {when}");
    }
}

fn bridged(host: &Host, on: &str) {
    host.sh(&format!("sysctl -qw net.bridge.bridge-nf-call-iptables={on}")).ok();
}

/// `web` serves 80/tcp, which it exposes, 81/tcp and 53/udp; `dns` the same and publishes 53/udp; `client` serves nothing.
fn three(host: &Host, option: &str) -> (String, String) {
    host.netdns(&["network", "create", "-o", option, "apart"]).ok();
    serve(host, "web", &["--network", "apart", "--expose", "80"]);
    serve(host, "dns", &["--network", "apart", "-p", "5053:53/udp"]);
    host.sleeper("client", &["--network", "apart"]);
    (host.address("web", "apart"), host.address("dns", "apart"))
}

#[test]
fn where_exposing_is_enforced_neighbours_reach_exposed_and_published_ports_alone() {
    let mut host = Host::with_daemon();
    let (web, dns) = three(&host, "netdns.expose=enforce");
    let client = host.address("client", "apart");
    let refused = "ConnectionRefusedError";
    let rows = [
        (format!("{web}:80/tcp"), "answered"),
        (format!("{web}:81/tcp"), refused),
        (format!("{web}:53/udp"), refused),
        (format!("{dns}:53/udp"), "answered"),
        (format!("{dns}:80/tcp"), refused),
    ];
    let published = [("10.9.0.2:5053/udp".to_owned(), "answered")];
    for on in ["1", "0"] {
        bridged(&host, on);
        check(&host, "client", &rows, &format!("br_netfilter {on}"));
        assert_eq!(tried(&host, "web", &format!("{client}:80/tcp")), refused);
        assert_ne!(host.netdns(&["exec", "client", "ping", "-c1", "-W1", &web]).code, 0);
        // It is asked by its neighbour's own address, and the host is no neighbour.
        let seen = host.inside("client", &ask(&format!("{web}:80/tcp"))).ok();
        assert_eq!(seen, client);
        host.sh(&ask(&format!("{web}:81/tcp"))).ok();
        host.router(&ask("10.9.0.2:5053/udp")).ok();
    }
    // Where br_netfilter is on the frame is rewritten while it is bridged, and meets the isolated port.
    check(&host, "client", &published, "through the host");
    host.end_daemon("KILL");
    host.sh("ip -o link show type veth | grep -o 'veth[0-9a-f]*' | while read port; do
                 bridge link set dev $port isolated off; done
             sysctl -qw net.ipv4.conf.$(ip -o link show type bridge | grep -o 'br-[0-9a-f]*').proxy_arp_pvlan=0")
        .ok();
    host.start(&[]);
    check(&host, "client", &rows, "with the next one");
}

#[test]
fn without_icc_neighbours_reach_what_is_published_through_the_host_alone() {
    let host = Host::with_daemon();
    let (web, dns) = three(&host, "com.docker.network.bridge.enable_icc=false");
    let refused = "ConnectionRefusedError";
    let rows = [(format!("{web}:80/tcp"), refused), (format!("{dns}:53/udp"), refused)];
    let published = [("10.9.0.2:5053/udp".to_owned(), "answered")];
    for on in ["1", "0"] {
        bridged(&host, on);
        check(&host, "client", &rows, &format!("br_netfilter {on}"));
        host.sh(&ask(&format!("{web}:80/tcp"))).ok();
    }
    check(&host, "client", &published, "through the host");
}
