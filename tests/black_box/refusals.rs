//! What is refused: one clear line, a hint, the exit code, and everything as it was.

use crate::host::{Host, Ran};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// A command that is refused: its words, its exit code, its first line without `netdns: ` (a final `...` stands for
/// anything), and what its hint says, if it has one.
type Case<'a> = (&'a [&'a str], i32, &'a str, &'a str);

/// Everything that a command could leave behind.
pub fn everything(host: &Host) -> String {
    let script = format!(
        "ip -br link | cut -d' ' -f1 | sort; ip -br addr | awk '{{print $1, $3}}' | sort; ss -tulnH | sort
         {NETDNS} network ls --no-trunc --format json; {NETDNS} ps -aq --no-trunc | sort
         {NETDNS} names --format json; find {} -type f | sort; ls /run/netns /etc/netns
         pgrep -c sleep",
        host.dir().display()
    );
    host.rules() + &host.run(&["bash", "-c", &script]).out
}

/// Says what is wrong with how a command was refused, if anything.
fn wrong(ran: &Ran, what: &[&str], code: i32, text: &str, hint: &str) -> Option<String> {
    let lines: Vec<&str> = ran.err.lines().collect();
    let told = lines.first().and_then(|line| line.strip_prefix("netdns: ")).unwrap_or_default();
    let hints: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("hint: ")).collect();
    let said = text.strip_suffix("...").map_or(told == text, |start| told.starts_with(start));
    let helped = match hint {
        "" => hints.is_empty(),
        hint => hints.len() == 1 && hints[0].contains(hint),
    };
    let alone = lines.len() == 1 + hints.len() && ran.out.is_empty();
    (ran.code != code || !said || !helped || !alone)
        .then(|| format!("{what:?}: wanted {code} {text:?} with hint {hint:?}\ngot {ran:#?}"))
}

#[track_caller]
fn says(ran: &Ran, what: &[&str], code: i32, text: &str, hint: &str) {
    let wrong = wrong(ran, what, code, text, hint);
    assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
}

/// Runs each case, and compares everything after each with what there was before.
#[track_caller]
fn refused(host: &Host, cases: &[Case]) {
    let before = everything(host);
    let mut broken = Vec::new();
    for (words, code, text, hint) in cases {
        broken.extend(wrong(&host.netdns(words), words, *code, text, hint));
        let after = everything(host);
        assert_eq!(before, after, "{words:?} left something; {broken:?}");
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn networks_that_cannot_be_are_refused_and_leave_nothing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    let long = "n".repeat(200);
    let bad_name = "1 to 128 bytes without control characters, slash or leading dash";
    let named = |shown: &str| format!("invalid network name \"{shown}\": allowed are {bad_name}");
    let create = |words: &[&'static str]| [&["network", "create"], words].concat();
    let web = host.netdns(&["inspect", "web"]).ok();
    let web: serde_json::Value = serde_json::from_str(&web).expect("JSON");
    let endpoint = web[0]["NetworkSettings"]["Networks"]["localnet"]["EndpointID"].as_str();
    let in_use = format!(
        "network localnet has active endpoints (name:\"web\" id:\"{}\")",
        &endpoint.expect("an id")[..12]
    );
    let overlap = "Pool overlaps with other one on this address space";
    refused(
        &host,
        &[
            (
                &create(&["-d", "overlay", "x"]),
                1,
                "plugin \"overlay\" not found",
                "drivers: bridge",
            ),
            (&create(&["localnet"]), 1, "network with name localnet already exists", "inspect"),
            (
                &create(&["--subnet", "172.18.5.0/24", "x"]),
                1,
                overlap,
                "172.18.0.0/16 of network localnet",
            ),
            (&create(&["--subnet", "10.9.0.0/16", "x"]), 1, overlap, "10.9.0.0/24 of the host"),
            (
                &create(&["--subnet", "10.70.0.1/24", "x"]),
                1,
                "invalid subnet 10.70.0.1/24: it should be 10.70.0.0/24",
                "",
            ),
            (
                &create(&["--subnet", "10.70.0.0/33", "x"]),
                2,
                "invalid value '10.70.0.0/33' for '--subnet <CIDR>'...",
                "",
            ),
            (
                &create(&["--gateway", "10.70.0.1", "x"]),
                1,
                "every ip-range or gateway must have a corresponding subnet",
                "give --subnet too",
            ),
            (
                &create(&["--subnet", "10.70.0.0/24", "--gateway", "10.71.0.1", "x"]),
                1,
                "no matching subnet for gateway 10.71.0.1",
                "",
            ),
            (
                &create(&["-o", "bogus=1", "x"]),
                1,
                "unknown option bogus for driver bridge",
                "options",
            ),
            (
                &create(&["bridge"]),
                1,
                "operation is not permitted on predefined bridge network",
                "",
            ),
            (&create(&["a\nb"]), 1, &named("a\\nb"), ""),
            (&create(&["a/b"]), 1, &named("a/b"), ""),
            (&create(&["--", "-x"]), 1, &named("-x"), ""),
            (&["network", "create", &long], 1, &named(&long), ""),
            (
                &create(&[]),
                2,
                "the following required arguments were not provided: <NAME>",
                "Usage",
            ),
            (&create(&["--bogus", "x"]), 2, "unexpected argument '--bogus' found", "Usage: "),
            (
                &["network", "rm", "bridge"],
                1,
                "bridge is a pre-defined network and cannot be removed",
                "",
            ),
            (
                &["network", "rm", "host"],
                1,
                "host is a pre-defined network and cannot be removed",
                "",
            ),
            (
                &["network", "rm", "none"],
                1,
                "none is a pre-defined network and cannot be removed",
                "",
            ),
            (&["network", "rm", "nosuch"], 1, "network nosuch not found", "network ls"),
            (
                &["network", "rm", "localnet"],
                1,
                &in_use,
                "disconnect web first: netdns network disconnect localnet web",
            ),
            (
                &create(&["--subnet", "10.70.0.0/32", "x"]),
                1,
                "subnet 10.70.0.0/32 is too small: it has no room for a gateway and a sandbox",
                "",
            ),
            (
                &create(&["--subnet", "127.9.0.0/16", "x"]),
                1,
                "subnet 127.9.0.0/16 cannot be used...",
                "",
            ),
            (
                &create(&["--subnet", "224.1.0.0/16", "x"]),
                1,
                "subnet 224.1.0.0/16 cannot be used...",
                "",
            ),
            (&create(&["--subnet", "0.0.0.0/0", "x"]), 1, "subnet 0.0.0.0/0 cannot be used...", ""),
            (
                &create(&["-o", "com.docker.network.bridge.name=up0", "x"]),
                1,
                "interface up0 exists and was not made by netdns (veth)",
                "rename or remove it",
            ),
            (
                &create(&["-o", "com.docker.network.bridge.name=lo", "x"]),
                1,
                "interface lo exists and was not made by netdns",
                "rename or remove it",
            ),
            (
                &create(&["-o", "com.docker.network.bridge.name=a b", "x"]),
                1,
                "invalid interface name \"a b\"...",
                "",
            ),
            (
                &create(&["-o", "com.docker.network.bridge.name=\"; flush ruleset", "x"]),
                1,
                "invalid interface name \"\\\"; flush ruleset\"...",
                "",
            ),
            (
                &create(&["-o", "com.docker.network.bridge.name=sixteen-letters-", "x"]),
                1,
                "invalid interface name \"sixteen-letters-\"...",
                "",
            ),
            (
                &create(&["-o", "com.docker.network.driver.mtu=67", "x"]),
                1,
                "failed to parse com.docker.network.driver.mtu=67...",
                "",
            ),
            (
                &create(&["-o", "nothing", "x"]),
                1,
                "invalid option \"nothing\": it should be KEY=VALUE",
                "",
            ),
            (&["network", "prune"], 1, "nothing was removed...", "-f does not ask"),
        ],
    );
    // The path exists: what is asked for properly is made and goes again.
    host.netdns(&["network", "create", "--subnet", "10.70.0.0/24", "it's \"quoted\" ünï"]).ok();
    host.netdns(&["network", "rm", "it's \"quoted\" ünï"]).ok();
}

#[test]
fn endpoints_that_cannot_be_are_refused_and_leave_nothing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.netdns(&["network", "create", "--subnet", "10.60.0.0/29", "small"]).ok();
    for name in ["a", "b", "c", "d", "e"] {
        host.sleeper(name, &["--network", "small"]);
    }
    host.sleeper("web", &["--network", "localnet", "-p", "5000:80"]);
    host.netdns(&["run", "--name", "done", "--network", "localnet", "true"]).ok();
    let on_default = "on user-defined networks only";
    let alias_on_default = "network-scoped aliases are only supported for user-defined networks";
    let ip_on_default = format!("user-specified IP address is supported {on_default}");
    let outside = "no configured subnet contains IP address 10.1.1.1";
    let taken = "Address already in use";
    let allocated = "Bind for 0.0.0.0:5000 failed: port is already allocated";
    let host_mode =
        "cannot connect container to host network - container must be created in host network mode";
    let on = |flags: &[&'static str]| [&["run", "-d"], flags, &["sleep", "3600"]].concat();
    refused(
        &host,
        &[
            (&on(&["--network", "nosuch"]), 125, "network nosuch not found", "network ls"),
            (&on(&["--network", "localnet", "--ip", "10.1.1.1"]), 125, outside, "network inspect"),
            (
                &on(&["--network", "localnet", "--ip", "172.18.0.2"]),
                125,
                taken,
                "belongs to sandbox web",
            ),
            (
                &on(&["--network", "small"]),
                125,
                "no available addresses on this pool",
                "every address of 10.60.0.0/29 is in use",
            ),
            (&on(&["--ip", "172.17.0.9"]), 125, &ip_on_default, "netdns network create"),
            (&on(&["--net-alias", "x"]), 125, alias_on_default, "netdns network create"),
            (&on(&["-p", "5000:80"]), 125, allocated, "sandbox web publishes it"),
            (&on(&["-p", "abc:80"]), 125, "invalid hostPort: abc", "1 to 65535"),
            (&on(&["-p", "80:99999"]), 125, "invalid containerPort: 99999", "1 to 65535"),
            (&on(&["-p", "80:80/icmp"]), 125, "invalid proto: icmp", ""),
            (&on(&["-p", "1.2.3:80:80"]), 125, "invalid IP address: 1.2.3", ""),
            (&on(&["-p", "80:"]), 125, "no port specified: 80:<empty>", ""),
            (
                &on(&["-p", "192.0.2.7:80:80"]),
                125,
                "failed to bind host port 192.0.2.7:80/tcp: cannot assign requested address",
                "no address of this host",
            ),
            (
                &on(&["--network", "localnet", "--ip", "172.18.0.1"]),
                125,
                taken,
                "172.18.0.1 belongs to the gateway",
            ),
            (
                &on(&["--network", "localnet", "--ip", "172.18.255.255"]),
                125,
                "172.18.255.255 is the network or broadcast address of 172.18.0.0/16",
                "",
            ),
            (
                &on(&["--mac-address", "01:00:5e:00:00:01"]),
                2,
                "invalid value '01:00:5e:00:00:01' for '--mac-address <MAC>'...",
                "",
            ),
            (
                &on(&["--mac-address", "00:00:00:00:00:00"]),
                2,
                "invalid value '00:00:00:00:00:00' for '--mac-address <MAC>'...",
                "",
            ),
            (
                &on(&["--network", "name=localnet,bogus=1"]),
                125,
                "invalid field \"bogus=1\"...",
                "fields: name",
            ),
            (
                &on(&["--network", "localnet", "--network", "localnet"]),
                125,
                "endpoint with name...",
                "",
            ),
            (
                &on(&["--network", "none", "--network", "localnet"]),
                125,
                "container cannot be connected to multiple networks with one of the networks in private (none) mode",
                "",
            ),
            (&on(&["--network", "container:nosuch"]), 125, "No such sandbox: nosuch", "ps -a"),
            (
                &["network", "connect", "localnet", "web"],
                1,
                "endpoint with name web already exists in network localnet",
                "",
            ),
            (
                &["network", "connect", "small", "web"],
                1,
                "no available addresses on this pool",
                "10.60.0.0/29",
            ),
            (
                &["network", "connect", "bridge", "--alias", "x", "web"],
                1,
                alias_on_default,
                "create",
            ),
            (&["network", "connect", "host", "web"], 1, host_mode, ""),
            (&["network", "connect", "localnet", "done"], 1, "sandbox done is not running", ""),
            (&["network", "connect", "localnet", "nosuch"], 1, "No such sandbox: nosuch", "ps -a"),
            (
                &["network", "disconnect", "small", "web"],
                1,
                "container web is not connected to network small",
                "",
            ),
        ],
    );
    // The path exists: with what was in the way gone, the same is granted.
    host.netdns(&["rm", "-f", "web", "e"]).ok();
    host.sleeper("f", &["--network", "small", "-p", "5000:80"]);
    host.sleeper("g", &["--network", "localnet", "--ip", "172.18.0.2"]);
}

#[test]
fn sandboxes_that_cannot_be_are_refused_and_leave_nothing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    let web = host.sleeper("web", &["--network", "localnet"]);
    host.netdns(&["run", "--name", "done", "true"]).ok();
    let file = host.path("text");
    fs::write(&file, "hello\n").expect("a text file");
    let text = file.to_str().expect("a path");
    let long = "s".repeat(200);
    let rule = "[a-zA-Z0-9][a-zA-Z0-9_.-]*, each label 1 to 63 characters and 253 in all";
    let named = |shown: &str| format!("invalid sandbox name \"{shown}\": allowed are {rule}");
    let reserved = |name| {
        format!("the name \"{name}\" is reserved: netdns answers it itself in every sandbox")
    };
    let dns_rule = "labels of 1 to 63 visible ASCII characters, 253 in all";
    let aliased = |shown: &str| format!("invalid DNS name \"{shown}\": allowed are {dns_rule}");
    let conflict = format!("Conflict. The name \"web\" is already in use by sandbox \"{web}\"");
    let denied = format!("exec: \"{text}\": permission denied");
    let not_one = format!("{text} is not a network namespace");
    let none = "ip netns add X makes /run/netns/X; /proc/PID/ns/net is a process's";
    let not_found = "executable file not found in $PATH";
    let on = |flags: &[&str], command: &str| -> Vec<String> {
        ["run", "-d"].iter().chain(flags).chain(&[command]).map(ToString::to_string).collect()
    };
    let cases: Vec<(Vec<String>, i32, String, &str)> = vec![
        (on(&["--name", "web"], "sleep"), 125, conflict, "choose another name, or remove it"),
        (on(&[], "alpine"), 127, format!("exec: \"alpine\": {not_found}"), "netdns has no images"),
        (on(&[], "nosuchprogram"), 127, format!("exec: \"nosuchprogram\": {not_found}"), ""),
        (on(&[], "/nosuch"), 127, "exec: \"/nosuch\": no such file or directory".into(), ""),
        (on(&[], text), 126, denied, ""),
        (on(&["--name", "localhost"], "true"), 125, reserved("localhost"), ""),
        (on(&["--name", "a.LOCALHOST"], "true"), 125, reserved("a.localhost"), ""),
        (
            on(&["--name", "host.docker.internal"], "true"),
            125,
            reserved("host.docker.internal"),
            "",
        ),
        (
            on(&["--network", "localnet", "--net-alias", "host.netdns.internal"], "true"),
            125,
            reserved("host.netdns.internal"),
            "",
        ),
        (on(&["--name", "a\"b'c"], "true"), 125, named("a\\\"b\\'c"), ""),
        (on(&["--name", "a\nb"], "true"), 125, named("a\\nb"), ""),
        (on(&["--name", "ünï"], "true"), 125, named("ünï"), ""),
        (on(&["--name", &long], "true"), 125, named(&long), ""),
        (on(&["--name", ""], "true"), 125, named(""), ""),
        (
            on(&["--network", "localnet", "--net-alias", "a\nb"], "true"),
            125,
            aliased("a\\nb"),
            "punycode",
        ),
        (
            on(&["--rootfs", "/x"], "true"),
            2,
            "unexpected argument '--rootfs' found".into(),
            "Usage: ",
        ),
        (
            words(&["run"]),
            2,
            "the following required arguments were not provided: <COMMAND>...".into(),
            "Usage",
        ),
        (words(&["frobnicate"]), 2, "unrecognized subcommand 'frobnicate'".into(), "Usage"),
        (words(&["exec", "nosuch", "true"]), 1, "No such sandbox: nosuch".into(), "ps -a"),
        (words(&["exec", "done", "true"]), 1, "sandbox done is not running".into(), "netdns ps"),
        (
            words(&["exec", "web", "nosuchprogram"]),
            127,
            format!("exec: \"nosuchprogram\": {not_found}"),
            "",
        ),
        (words(&["exec", "web", text]), 126, format!("exec: \"{text}\": permission denied"), ""),
        (words(&["rm", "web"]), 1, "sandbox web is running".into(), "netdns rm -f web"),
        (words(&["rm", "nosuch"]), 1, "No such sandbox: nosuch".into(), "ps -a"),
        (words(&["stop", "nosuch"]), 1, "No such sandbox: nosuch".into(), "ps -a"),
        (
            words(&["attach", "--name", "x", "--netns", "/dev/null"]),
            1,
            "/dev/null is not a network namespace".into(),
            none,
        ),
        (words(&["attach", "--name", "x", "--netns", text]), 1, not_one, none),
        (
            words(&["attach", "--name", "x", "--netns", "/proc/1/ns/mnt"]),
            1,
            "/proc/1/ns/mnt is not a network namespace".into(),
            none,
        ),
        (
            words(&["attach", "--name", "x", "--netns", "/nosuch"]),
            1,
            "/nosuch is not a network namespace".into(),
            none,
        ),
        (
            words(&["attach", "--name", "x", "--netns", "/proc/1/ns/net"]),
            1,
            "/proc/1/ns/net is the host's own network namespace".into(),
            "the host needs no sandbox",
        ),
        (
            words(&["attach", "--name", "x", "--pid", "1"]),
            1,
            "process 1 is the host's own network namespace".into(),
            "the host needs no sandbox",
        ),
        (
            words(&["attach", "--name", "x", "--pid", "4000000"]),
            1,
            "no process has pid 4000000".into(),
            "",
        ),
        (
            words(&["attach", "--name", "localhost", "--netns", "/run/netns/router"]),
            1,
            reserved("localhost"),
            "",
        ),
        (
            words(&["attach", "--name", "web", "--netns", "/run/netns/router"]),
            1,
            format!("Conflict. The name \"web\" is already in use by sandbox \"{web}\""),
            "choose another name",
        ),
        (words(&["register", "localhost", "10.0.0.1"]), 1, reserved("localhost"), ""),
        (
            words(&["register", "--network", "bridge", "x", "10.0.0.1"]),
            1,
            "network bridge has no names".into(),
            "user-defined",
        ),
        (
            words(&["register", "x", "10.0.0.256"]),
            1,
            "invalid IP address: 10.0.0.256".into(),
            "--type",
        ),
        (words(&["deregister", "x"]), 1, "no entry x".into(), "netdns names"),
    ];
    let texts: Vec<(Vec<&str>, i32, &str, &str)> = cases
        .iter()
        .map(|(words, code, text, hint)| {
            (words.iter().map(String::as_str).collect(), *code, text.as_str(), *hint)
        })
        .collect();
    let cases: Vec<Case> =
        texts.iter().map(|(words, code, text, hint)| (&words[..], *code, *text, *hint)).collect();
    refused(&host, &cases);
    // The path exists: the longest name there can be, a namespace that is one, a file that may be executed.
    let longest = ["n".repeat(63), "n".repeat(63), "n".repeat(63), "n".repeat(61)].join(".");
    host.sleeper(&longest, &[]);
    host.sh("ip netns add adopted").ok();
    host.netdns(&["attach", "--name", "x", "--netns", "/run/netns/adopted"]).ok();
    host.sh(&format!("printf '#!/bin/sh\\n' >{text}; chmod +x {text}")).ok();
    host.netdns(&["run", text]).ok();
}

#[test]
fn what_somebody_else_made_under_our_name_is_left_alone_and_named() {
    let host = Host::with_daemon();
    host.sh("ip link add netdns0 type bridge").ok();
    let taken = "interface netdns0 exists and was not made by netdns (bridge)";
    let run = ["run", "-d", "--name", "web", "sleep", "3600"];
    refused(&host, &[(&run, 125, taken, "rename or remove it")]);
    host.sh("ip link del netdns0").ok();
    host.netdns(&run).ok();
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn a_pool_that_is_used_up_refuses_the_next_network() {
    let mut host = Host::new();
    host.start(&["--default-address-pool", "base=10.50.0.0/23,size=24"]);
    host.netdns(&["network", "create", "last"]).ok();
    let full = "all predefined address pools have been fully subnetted";
    refused(&host, &[(&["network", "create", "more"], 1, full, "--default-address-pool")]);
    host.netdns(&["network", "rm", "last"]).ok();
    host.netdns(&["network", "create", "more"]).ok();
}

#[test]
fn without_root_or_a_daemon_one_line_says_what_to_do() {
    let mut host = Host::new();
    // Where nobody can execute it.
    let copy = format!("/run/{}", "netdns");
    host.sh(&format!("cp {NETDNS} {copy}")).ok();
    let nobody = |host: &Host, words: &[&str]| {
        let who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", &copy];
        host.run(&[&who, words].concat())
    };
    let socket = host.path("run/api.sock").display().to_string();
    let absent = format!("no daemon at {socket}");
    let forbidden = format!("no permission to use {socket}");
    let start = "start one: netdns daemon";
    for (words, code) in
        [(&["network", "ls"][..], 1), (&["run", "true"], 125), (&["exec", "x", "true"], 125)]
    {
        says(&host.netdns(words), words, code, &absent, start);
    }
    let root = |verb| format!("{verb} needs root: it enters and makes namespaces");
    let sudo = "sudo netdns";
    says(&nobody(&host, &["daemon"]), &["daemon"], 1, &root("the daemon"), sudo);
    assert!(!host.path("run").exists() && !host.path("state").exists(), "a daemon began");
    host.start(&[]);
    says(&nobody(&host, &["run", "true"]), &["run"], 125, &root("run"), sudo);
    says(&nobody(&host, &["exec", "x", "true"]), &["exec"], 125, &root("exec"), sudo);
    says(&nobody(&host, &["ps"]), &["ps"], 1, &forbidden, "become root, or join");
    host.netdns(&["ps"]).ok();
    host.netdns(&["run", "true"]).ok();
}

#[test]
fn a_second_daemon_is_turned_away_and_the_first_goes_on() {
    let host = Host::with_daemon();
    host.sleeper("web", &[]);
    let manager = host.pid("ManagerPid");
    let run_dir = host.path("run").display().to_string();
    let held = format!("{run_dir} is held by pid {manager}");
    let other = host.path("other").display().to_string();
    let other_state = host.path("other-state").display().to_string();
    let elsewhere = ["--run-dir", &other, "--state-dir", &other_state, "daemon"];
    let before = everything(&host);
    says(&host.netdns(&["daemon"]), &["daemon"], 1, &held, "netdns status");
    let managed = format!("this network namespace is managed by pid {manager}");
    says(&host.netdns(&elsewhere), &elsewhere, 1, &managed, "end the other one first");
    fs::remove_dir_all(&other).expect("its run directory was made");
    fs::remove_dir_all(&other_state).expect("its state directory was made");
    assert_eq!(before, everything(&host));
    assert_eq!(manager, host.pid("ManagerPid"));
}

#[test]
fn metrics_are_shown_at_an_address_that_can_be_asked_or_nothing_begins() {
    let mut host = Host::new();
    let mut stranger = host.spawn("stranger", &["python3", "-m", "http.server", "9154"]);
    host.until(": </dev/tcp/127.0.0.1/9154");
    for (address, why, hint) in [
        ("192.0.2.1:9153", "Cannot assign requested address", "ip -br addr"),
        ("127.0.0.1:0", "nobody finds a port that is another", "127.0.0.1:9153"),
        ("224.0.0.1:9153", "it is the address of many", "ip -br addr"),
        ("[ff02::1]:9153", "it is the address of many", "ip -br addr"),
        ("10.9.0.255:9153", "it is the address of many", "ip -br addr"),
        ("255.255.255.255:9153", "it is the address of many", "ip -br addr"),
        ("127.0.0.1:9154", "Address already in use", "ss -lntp sport = :9154"),
    ] {
        let words = ["daemon", "--metrics", address];
        let text = format!("cannot show metrics at {address}: {why}");
        says(&host.netdns(&words), &words, 1, &format!("{text}..."), hint);
        let resolver = host.path("run/resolver.sock");
        assert!(!resolver.exists() && !host.path("state/state.redb").exists(), "a daemon began");
    }
    stranger.kill().ok();
    stranger.wait().expect("it ends");
    host.start(&["--metrics", "10.9.0.2:9153"]);
    host.router("curl -sf http://10.9.0.2:9153/metrics | grep -q netdns_").ok();
}

#[test]
fn what_cannot_be_told_on_stdout_is_told_on_stderr_with_what_was_done() {
    let host = Host::with_daemon();
    let full = |words: &str| host.sh(&format!("{NETDNS} {words} >/dev/full"));
    let said = full("run -d --name a sleep 3600").fails(1);
    let id = host.netdns(&["ps", "-q"]).ok();
    let text = "cannot write to stdout: No space left on device";
    let wanted =
        format!("netdns: {text}, though sandbox {id} runs\nhint: to end it: netdns rm -f {id}\n");
    assert_eq!(said, wanted);
    // What ends with its command has nothing more to say.
    full("run --rm true").ok();
    assert_eq!(full("ps").fails(1), format!("netdns: {text}\n"));
}

#[test]
fn a_damaged_state_file_is_refused_and_recover_is_the_way_out() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.end_daemon("TERM");
    let file = host.path("state/state.redb");
    let whole = fs::read(&file).expect("a state file");
    let garbage: Vec<u8> = (0..whole.len()).map(|at| (at * 31 % 251) as u8).collect();
    let mut scratched = whole.clone();
    scratched[..64].fill(0xff);
    for broken in [&whole[..whole.len() / 2], &whole[..100], b"", &garbage, &scratched] {
        fs::write(&file, broken).expect("it can be written");
        let text = format!("state file {} is damaged...", file.display());
        for _ in ["first", "second"] {
            says(&host.netdns(&["daemon"]), &["daemon"], 1, &text, "--recover");
        }
    }
    host.start(&["--recover"]);
    assert_eq!(host.netdns(&["network", "ls", "-q"]).ok().lines().count(), 3);
    let aside = fs::read(host.path("state/state.redb.damaged-1")).expect("it was set aside");
    assert!(aside == scratched, "what was set aside is not what was there");
    // The twin: what is not damaged is read.
    host.end_daemon("TERM");
    fs::write(&file, whole).expect("it can be written");
    host.start(&[]);
    assert_eq!(host.netdns(&["network", "ls", "-q"]).ok().lines().count(), 4);
}

/// Starts a daemon to which the kernel refuses sockets of netfilter, as one without nf_tables does.
fn start_without_nf_tables(host: &Host) -> Child {
    let mut command = host.command(NETDNS);
    command.arg("daemon").stdout(Stdio::piped()).stderr(Stdio::inherit());
    // SAFETY: between fork and exec only two system calls are made; nothing is allocated.
    unsafe { command.pre_exec(deny_netfilter_sockets) };
    let mut daemon = command.spawn().expect("nsenter (util-linux) runs");
    let mut line = String::new();
    let stdout = daemon.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the daemon speaks or ends");
    assert!(line.starts_with("ready "), "a host without nf_tables can still be looked at");
    daemon
}

pub fn deny_netfilter_sockets() -> std::io::Result<()> {
    const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code: code as u16, jt, jf, k }
    }
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPROTONOSUPPORT as u32;
    // socket(AF_NETLINK, any, NETLINK_NETFILTER); arguments begin at byte 16, eight bytes each.
    let mut filter = [
        step(LOAD, 0, 0, 0),
        step(EQUAL, 0, 5, libc::SYS_socket as u32),
        step(LOAD, 0, 0, 16),
        step(EQUAL, 0, 3, libc::AF_NETLINK as u32),
        step(LOAD, 0, 0, 32),
        step(EQUAL, 0, 1, libc::NETLINK_NETFILTER as u32),
        step(RETURN, 0, 0, REFUSED),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program lives until the kernel has copied it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[test]
fn without_nf_tables_a_network_is_refused_and_nothing_is_half_made() {
    let mut host = Host::new();
    fs::write(host.path("resolv.conf"), "").expect("a resolv.conf");
    let mut daemon = start_without_nf_tables(&host);
    let missing = "cannot open an nfnetlink socket for the firewall...";
    let modprobe = "netdns needs Linux with nf_tables";
    let run = ["run", "-d", "sleep", "3600"];
    refused(
        &host,
        &[
            (&["network", "create", "localnet"], 1, missing, modprobe),
            (&run, 125, missing, modprobe),
        ],
    );
    host.sh(&format!("kill {}", host.pid("ManagerPid"))).ok();
    daemon.wait().expect("it ends");
    host.start(&[]);
    assert_eq!(host.netdns(&["network", "ls", "-q"]).ok().lines().count(), 3);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.netdns(&run).ok();
}

#[test]
fn a_full_disk_fails_the_command_and_nothing_is_half_made() {
    let mut host = Host::new();
    let (run, state) = (host.path("run"), host.path("state"));
    for dir in [&run, &state] {
        host.sh(&format!("mkdir {0} && mount -t tmpfs -o size=16m none {0}", dir.display())).ok();
    }
    host.start(&[]);
    host.netdns(&["network", "create", "before"]).ok();
    host.sleeper("web", &["--network", "before"]);
    let fill = |dir: &std::path::Path| {
        host.sh(&format!("cat /dev/zero >{}/fill 2>/dev/null || true", dir.display())).ok();
    };
    let empty = |dir: &std::path::Path| {
        host.sh(&format!("rm {}/fill", dir.display())).ok();
    };
    let full = |file: &str| {
        format!(
            "cannot write state file {}: I/O error: No space left on device (os error 28)",
            host.path(file).display()
        )
    };
    // The state file has room for a little still: what is recorded is large.
    let labels = (0..6).flat_map(|n| ["-l".to_owned(), format!("{n}={}", "x".repeat(100 << 10))]);
    let labels: Vec<String> = labels.collect();
    let large = |words: &[&'static str]| -> Vec<String> {
        words.iter().map(ToString::to_string).chain(labels.clone()).collect()
    };
    let create: Vec<String> = large(&["network", "create", "after"]);
    let create: Vec<&str> =
        create.iter().map(|word| if word == "-l" { "--label" } else { word }).collect();
    fill(&state);
    refused(&host, &[(&create, 1, &full("state/state.redb"), "")]);
    empty(&state);
    host.netdns(&["network", "create", "between"]).ok();
    fill(&run);
    let attach = large(&["attach", "--name", "x", "--netns", "/run/netns/router"]);
    let attach: Vec<&str> = attach.iter().map(String::as_str).collect();
    refused(&host, &[(&attach, 1, &full("run/run.redb"), "")]);
    // What ran goes on.
    let reached = host.netdns(&["exec", "web", "getent", "ahostsv4", "web"]).ok();
    assert!(reached.contains("172.18.0.2"), "{reached}");
    empty(&run);
    host.sleeper("db", &["--network", "between"]);
    // Nor does a failed command come true at the next start.
    let before = everything(&host);
    host.end_daemon("KILL");
    host.start(&[]);
    assert_eq!(before, everything(&host));
    host.netdns(&["network", "create", "after"]).ok();
}
