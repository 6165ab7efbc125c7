//! The main job by hand: the commands of the README, one after the other, and what they print.

mod adopted;

use crate::host::{Host, Ran};

/// Starts a daemon with the network `localnet` and two sandboxes on it.
fn with_two() -> Host {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "-d", "bridge", "localnet"]).ok();
    host.sleeper("demo1", &["--network", "localnet"]);
    host.sleeper("demo2", &["--network", "localnet"]);
    host
}

fn ping(host: &Host, from: &str, to: &str) -> Ran {
    host.netdns(&["exec", from, "ping", "-c1", "-W2", to])
}

/// Returns the columns of `brctl show`: a bridge a line, continued by its further ports.
fn brctl(host: &Host) -> Vec<Vec<String>> {
    let shown = host.run(&["brctl", "show"]).ok();
    shown.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn two_sandboxes_on_a_user_defined_network_find_each_other_by_name() {
    let host = with_two();
    assert!(ping(&host, "demo2", "demo1").ok().contains("demo1 (172.18.0.2)"));
    assert!(ping(&host, "demo1", "demo2").ok().contains("demo2 (172.18.0.3)"));
}

#[test]
fn the_default_network_connects_but_has_no_names() {
    let host = with_two();
    host.sleeper("plain1", &[]);
    host.sleeper("plain2", &[]);
    let address = host.address("plain1", "bridge");
    ping(&host, "plain2", &address).ok();
    let refused = ping(&host, "plain2", "plain1");
    assert!(refused.code != 0 && refused.err.contains("plain1"), "{refused:?}");
    // Not by its neighbours' names, nor by those of the networks that have some.
    assert_ne!(ping(&host, "plain2", "demo1").code, 0);
    assert_ne!(ping(&host, "demo1", "plain1").code, 0);
    ping(&host, "demo1", "demo2").ok();
}

#[test]
fn the_three_networks_are_there_and_nothing_is_made_for_them() {
    let host = Host::new();
    let before =
        host.sh("ip -br link; nft list ruleset; sysctl -a 2>/dev/null | grep ip_forward").ok();
    let mut host = host;
    host.start(&[]);
    let listed = host.netdns(&["network", "ls", "--format", "table"]).ok();
    let rows: Vec<Vec<&str>> =
        listed.lines().skip(1).map(|line| line.split_whitespace().skip(1).collect()).collect();
    let expected =
        [["bridge", "bridge", "local"], ["host", "host", "local"], ["none", "null", "local"]];
    assert_eq!(rows, expected, "{listed}");
    assert_eq!(
        host.sh("ip -br link; nft list ruleset; sysctl -a 2>/dev/null | grep ip_forward").ok(),
        before
    );
    let inspected = host.netdns(&["network", "inspect", "bridge"]).ok();
    let line = inspected.lines().find(|line| line.contains("bridge.name")).unwrap_or_default();
    assert!(line.contains("\"com.docker.network.bridge.name\": \"netdns0\""), "{inspected}");
}

#[test]
fn a_network_is_a_bridge_whose_ports_are_its_sandboxes() {
    let host = Host::with_daemon();
    assert!(brctl(&host).is_empty());
    let id = host.netdns(&["network", "create", "-d", "bridge", "localnet"]).ok();
    assert_eq!(id.len(), 64);
    let bridge = format!("br-{}", &id[..12]);
    let shown = brctl(&host);
    let [row] = shown.as_slice() else { panic!("one bridge: {shown:?}") };
    assert_eq!(
        (row[0].as_str(), row[2].as_str(), row.len()),
        (bridge.as_str(), "no", 3),
        "{row:?}"
    );
    let (priority, mac) = row[1].split_once('.').expect("a bridge id");
    assert_eq!((priority, mac.len()), ("8000", 12), "{row:?}");
    host.sleeper("demo1", &["--network", "localnet"]);
    host.sleeper("demo2", &["--network", "localnet"]);
    let shown = brctl(&host);
    let ports: Vec<&String> = shown.iter().map(|row| row.last().expect("a column")).collect();
    assert_eq!(ports.len(), 2, "{shown:?}");
    assert!(ports.iter().all(|port| port.starts_with("veth") && port.len() == 11), "{shown:?}");
    host.netdns(&["rm", "-f", "demo1", "demo2"]).ok();
    assert_eq!(brctl(&host).concat().len(), 3);
    host.netdns(&["network", "rm", "localnet"]).ok();
    assert!(brctl(&host).is_empty());
}

#[test]
fn a_sandbox_leaves_a_network_and_comes_back() {
    let host = with_two();
    host.netdns(&["network", "disconnect", "localnet", "demo1"]).ok();
    assert_ne!(ping(&host, "demo2", "demo1").code, 0);
    assert_ne!(ping(&host, "demo2", "172.18.0.2").code, 0);
    assert_eq!(host.inside("demo1", "ip -br link | grep -vc ^lo").out.trim(), "0");
    host.netdns(&["network", "connect", "localnet", "demo1"]).ok();
    let address = host.address("demo1", "localnet");
    assert_ne!(address, "172.18.0.2", "a freed address was given again at once");
    assert!(ping(&host, "demo2", "demo1").ok().contains(&address));
}

#[test]
fn a_network_in_use_is_kept_and_prune_takes_the_idle_ones() {
    let host = with_two();
    host.netdns(&["network", "create", "idle"]).ok();
    let refused = host.netdns(&["network", "rm", "localnet"]).fails(1);
    assert!(refused.contains("has active endpoints"), "{refused}");
    assert!(refused.contains("demo1") && refused.contains("demo2"), "{refused}");
    host.netdns(&["network", "rm", "bridge"]).fails(1);
    host.netdns(&["network", "prune"]).fails(1);
    assert!(host.netdns(&["network", "ls"]).ok().contains("idle"));
    assert_eq!(host.netdns(&["network", "prune", "-f"]).ok(), "Deleted Networks:\nidle");
    ping(&host, "demo1", "demo2").ok();
    host.netdns(&["rm", "-f", "demo1", "demo2"]).ok();
    assert_eq!(host.netdns(&["network", "rm", "localnet"]).ok(), "localnet");
}

#[test]
fn run_ends_as_its_command_does() {
    let host = Host::with_daemon();
    let run = |words: &[&str]| host.netdns(&[&["run", "--rm"], words].concat());
    assert_eq!(run(&["echo", "-n", "--name", "x"]).ok(), "--name x");
    run(&["sh", "-c", "exit 7"]).fails(7);
    run(&["sh", "-c", "kill -TERM $$"]).fails(128 + 15);
    run(&["/etc/passwd"]).fails(126);
    run(&["no-such-program"]).fails(127);
    let hinted = run(&["alpine"]).fails(127);
    assert!(hinted.contains("hint: ") && hinted.contains("image"), "{hinted}");
    run(&["--network", "nowhere", "true"]).fails(125);
    host.netdns(&["run", "--no-such-flag", "true"]).fails(2);
    assert_eq!(host.netdns(&["ps", "-aq"]).ok(), "", "a failed run left something");
    assert_eq!(host.sh("ip -br link | grep -c veth || true").ok(), "0");

    host.sleeper("box", &[]);
    let exec = |words: &[&str]| host.netdns(&[&["exec"], words].concat());
    exec(&["box", "sh", "-c", "exit 9"]).fails(9);
    exec(&["box", "no-such-program"]).fails(127);
    exec(&["nobody", "true"]).fails(1);
}

#[test]
fn a_stopped_sandbox_is_listed_until_it_is_removed() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("kept", &["--network", "localnet"]);
    host.sleeper("gone", &["--network", "localnet", "--rm"]);
    let names = |words: &[&str]| {
        let listed = host.netdns(&[words, &["--format", "json"]].concat()).ok();
        let items = listed
            .lines()
            .map(|line| -> serde_json::Value { serde_json::from_str(line).expect("JSON") });
        let mut shown: Vec<String> = items
            .map(|item| {
                format!("{} {}", item["Names"].as_str().unwrap(), item["State"].as_str().unwrap())
            })
            .collect();
        shown.sort();
        shown
    };
    assert_eq!(names(&["ps"]), ["gone running", "kept running"]);
    assert_eq!(host.netdns(&["stop", "-t", "1", "kept", "gone"]).ok(), "kept\ngone");
    assert!(names(&["ps"]).is_empty());
    assert_eq!(names(&["ps", "-a"]), ["kept exited"]);
    host.netdns(&["exec", "kept", "true"]).fails(1);
    // It holds neither its network nor an address.
    host.netdns(&["network", "rm", "localnet"]).ok();
    host.netdns(&["rm", "kept"]).ok();
    assert!(names(&["ps", "-a"]).is_empty());
}

#[test]
fn reset_leaves_the_machine_as_it_was() {
    const MACHINE: &str = "ip -br link | sed 's/ .*//'; ip route; ip rule; nft list ruleset
        iptables-save | grep -v '^#' || true
        findmnt -lno TARGET,FSTYPE; ls /run/netns; ls -A /etc/netns; ls /proc/sys/net/ipv4/conf";
    let mut host = Host::new();
    host.sh("ip netns add mine").ok();
    let before = host.sh(MACHINE).ok();
    host.start(&[]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    host.sleeper("demo1", &["--network", "localnet", "--network", "inner", "-p", "8080:80"]);
    host.sleeper("plain", &[]);
    host.netdns(&[
        "attach",
        "--netns",
        "/run/netns/mine",
        "--name",
        "mine",
        "--network",
        "localnet",
    ])
    .ok();
    host.netdns(&["register", "entry", "192.0.2.1"]).ok();
    let during = host.sh(MACHINE).ok();
    assert!(during.contains("br-") && during.contains("table inet netdns"), "{during}");
    host.netdns(&["reset", "-f"]).ok();
    assert_eq!(host.sh(MACHINE).ok(), before);
    assert_eq!(host.netdns(&["network", "ls", "-q"]).ok().lines().count(), 3);
    assert_eq!(host.netdns(&["names", "--format", "json"]).ok(), "");
    assert_eq!(
        host.sh("ip -n mine -br link").ok().lines().count(),
        1,
        "a link is left in the adopted namespace"
    );
    assert_eq!(host.sh("ip netns exec mine nft list ruleset").ok(), "");
}

#[test]
fn a_command_inherits_its_standard_descriptors_and_no_other() {
    let host = Host::with_daemon();
    host.sleeper("web", &[]);
    let netdns = env!("CARGO_BIN_EXE_netdns");
    for verb in ["run --rm", "exec web"] {
        let command = format!("exec 7</etc/passwd; {netdns} {verb} ls /proc/self/fd");
        // The third is the directory that ls reads.
        assert_eq!(host.sh(&command).ok(), "0\n1\n2\n3", "{verb}");
    }
}
