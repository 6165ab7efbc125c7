//! The modes, over both families: what a switch that sends frames back where they came from (802.1Qbg) changes.

use super::inspected;
use crate::host::Host;
use crate::ipv6::ADVERTISE;
use crate::reach::both_families;

fn lan(host: &Host, mode: &str) {
    let mode = format!("macvlan_mode={mode}");
    let flags = ["network", "create", "-d", "macvlan", "-o", "parent=up0", "-o", &mode, "--ipv6"];
    let subnets = ["--subnet", "10.9.0.0/24", "--subnet", "fd09::/64", "lan"];
    host.netdns(&[&flags[..], &subnets].concat()).ok();
}

/// Puts a switch before the router, which has its addresses.
fn switch(host: &Host) {
    host.router(
        "ip link add sw type bridge mcast_snooping 0 && ip addr flush dev down0
         ip link set down0 master sw && ip link set sw up
         ip addr add 10.9.0.1/24 dev sw && ip addr add fd09::1/64 dev sw nodad",
    )
    .ok();
}

fn reflects(host: &Host, on: bool) {
    let on = if on { "on" } else { "off" };
    host.router(&format!("bridge link set dev down0 hairpin {on}")).ok();
}

#[test]
fn neighbours_of_a_mode_meet_directly_or_by_way_of_a_switch_or_never_and_all_reach_the_router() {
    let host = Host::with_daemon();
    both_families(&host);
    switch(&host);
    // Whether neighbours meet, without and with a switch that sends frames back.
    for (mode, meets) in
        [("bridge", [true, true]), ("vepa", [false, true]), ("private", [false, false])]
    {
        lan(&host, mode);
        host.sleeper(
            "a",
            &["--network", "lan", "--privileged", "--ip", "10.9.0.20", "--ip6", "fd09::20"],
        );
        host.sleeper(
            "b",
            &["--network", "lan", "--privileged", "--ip", "10.9.0.21", "--ip6", "fd09::21"],
        );
        assert_eq!(
            host.inside("a", "dig +short A b; dig +short AAAA b").ok(),
            "10.9.0.21\nfd09::21"
        );
        assert_eq!(
            inspected(&host, &["network", "inspect", "lan"])["Options"]["macvlan_mode"],
            mode
        );
        for (reflects_now, meets) in [false, true].into_iter().zip(meets) {
            reflects(&host, reflects_now);
            for (family, router) in [("-4", "10.9.0.1"), ("-6", "fd09::1")] {
                host.inside("a", &format!("ping {family} -c1 -W5 {router}")).ok();
                host.inside("b", &format!("ping {family} -c1 -W5 {router}")).ok();
                // What nobody answered is forgotten: the next question is a new one.
                let patience = if meets { "-c1 -W5" } else { "-c1 -W1" };
                let asked =
                    host.inside("a", &format!("ip neigh flush all; ping {family} {patience} b"));
                assert_eq!(asked.code == 0, meets, "{mode}, {family}, sent back: {reflects_now}");
            }
        }
        host.netdns(&["rm", "-f", "a", "b"]).ok();
        host.netdns(&["network", "rm", "lan"]).ok();
    }
}

#[test]
fn in_mode_passthru_one_sandbox_has_the_parent_to_itself_and_the_next_follows_at_once() {
    let host = Host::with_daemon();
    both_families(&host);
    host.sh("ip link add theirs link up0 type macvlan").ok();
    lan(&host, "passthru");
    let run = ["run", "-d", "--name", "a", "--network", "lan", "sleep", "3600"];
    let said = host.netdns(&run).fails(125);
    assert!(said.contains("interface up0 carries another macvlan link"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    host.sh("ip link del theirs").ok();
    for _ in 0..3 {
        host.netdns(&run).ok();
        host.inside("a", "ping -4 -c1 -W5 10.9.0.1 && ping -6 -c1 -W5 fd09::1").ok();
        let second = host.netdns(&["run", "--network", "lan", "true"]).fails(125);
        assert!(second.contains("a has its parent interface to itself"), "{second}");
        // The kernel clears its namespace a moment later.
        host.netdns(&["rm", "-f", "a"]).ok();
    }
}

#[test]
fn a_segment_of_both_families_gives_addresses_names_and_the_way_out_that_was_named() {
    let host = Host::with_daemon();
    both_families(&host);
    lan(&host, "bridge");
    host.sleeper("a", &["--network", "lan"]);
    host.sleeper("b", &["--network", "lan", "--ip6", "fd09::21"]);
    let inside = |script: &str| host.inside("a", script).ok();
    assert_eq!(inside("dig +short AAAA b.lan"), "fd09::21");
    assert_eq!(inside("dig +short -x fd09::21"), "b.lan.");
    inside("ping -6 -c1 -W5 b && ping -6 -c1 -W5 fd09::1");
    host.router("ping -6 -c1 -W5 fd09::21").ok();
    assert_ne!(host.inside("a", "ping -6 -c1 -W1 fd09::2").code, 0, "the host is not reached");

    // The router advertises itself: the host follows, a sandbox has the gateway that its network names.
    let program = host.path("advertise.py");
    std::fs::write(&program, ADVERTISE).expect("a program");
    let advertised = "ip -6 route show default proto ra | grep -q up0";
    host.until(&format!("ip netns exec router python3 {}; {advertised}", program.display()));
    assert_eq!(
        inside("ip -6 route show default | cut -d' ' -f1-5"),
        "default via fd09::1 dev eth0"
    );
    assert_eq!(inside("ip -6 route show proto ra"), "");

    let shown = inspected(&host, &["network", "inspect", "lan"]);
    let six = &shown["IPAM"]["Config"][1];
    assert_eq!(six["Gateway"], "fd09::1");
    assert_eq!(six["AuxiliaryAddresses"]["up0"], "fd09::2");
    let taken = host.netdns(&["run", "--network", "lan", "--ip6", "fd09::2", "true"]).fails(125);
    assert!(taken.contains("fd09::2 belongs to aux-address up0"), "{taken}");
    let outside = host.netdns(&["run", "--network", "lan", "--ip6", "fd77::2", "true"]).fails(125);
    assert!(outside.contains("no configured subnet contains IP address fd77::2"), "{outside}");
    let own = ["network", "create", "-d", "macvlan", "-o", "parent=up0", "--ipv6"];
    let same = host.netdns(&[&own[..], &["--subnet", "fd09::/64", "no"]].concat()).fails(1);
    assert!(same.contains("network lan is already using parent interface up0"), "{same}");
    host.netdns(&["rm", "-f", "a", "b"]).ok();
    host.netdns(&["network", "rm", "lan"]).ok();
    let gateway = ["--subnet", "fd09::/64", "--gateway", "fd09::2", "mine"];
    let said = host.netdns(&[&own[..], &gateway].concat()).err;
    assert!(said.contains("gateway fd09::2 is this host's own (up0)"), "{said}");
}
