//! Verbs and flags as Docker has them, one after the other: what each prints, and what it does.

use crate::host::{Host, Ran};

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

fn with_localnet() -> Host {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host
}

/// Runs a script in a terminal, at which `typed` is typed.
fn at_a_terminal(host: &Host, script: &str, typed: &str) -> Ran {
    host.sh(&format!("printf '{typed}' | script -qec '{script}' /dev/null"))
}

#[test]
fn a_thing_is_named_by_its_id_its_name_or_the_beginning_of_its_id() {
    let host = with_localnet();
    let network = host.netdns(&["network", "ls", "-q", "--no-trunc", "-f", "name=localnet"]).ok();
    let web = host.sleeper("web", &["--network", &network[..12]]);
    for name in [&web[..], "web", &web[..12], &web[..40]] {
        assert_eq!(host.netdns(&["exec", name, "hostname"]).ok(), web[..12]);
    }
    for name in [&network[..], "localnet", &network[..8]] {
        assert!(host.netdns(&["network", "inspect", name]).ok().contains(&network));
    }
    // Sixteen beginnings of one digit are not enough for seventeen.
    let ids: Vec<String> = (0..17).map(|_| host.netdns(&["run", "-d", "true"]).ok()).collect();
    let first = |id: &String| id[..1].to_owned();
    let twice = ids.iter().find(|id| ids.iter().filter(|i| first(i) == first(id)).count() > 1);
    let ambiguous = host.netdns(&["inspect", &first(twice.expect("two"))]);
    assert!(ambiguous.fails(1).contains("ambiguous"));
}

#[test]
fn directories_are_the_flags_else_the_environments() {
    let host = with_localnet();
    let (run, state) = (host.path("run").display().to_string(), host.path("state"));
    let bare = format!("env -u NETDNS_RUN_DIR -u NETDNS_STATE_DIR -u NETDNS_RESOLV_CONF {NETDNS}");
    let ls = "network ls -q";
    for words in [
        format!("{bare} --run-dir {run} {ls}"),
        format!("{bare} {ls} --run-dir {run}"),
        format!("NETDNS_RUN_DIR={run} {bare} --run-dir={run} {ls}"),
        format!("NETDNS_RUN_DIR={run} {NETDNS} {ls}"),
        format!("NETDNS_RUN_DIR=/nonexistent {NETDNS} {ls} --run-dir {run}"),
    ] {
        assert_eq!(host.sh(&words).ok().lines().count(), 4, "{words}");
    }
    let missing = host.sh(&format!("{bare} {ls}")).fails(1);
    assert!(missing.contains("no daemon at /run/netdns/api.sock"), "{missing}");
    let status = host.netdns(&["status"]).ok();
    assert!(status.contains(&run) && status.contains(&state.display().to_string()), "{status}");
    assert!(host.log().lines().count() > 0, "a daemon logs to stderr");
}

#[test]
fn a_network_is_connected_with_names_addresses_and_priority() {
    let host = with_localnet();
    host.netdns(&["network", "create", "--subnet", "10.70.0.0/24", "other"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("asker", &["--network", "other"]);
    let route = || host.inside("web", "ip route show default | cut -d' ' -f3").ok();
    assert_eq!(route(), "172.18.0.1");
    let flags = "--alias www --ip 10.70.0.77 --mac-address 02:00:00:00:00:77 --gw-priority 5";
    host.sh(&format!("{NETDNS} network connect {flags} other web")).ok();
    assert_eq!(host.inside("asker", "dig +short www").ok(), "10.70.0.77");
    assert_eq!(host.inside("web", "cat /sys/class/net/eth1/address").ok(), "02:00:00:00:00:77");
    assert_eq!(route(), "10.70.0.1", "the highest priority gives the default route");
    assert_eq!(host.netdns(&["network", "disconnect", "other", "web"]).ok(), "");
    assert_eq!(route(), "172.18.0.1");
    host.netdns(&["network", "disconnect", "other", "web"]).fails(1);
    host.netdns(&["network", "disconnect", "-f", "other", "web"]).ok();
    // -f of rm makes a missing network no error, and disconnects nobody.
    host.netdns(&["network", "rm", "-f", "nosuch"]).ok();
    assert!(host.netdns(&["network", "rm", "-f", "other"]).fails(1).contains("active endpoints"));
    host.netdns(&["rm", "-f", "asker"]).ok();
    host.netdns(&["network", "create", "third"]).ok();
    let removed = host.netdns(&["network", "rm", "other", "nosuch", "third"]);
    assert_eq!(removed.out, "other\nthird\n", "those that are there are removed");
    removed.fails(1);
}

#[test]
fn what_removes_much_asks_at_a_terminal_and_refuses_without_one() {
    let host = with_localnet();
    host.netdns(&["network", "create", "--label", "keep", "kept"]).ok();
    let prune = format!("{NETDNS} network prune --filter label!=keep");
    let there = |name: &str| host.netdns(&["network", "inspect", name]).code == 0;
    for ran in [host.sh(&prune), at_a_terminal(&host, &prune, "n\\n")] {
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(there("localnet"), "{ran:?}");
    }
    let asked = at_a_terminal(&host, &prune, "y\\n").ok();
    assert!(asked.contains("Are you sure") && asked.contains("Deleted Networks:"), "{asked}");
    assert!(!there("localnet") && there("kept"));
    assert_eq!(host.netdns(&["network", "prune", "-f", "--filter", "until=10m"]).ok(), "");
    let pruned = host.netdns(&["network", "prune", "--force", "--filter", "label=keep"]).ok();
    assert_eq!(pruned, "Deleted Networks:\nkept");
    assert_eq!(host.netdns(&["network", "prune", "-f"]).ok(), "");
    host.netdns(&["network", "prune", "-f", "--filter", "name=x"]).fails(1);

    host.sleeper("web", &[]);
    let reset = format!("{NETDNS} reset");
    assert!(host.sh(&reset).fails(1).contains("there is no terminal to ask on"));
    assert_eq!(at_a_terminal(&host, &reset, "\\n").code, 1);
    assert!(host.netdns(&["ps"]).ok().contains("web"));
}

#[test]
fn verbs_for_several_print_what_they_did_and_say_what_is_missing() {
    let host = with_localnet();
    for name in ["a", "b", "c", "d"] {
        host.sleeper(name, &["--network", "localnet"]);
    }
    let stubborn = "trap : TERM; while :; do sleep 0.1; done";
    host.netdns(&["run", "-d", "--name", "stubborn", "bash", "-c", stubborn]).ok();
    for (words, out) in [
        ("stop -t 1 a nosuch b", "a\nb\n"),
        ("kill nosuch c", "c\n"),
        ("wait a nosuch c", "143\n137\n"),
        ("rm nosuch a d b", "a\nb\n"),
    ] {
        let ran = host.netdns(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.out, out, "{words}: {ran:?}");
        assert!(ran.clone().fails(1).contains("netdns: No such sandbox: nosuch"), "{ran:?}");
    }
    assert_eq!(host.netdns(&["stop", "--timeout", "0", "stubborn"]).ok(), "stubborn");
    assert_eq!(host.netdns(&["wait", "stubborn"]).ok(), "137", "SIGTERM was not heard");
    let forced = host.netdns(&["container", "rm", "-f", "nosuch", "c", "d", "stubborn"]);
    assert!(forced.err.contains("No such sandbox: nosuch"), "{forced:?}");
    assert_eq!(forced.ok(), "c\nd\nstubborn");
    assert_eq!(host.netdns(&["container", "ls", "-aq"]).ok(), "");
}

#[test]
fn a_sandbox_may_have_no_network_the_hosts_or_anothers() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    let run = |network: &str, script: &str| {
        host.netdns(&["run", "--rm", "--net", network, "bash", "-c", script])
    };
    let links = "ls /sys/class/net | tr '\\n' ' '";
    assert_eq!(run("none", links).ok(), "lo ");
    assert!(run("host", links).ok().contains("up0 "));
    assert_eq!(run("host", "hostname; cat /etc/resolv.conf | head -1").code, 0);
    let of_web = format!("readlink /proc/self/ns/net; {links}; getent hosts web");
    let shared = run("container:web", &of_web).ok();
    assert!(shared.starts_with(&host.inside("web", "readlink /proc/self/ns/net").ok()), "{shared}");
    assert!(
        shared.contains("eth0") && shared.contains(&host.address("web", "localnet")),
        "{shared}"
    );
    assert!(run("container:nosuch", "true").fails(125).contains("No such sandbox: nosuch"));
    let published = host.netdns(&["run", "--net", "container:web", "-p", "80:80", "true"]);
    published.fails(125);
    host.sleeper("guest", &["--net", "container:web"]);
    let mode = host.netdns(&["inspect", "guest"]).ok();
    assert!(mode.contains("\"NetworkMode\": \"container:"), "{mode}");
}
