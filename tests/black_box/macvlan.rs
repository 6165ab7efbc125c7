//! Driver `macvlan`: sandboxes on the segment of a link of the host, here that of `up0`, at whose other end stands the
//! router.

mod modes;

use crate::host::Host;
use serde_json::Value;

const SEGMENT: [&str; 8] =
    ["network", "create", "-d", "macvlan", "-o", "parent=up0", "--subnet", "10.9.0.0/24"];

fn segment(host: &Host, more: &[&str]) {
    host.netdns(&[&SEGMENT[..], more, &["lan"]].concat()).ok();
}

fn on_lan(host: &Host, name: &str, ip: &str) {
    host.sleeper(name, &["--network", "lan", "--ip", ip]);
}

fn inspected(host: &Host, words: &[&str]) -> Value {
    let shown = host.netdns(words).ok();
    serde_json::from_str::<Value>(&shown).expect("JSON")[0].take()
}

#[test]
fn sandboxes_on_a_segment_reach_each_other_by_name_and_what_is_on_it_but_not_the_host() {
    let host = Host::with_daemon();
    segment(&host, &[]);
    on_lan(&host, "a", "10.9.0.20");
    on_lan(&host, "b", "10.9.0.21");
    let rules = host.run(&["nft", "list", "ruleset"]).ok();
    assert_eq!(rules, "", "no rule of the firewall applies");

    let inside = |script: &str| host.inside("a", script).ok();
    assert_eq!(inside("dig +short b"), "10.9.0.21");
    assert_eq!(inside("dig +short b.lan"), "10.9.0.21");
    assert_eq!(inside("dig +short -x 10.9.0.21"), "b.lan.");
    inside("ping -c1 -W5 b && ping -c1 -W5 10.9.0.1");
    host.router("ping -c1 -W5 10.9.0.20").ok();
    assert_eq!(inside("ip route show default | cut -d' ' -f1-5"), "default via 10.9.0.1 dev eth0");
    assert_eq!(inside("dig +short host.docker.internal"), "", "no address leads to the host");
    assert_eq!(inside("cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6"), "1");
    // The kernel leads nothing between a parent and its macvlan links; the router is reached from both.
    assert_ne!(host.sh("ping -c1 -W1 10.9.0.20").code, 0);
    assert_ne!(host.inside("a", "ping -c1 -W1 10.9.0.2").code, 0);
    host.sh("ping -c1 -W5 10.9.0.1").ok();

    let shown = inspected(&host, &["network", "inspect", "lan"]);
    assert_eq!(shown["Driver"], "macvlan");
    assert_eq!(shown["Options"]["parent"], "up0");
    assert_eq!(shown["IPAM"]["Config"][0]["Gateway"], "10.9.0.1");
    assert_eq!(shown["IPAM"]["Config"][0]["AuxiliaryAddresses"]["up0"], "10.9.0.2");
    let listed = host.netdns(&["network", "ls", "--filter", "driver=macvlan"]).ok();
    assert!(listed.contains(" lan ") && listed.contains(" macvlan "), "{listed}");
    let stats = host.netdns(&["stats", "--no-stream"]).ok();
    let carried = stats.lines().skip(1).all(|line| !line.contains(" 0B "));
    assert!(carried, "{stats}");
    let taken = host.netdns(&["run", "--network", "lan", "--ip", "10.9.0.2", "true"]).fails(125);
    assert!(taken.contains("10.9.0.2 belongs to aux-address up0"), "{taken}");
}

#[test]
fn a_segment_is_joined_and_left_live_and_takes_the_default_route_along() {
    let host = Host::with_daemon();
    segment(&host, &[]);
    host.netdns(&["network", "create", "inner"]).ok();
    host.sleeper("a", &["--network", "inner"]);
    let inside = |script: &str| host.inside("a", script).ok();
    let way = || inside("ip route show default | cut -d' ' -f3");
    let bridge = way();
    host.netdns(&["network", "connect", "--gw-priority", "1", "--ip", "10.9.0.20", "lan", "a"])
        .ok();
    assert_eq!(way(), "10.9.0.1");
    inside("ping -c1 -W5 10.9.0.1");
    host.netdns(&["network", "disconnect", "lan", "a"]).ok();
    assert_eq!(way(), bridge);
    assert_eq!(inside("ls /sys/class/net | xargs"), "eth0 lo");

    host.sh("ip netns add guest").ok();
    host.netdns(&["attach", "--netns", "/run/netns/guest", "--name", "guest", "--network", "lan"])
        .ok();
    host.sh("ip netns exec guest ping -c1 -W5 10.9.0.1").ok();
    host.netdns(&["detach", "guest"]).ok();
    assert_eq!(host.sh("ip -o netns exec guest ls /sys/class/net").ok(), "lo");
    host.netdns(&["network", "rm", "lan"]).ok();
}

#[test]
fn what_hangs_on_a_parent_outlives_the_manager_and_comes_back_with_the_parent() {
    let mut host = Host::with_daemon();
    segment(&host, &[]);
    on_lan(&host, "a", "10.9.0.20");
    on_lan(&host, "b", "10.9.0.21");
    host.end_daemon("KILL");
    host.router("ping -c1 -W5 10.9.0.20").ok();
    host.start(&[]);
    host.inside("a", "ping -c1 -W5 b").ok();

    host.sh("ip link del up0").ok();
    assert_eq!(host.inside("a", "ls /sys/class/net").ok(), "lo");
    let refused = host.netdns(&["run", "--network", "lan", "true"]).fails(125);
    assert!(refused.contains("cannot find parent interface up0"), "{refused}");
    host.sh("ip link add up0 type veth peer name down0 netns router && ip link set up0 up
             ip -n router addr add 10.9.0.1/24 dev down0 && ip -n router link set down0 up")
        .ok();
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!("{netdns} exec a ping -c1 -W1 b && {netdns} exec a ping -c1 -W1 10.9.0.1"));
}

#[test]
fn a_parent_that_cannot_carry_a_network_is_refused_by_name() {
    let host = Host::with_daemon();
    host.sh("ip link add br0 type bridge && ip link add p0 type veth peer name p1
             ip link set p0 master br0")
        .ok();
    let refuses = |words: &[&str], says: &[&str]| {
        let said = host.netdns(&[&["network", "create", "-d", "macvlan"], words, &["no"]].concat());
        let said = said.fails(1);
        assert!(said.contains("hint: "), "{said}");
        says.iter().for_each(|text| assert!(said.contains(text), "{said}"));
    };
    refuses(&[], &["a macvlan network needs a parent", "-o parent=IF"]);
    refuses(&["-o", "parent=up7"], &["parent interface up7 not found"]);
    refuses(&["-o", "parent=lo"], &["loopback interface is not a valid macvlan parent link"]);
    refuses(&["-o", "parent=p0"], &["parent interface p0 is a port of br0", "-o parent=br0"]);
    for mode in ["hub", "", "Private", "source"] {
        let option = format!("macvlan_mode={mode}");
        let says = format!("macvlan mode '{mode}' is not valid");
        refuses(&["-o", "parent=up0", "-o", &option], &[&says, "bridge, private, vepa, passthru"]);
    }
    let bridge = host.netdns(&["network", "create", "-o", "macvlan_mode=private", "no"]).fails(1);
    assert!(bridge.contains("unknown option macvlan_mode for driver bridge"), "{bridge}");
    refuses(
        &["-o", "parent=up0", "-o", "netdns.guard=on"],
        &["unknown option netdns.guard for driver macvlan"],
    );
    segment(&host, &[]);
    let same = ["-o", "parent=up0", "--subnet", "10.9.0.128/25"];
    refuses(&same, &["network lan is already using parent interface up0"]);
    let other = ["-o", "parent=up0", "-o", "macvlan_mode=passthru", "--subnet", "10.8.0.0/24"];
    refuses(&other, &["network lan is already using parent interface up0 in mode passthru"]);

    let more =
        ["network", "create", "-d", "macvlan", "-o", "parent=up0", "--subnet", "10.8.0.0/24"];
    host.netdns(&[&more[..], &["more"]].concat()).ok();
    let ran = host.netdns(&["run", "-p", "5000:80", "--network", "lan", "true"]);
    assert!(ran.err.contains("publishes ports but is on no network that has a way in"), "{ran:?}");
    let alone =
        ["network", "create", "-d", "macvlan", "-o", "parent=br0", "-o", "macvlan_mode=passthru"];
    host.netdns(&[&alone[..], &["alone"]].concat()).ok();
    host.sleeper("first", &["--network", "alone"]);
    let second = host.netdns(&["run", "--network", "alone", "true"]).fails(125);
    assert!(second.contains("first has its parent interface to itself"), "{second}");
}
