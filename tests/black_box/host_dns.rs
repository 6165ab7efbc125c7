//! `daemon --host-dns`: names for the host itself.

use crate::host::Host;
use crate::names::Reply;
use crate::names::upstream::Upstream;
use std::fs;

const ADDRESS: &str = "127.0.0.54";

const ZONE: &str =
    "$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nsub NS ns\n";

fn with_host_dns() -> Host {
    let mut host = Host::new();
    let zones = host.path("zones");
    fs::create_dir(&zones).expect("a directory");
    fs::write(zones.join("corp.test.zone"), ZONE).expect("a file");
    host.start(&["--host-dns", ADDRESS]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host
}

/// Asks on the host; an answer is what comes at the first try.
#[track_caller]
fn ask(host: &Host, question: &str) -> Reply {
    Reply::read(host.sh(&format!("dig +tries=1 @{ADDRESS} {question}")).ok())
}

#[track_caller]
fn short(host: &Host, question: &str) -> String {
    host.sh(&format!("dig +short +tries=1 @{ADDRESS} {question}")).ok()
}

#[test]
fn the_host_is_told_names_below_their_networks_and_of_zones_and_nothing_else() {
    let host = with_host_dns();
    let upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "name=localnet,alias=www"]);
    host.netdns(&["register", "printer", "192.0.2.9"]).ok();
    for (name, address) in [
        ("web.localnet", "172.18.0.2"),
        ("+tcp WWW.localnet", "172.18.0.2"),
        ("printer.localnet", "192.0.2.9"),
        ("-x 172.18.0.2", "web.localnet."),
        ("ns.corp.test", "192.0.2.53"),
    ] {
        assert_eq!(short(&host, name), address, "{name}");
    }
    assert!(ask(&host, "web.localnet AAAA").denies("NOERROR"));
    assert!(ask(&host, "localnet").denies("NOERROR"));
    assert!(ask(&host, "missing.localnet").denies("NXDOMAIN"));
    assert!(ask(&host, "missing.corp.test").denies("NXDOMAIN"));
    assert!(ask(&host, "-x 172.18.9.9").denies("NXDOMAIN"));
    for other in [
        "web",
        "printer",
        "example.test",
        "+tcp example.test",
        "-x 192.0.2.1",
        "web.bridge",
        "www.sub.corp.test",
    ] {
        let reply = ask(&host, other);
        assert_eq!(reply.status, "REFUSED", "{reply:?}");
        assert!(reply.text.contains("; EDE: 20 "), "{reply:?}");
    }
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
}

#[test]
fn the_host_is_told_of_a_change_by_the_next_query_and_of_no_name_that_leads_out() {
    let host = with_host_dns();
    for round in 0..3 {
        host.sleeper("brief", &["--network", "localnet", "--rm"]);
        assert_eq!(short(&host, "brief.localnet"), host.address("brief", "localnet"), "{round}");
        host.netdns(&["stop", "-t", "0", "brief"]).ok();
        assert!(ask(&host, "brief.localnet").denies("NXDOMAIN"), "{round}");
    }
    host.netdns(&["register", "out", "--type", "CNAME", "www.example.test"]).ok();
    let reply = ask(&host, "out.localnet");
    assert_eq!(reply.status, "NOERROR");
    assert_eq!(reply.answer, ["out.localnet. 60 IN CNAME www.example.test."]);
    host.netdns(&["network", "rm", "localnet"]).ok();
    assert_eq!(ask(&host, "out.localnet").status, "REFUSED");
}

#[test]
fn the_host_is_answered_while_no_manager_runs_by_the_next_resolver_and_until_it_is_switched_off() {
    let mut host = with_host_dns();
    host.sleeper("web", &["--network", "localnet"]);
    host.end_daemon("KILL");
    assert_eq!(short(&host, "web.localnet"), "172.18.0.2", "while no manager runs");
    host.start(&["--host-dns", ADDRESS]);
    let resolver = host.pid("ResolverPid");
    host.sh(&format!("kill -KILL {resolver}")).ok();
    let asked = format!("dig +short +time=2 +tries=5 @{ADDRESS} web.localnet");
    assert_eq!(host.sh(&asked).ok(), "172.18.0.2", "by the next resolver");
    host.end_daemon("TERM");
    host.start(&[]);
    assert_ne!(host.sh(&format!("dig +time=1 +tries=1 @{ADDRESS} web.localnet")).code, 0);
    assert_eq!(host.sh("ss -Hlntu sport = :53").ok(), "");
    host.end_daemon("TERM");
    host.start(&["--host-dns", "127.0.0.60"]);
    assert_eq!(host.sh("dig +short +tries=1 @127.0.0.60 web.localnet").ok(), "172.18.0.2");
}

#[test]
fn the_host_is_not_told_at_an_address_that_others_reach_or_have() {
    let host = Host::new();
    let refused = |address: &str| host.netdns(&["daemon", "--host-dns", address]).fails(1);
    let said = refused("10.9.0.2");
    assert!(said.starts_with("netdns: --host-dns 10.9.0.2 is not a loopback address\nhint: "));
    let _upstream = Upstream::on_host(&host);
    let said = refused(ADDRESS);
    let last: Vec<&str> = said.lines().rev().take(2).collect();
    assert!(last[1].starts_with("netdns: --host-dns cannot have 127.0.0.54:53: "), "{said}");
    assert!(last[0].starts_with("hint: "), "{said}");
    host.netdns(&["daemon", "--host-dns", "nowhere"]).fails(2);
}
