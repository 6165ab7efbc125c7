//! What `netdns doctor` sees, what it says of it, and that it leaves everything as it was.

use crate::host::{Host, Ran};
use crate::names::upstream::Upstream;
use crate::refusals::deny_netfilter_sockets;
use serde_json::Value;
use std::os::unix::process::CommandExt;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// What it may not change.
const SURROUNDINGS: &str = "
    ip -o link; ip -o address; ip route show table all; ls /run /run/netns
    lsns --noheadings --output NS,TYPE | sort
    cat /proc/self/mountinfo; nft list ruleset
    grep -rs '' /proc/sys/net | grep -v -e conntrack_count -e /stat/ | sort";

/// Returns what it finds, and checks that its exit code is 1 if a check has failed and else 0.
#[track_caller]
fn examine(host: &Host) -> Vec<Value> {
    let ran = host.netdns(&["doctor", "--format", "json"]);
    let findings: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let failed = findings.iter().any(|finding| finding["Result"] == "fail");
    assert_eq!((ran.code, ran.err.as_str()), (i32::from(failed), ""), "{}", ran.out);
    for finding in &findings {
        let fine = finding["Result"] == "ok";
        assert_eq!(fine, finding["Hint"] == "", "a hint where something is amiss: {finding}");
    }
    findings
}

/// Asserts how one check ends and what it names. Returns its hint.
#[track_caller]
fn finds(host: &Host, check: &str, result: &str, names: &str) -> String {
    let findings = examine(host);
    let of_check: Vec<_> = findings.iter().filter(|f| f["Check"] == check).collect();
    let seen = |f: &&&Value| f["Seen"].as_str().is_some_and(|seen| seen.contains(names));
    let found = of_check.iter().find(seen).unwrap_or_else(|| panic!("{names}: {of_check:?}"));
    assert_eq!(found["Result"], result, "{found}");
    found["Hint"].as_str().expect("a text").to_owned()
}

#[test]
fn a_machine_where_all_is_well_has_only_ok_and_stays_as_it_was() {
    let host = Host::with_daemon();
    let _upstream = Upstream::at_router(&host);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    examine(&host);
    let before = host.sh(SURROUNDINGS).ok();
    let Ran { out, err, code } = host.netdns(&["doctor"]);
    assert!(
        code == 0 && err.is_empty() && out.lines().all(|line| line.starts_with("ok ")),
        "{out}"
    );
    assert_eq!(host.sh(SURROUNDINGS).ok(), before);
    for (check, names) in [
        ("resolver", "host.netdns.internal on localnet is 172.18.0.1"),
        ("upstreams", "10.9.0.1:53: example.com is NOERROR"),
        ("strays", "2 interfaces bear our mark"),
        ("ip_forward", "on"),
    ] {
        finds(&host, check, "ok", names);
    }
}

#[test]
fn what_a_setting_of_the_host_breaks_is_named_with_the_command_that_mends_it() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "--ipv6", "-o", "netdns.expose=enforce", "apart"]).ok();
    let lan = ["network", "create", "-d", "macvlan", "-o", "parent=up0", "--subnet", "10.9.0.0/24"];
    host.netdns(&[&lan[..], &["lan"]].concat()).ok();
    for (check, names) in [
        ("ip6_forward", "on"),
        ("nft-bridge", ""),
        ("macvlan", ""),
        ("parents", "every"),
        ("subnets", ""),
    ] {
        finds(&host, check, "ok", names);
    }
    // Each hint mends what it stands beside; of forwarding the daemon takes care itself while it runs.
    host.sh("sysctl -qw net.bridge.bridge-nf-call-ip6tables=1").ok();
    let hint = finds(&host, "br_netfilter", "warn", "neighbours on apart");
    let (_, command) = hint.split_once("needs it: ").expect("a command");
    host.sh(command).ok();
    finds(&host, "br_netfilter", "ok", "off");
    host.sh("ip link set up0 down").ok();
    let hint = finds(&host, "parents", "warn", "up0 of lan");
    host.sh(&hint.split(';').next().expect("a command").replace("IF", "up0")).ok();
    finds(&host, "parents", "ok", "every");
}

#[test]
fn without_a_daemon_it_looks_all_the_same_and_says_how_to_start_one() {
    let mut host = Host::new();
    host.sh(&format!("echo nameserver 10.9.0.1 >{}", host.path("resolv.conf").display())).ok();
    let hint = finds(&host, "daemon", "warn", "no daemon at");
    assert!(hint.contains("netdns daemon"), "{hint}");
    finds(&host, "dns-owner", "ok", "");
    finds(&host, "strays", "ok", "nothing on the host bears our mark");
    host.start(&[]);
    let other = host.run(&["env", "NETDNS_RUN_DIR=/run/other", NETDNS, "doctor"]).ok();
    assert!(other.contains("but one with another run directory"), "{other}");
    host.netdns(&["network", "create", "localnet"]).ok();
    host.end_daemon("TERM");
    finds(&host, "strays", "warn", "without a daemon nobody knows");
}

#[test]
fn a_chain_that_drops_is_named_with_the_commands_that_help() {
    let mut host = Host::new();
    host.start(&["--no-foreign-hooks"]);
    finds(&host, "forward", "ok", "no other tool drops");
    host.sh("iptables -P FORWARD DROP").ok();
    finds(&host, "forward", "ok", "our rules are put into FORWARD with the first network");
    host.netdns(&["network", "create", "localnet"]).ok();
    let hint = finds(&host, "forward", "fail", "our rules do not stand in FORWARD");
    let (_, commands) = hint.split_once("by hand: ").expect("commands");
    host.sh(commands).ok();
    finds(&host, "forward", "ok", "our rules stand first in FORWARD");

    host.sh("nft add table inet strict
             nft add chain inet strict pass '{ type filter hook forward priority 0; policy drop; }'
             nft add chain inet strict in '{ type filter hook input priority 0; policy drop; }'
             nft add rule inet strict in accept")
        .ok();
    let hint = finds(&host, "forward", "warn", "chain inet strict pass drops");
    host.sh(&hint).ok();
    let out = host.netdns(&["doctor"]).out;
    assert!(!out.contains("strict in"), "what arrives here is not forwarded: {out}");
    host.sh("nft delete table inet strict; nft add table inet firewalld").ok();
    finds(&host, "forward", "warn", "firewalld rejects");
}

#[test]
fn a_host_that_does_not_forward_fails_once_a_network_leads_out_of_it() {
    let host = Host::with_daemon();
    let off = "sysctl -qw net.ipv4.ip_forward=0";
    host.sh(off).ok();
    finds(&host, "ip_forward", "ok", "off: netdns switches it on");
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    finds(&host, "ip_forward", "ok", "off");
    host.netdns(&["network", "create", "outer"]).ok();
    finds(&host, "ip_forward", "ok", "on");
    host.sh(off).ok();
    let hint = finds(&host, "ip_forward", "fail", "off: sandboxes do not reach");
    host.sh(&hint).ok();
    finds(&host, "ip_forward", "ok", "on");
}

#[test]
fn what_bears_our_mark_and_belongs_to_nothing_is_named_and_what_belongs_is_not() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    let id = "0123456789abcdef".repeat(4);
    host.sh(&format!("ip link add left0 type bridge && ip link set left0 alias netdns:{id}")).ok();
    host.sh("ip link add other0 type bridge && ip link set other0 alias netdns").ok();
    finds(&host, "strays", "warn", "nothing it belongs to: left0");
    let said = host.netdns(&["doctor"]).out;
    assert!(!said.contains("other0") && !said.contains("left0, "), "{said}");
    host.end_daemon("TERM");
    host.start(&[]);
    finds(&host, "strays", "ok", "2 interfaces bear our mark");
    host.sh("ip link show other0").ok();
    host.netdns(&["rm", "-f", "web"]).ok();
    host.netdns(&["network", "rm", "localnet"]).ok();
    finds(&host, "strays", "ok", "0 interfaces");
    host.sh("nft add table inet netdns").ok();
    finds(&host, "strays", "warn", "the firewall table inet netdns");
}

#[test]
fn a_route_that_came_later_and_overlaps_a_network_is_named() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    finds(&host, "subnets", "ok", "");
    host.sh("ip route add 172.18.7.0/24 dev up0").ok();
    finds(&host, "subnets", "warn", "172.18.0.0/16 of localnet overlaps 172.18.7.0/24 on up0");
    host.sh("ip route replace 172.19.7.0/24 dev up0 && ip route del 172.18.7.0/24").ok();
    finds(&host, "subnets", "ok", "");
}

#[test]
fn nameservers_that_help_nobody_are_told_from_those_that_do() {
    let host = Host::new();
    let file = host.path("resolv.conf").display().to_string();
    let write = |text: &str| host.sh(&format!("echo '{text}' >{file}")).ok();
    finds(&host, "nameservers", "fail", "none in");
    write("search example.test");
    finds(&host, "nameservers", "fail", "none in");
    write("nameserver 127.0.0.53");
    finds(&host, "nameservers", "warn", "127.0.0.53");
    let behind = "/run/systemd/resolve";
    host.sh(&format!("mkdir -p {behind} && echo nameserver 10.9.0.1 >{behind}/resolv.conf")).ok();
    finds(&host, "nameservers", "ok", "behind it, from systemd-resolved: 10.9.0.1");
    write("nameserver 10.9.0.3");
    finds(&host, "nameservers", "ok", "10.9.0.3");
}

#[test]
fn servers_that_do_not_answer_are_named() {
    let host = Host::with_daemon();
    finds(&host, "upstreams", "warn", "10.9.0.1:53: example.com is SERVFAIL");
}

#[test]
fn few_descriptors_are_counted_in_sandboxes() {
    let host = Host::new();
    host.sh(&format!("echo nameserver 10.9.0.1 >{}", host.path("resolv.conf").display())).ok();
    let said = host.sh(&format!("ulimit -n 640; {NETDNS} doctor")).ok();
    let lines: Vec<_> = said.lines().skip_while(|line| !line.contains("descriptors")).collect();
    assert!(lines[0].starts_with("warn") && lines[0].contains("about 40 sandboxes"), "{said}");
    assert!(lines[1].starts_with("      hint: ") && lines[1].contains("LimitNOFILE"), "{said}");
}

#[test]
fn a_kernel_that_lacks_something_fails_with_what_will_not_work() {
    let host = Host::new();
    host.sh(&format!("echo nameserver 10.9.0.1 >{}", host.path("resolv.conf").display())).ok();
    let mut command = host.command(NETDNS);
    command.arg("doctor");
    // SAFETY: between fork and exec only two system calls are made; nothing is allocated.
    unsafe { command.pre_exec(deny_netfilter_sockets) };
    let ran: Ran = command.output().expect("nsenter (util-linux) runs").into();
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for (start, names) in [
        ("fail  nf_tables", "no network can be made"),
        ("fail  masquerade", "sandboxes do not reach beyond the host"),
        ("fail  nft-bridge", "no network can be made"),
        ("ok    bridge", ""),
    ] {
        let mut lines = ran.out.lines();
        assert!(lines.any(|line| line.starts_with(start) && line.contains(names)), "{}", ran.out);
    }
    assert!(ran.out.contains("modprobe nf_tables"), "{}", ran.out);
}

#[test]
fn doctor_is_for_root() {
    let host = Host::new();
    host.sh(&format!("cp {NETDNS} /run/netdns-copy")).ok();
    let who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let ran = host.run(&[&who[..], &["/run/netdns-copy", "doctor"]].concat());
    assert_eq!(ran.out, "");
    let said = ran.fails(1);
    assert!(said.starts_with("netdns: doctor needs root") && said.contains("hint: sudo"), "{said}");
}
