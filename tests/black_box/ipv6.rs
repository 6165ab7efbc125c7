//! Networks of both families: addresses, names, ways out; and what becomes of the host's own IPv6.

use crate::host::Host;
use serde_json::Value;

fn inspected(host: &Host, words: &[&str]) -> Value {
    let shown = host.netdns(words).ok();
    let mut shown: Value = serde_json::from_str(&shown).expect("JSON");
    shown[0].take()
}

/// Returns a network's IPv6 subnet without `/64`, as `fd12:3456:789a::`.
fn prefix(host: &Host, network: &str) -> String {
    let shown = inspected(host, &["network", "inspect", network]);
    assert_eq!(shown["EnableIPv6"], true);
    let subnet = shown["IPAM"]["Config"][1]["Subnet"].as_str().expect("a subnet").to_owned();
    assert!(subnet.starts_with("fd") && subnet.ends_with("::/64"), "{subnet}");
    subnet.trim_end_matches("/64").to_owned()
}

#[test]
fn a_network_of_both_families_gives_addresses_names_and_ways_out() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "--ipv6", "one"]).ok();
    host.netdns(&["network", "create", "--ipv6", "two"]).ok();
    host.netdns(&["network", "create", "old"]).ok();
    let (one, two) = (prefix(&host, "one"), prefix(&host, "two"));
    assert_ne!(one, two);
    host.sleeper(
        "web",
        &["--network", "one", "--ip6", &format!("{one}77"), "--add-host", "gw:host-gateway"],
    );
    host.sleeper("db", &["--network", "one"]);

    let shown = inspected(&host, &["inspect", "web"]);
    let endpoint = &shown["NetworkSettings"]["Networks"]["one"];
    assert_eq!(endpoint["GlobalIPv6Address"], format!("{one}77"));
    assert_eq!(endpoint["GlobalIPv6PrefixLen"], 64);
    assert_eq!(endpoint["IPv6Gateway"], format!("{one}1"));
    let members = &inspected(&host, &["network", "inspect", "one"])["Containers"];
    let members: Vec<_> = members.as_object().expect("members").values().collect();
    assert!(
        members.iter().any(|member| member["IPv6Address"] == format!("{one}77/64")),
        "{members:?}"
    );

    let inside = |script: &str| host.inside("db", script).ok();
    assert_eq!(inside("dig +short AAAA web"), format!("{one}77"));
    assert_eq!(inside("dig +short AAAA host.docker.internal"), format!("{one}1"));
    assert_eq!(inside(&format!("dig +short -x {one}77")), "web.one.");
    inside(&format!("ping -6 -c1 -W5 web && ping -6 -c1 -W5 {one}1"));
    assert_eq!(inside("cat /proc/sys/net/ipv6/conf/eth0/accept_ra"), "0");
    assert_eq!(inside("ip -6 addr show scope global tentative"), "");
    let hosts = host.inside("web", "cat /etc/hosts").ok();
    assert!(
        hosts.contains(&format!("{one}77\t")) && hosts.contains(&format!("{one}1\tgw")),
        "{hosts}"
    );

    // The way out of either family follows the priority, as far as the network has that family.
    let way = |family: &str| {
        let route = host.inside("db", &format!("ip -{family} route show default")).ok();
        route.split(' ').nth(2).unwrap_or_default().to_owned()
    };
    assert_eq!(way("6"), format!("{one}1"));
    host.netdns(&["network", "connect", "--gw-priority", "9", "old", "db"]).ok();
    assert_eq!((way("4"), way("6")), ("172.20.0.1".into(), format!("{one}1")));
    let six = format!("{two}99");
    host.netdns(&["network", "connect", "--ip6", &six, "--gw-priority", "5", "two", "db"]).ok();
    assert_eq!((way("4"), way("6")), ("172.20.0.1".into(), format!("{two}1")));
    host.inside("db", &format!("ip -6 addr show | grep -q {six}/64")).ok();
    host.netdns(&["network", "disconnect", "two", "db"]).ok();
    assert_eq!(way("6"), format!("{one}1"));
    let taken = host.netdns(&["run", "--network", "one", "--ip6", &format!("{one}77"), "true"]);
    assert!(taken.fails(125).contains("Address already in use"));

    // The prefix is the host's for good.
    host.netdns(&["rm", "-f", "web", "db"]).ok();
    host.netdns(&["network", "prune", "-f"]).ok();
    host.end_daemon("TERM");
    host.start(&[]);
    host.netdns(&["network", "create", "--ipv6", "again"]).ok();
    assert_eq!(prefix(&host, "again"), one);
}

/// Advertises a default route, as a router does.
pub const ADVERTISE: &str = "
import socket, struct
advertisement = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0)
router = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
router.sendto(advertisement, ('ff02::1', 0, 0, socket.if_nametoindex('down0')))
";

#[test]
fn a_host_that_begins_to_forward_keeps_the_route_that_a_router_has_advertised() {
    let mut host = Host::new();
    let program = host.path("advertise.py");
    std::fs::write(&program, ADVERTISE).expect("a program");
    let program = program.display();
    let advertised = "ip -6 route show default proto ra | grep -q up0";
    host.until(&format!("ip netns exec router python3 {program}; {advertised}"));
    host.start(&[]);
    host.netdns(&["network", "create", "plain"]).ok();
    let sysctl = |key: &str| host.sh(&format!("cat /proc/sys/net/ipv6/conf/{key}")).ok();
    assert_eq!((sysctl("all/forwarding"), sysctl("up0/accept_ra")), ("0".into(), "1".into()));
    host.netdns(&["network", "create", "--ipv6", "dual"]).ok();
    assert_eq!((sysctl("all/forwarding"), sysctl("up0/accept_ra")), ("1".into(), "2".into()));
    host.sh(advertised).ok();
    host.sh("ip -6 route del default proto ra").ok();
    host.until(&format!("ip netns exec router python3 {program}; {advertised}"));
    assert!(host.log().contains("net.ipv6.conf.all.forwarding switched on"), "it is said");
}
