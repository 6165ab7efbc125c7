//! Bad input, and bad moments: whatever is typed, one line says what is wrong and nothing changes; whoever comes at the
//! same time or dies in the middle leaves nothing half made.

use crate::host::{Host, Ran};
use crate::refusals::everything;
use std::collections::BTreeSet;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// Returns every verb with its words, read from the help.
fn verbs(host: &Host, noun: &[&str]) -> Vec<Vec<String>> {
    let help = host.netdns(&[noun, &["--help"]].concat()).ok();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.map_while(|line| line.split_whitespace().next().map(str::to_owned));
    let mut all = Vec::new();
    for name in names {
        let words = [noun, &[&name[..]]].concat();
        match name.as_str() {
            "network" | "container" | "alias" | "cache" => all.extend(verbs(host, &words)),
            _ => all.push(words.iter().map(ToString::to_string).collect()),
        }
    }
    all
}

/// Says what is wrong with how something was refused: its lines, its code, its output.
fn ill_told(ran: &Ran, what: &[&str], codes: &[i32]) -> Option<String> {
    let lines = ran.err.lines().collect::<Vec<_>>();
    let first = lines.first().is_some_and(|line| line.starts_with("netdns: "));
    let told = lines.iter().all(|line| line.starts_with("netdns: ") || line.starts_with("hint: "));
    let clean = !ran.err.chars().any(|c| c.is_control() && c != '\n');
    let good =
        codes.contains(&ran.code) && first && told && clean && ["", "[]\n"].contains(&&*ran.out);
    (!good).then(|| format!("{what:?} wants one of {codes:?}: {ran:?}"))
}

#[test]
fn every_verb_refuses_a_flag_that_is_none() {
    let host = Host::new();
    let verbs = verbs(&host, &[]);
    assert!(verbs.len() > 40, "{verbs:?}");
    let mut broken = Vec::new();
    for verb in &verbs {
        let words: Vec<&str> =
            verb.iter().map(String::as_str).chain(["--no-such-flag", "a", "b"]).collect();
        let ran = host.netdns(&words);
        broken.extend(ill_told(&ran, &words, &[2]));
        if !ran.err.contains("'--no-such-flag'") {
            broken.push(format!("{words:?}: {ran:?}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn what_is_missing_malformed_or_in_the_wrong_order_is_said_and_changes_nothing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    let before = everything(&host);
    let mut broken = Vec::new();
    for (words, code, text) in [
        ("network connect web localnet", 1, "No such sandbox: localnet"),
        ("network connect localnet", 2, "required arguments were not provided: <SANDBOX>"),
        ("network disconnect web localnet", 1, "network web not found"),
        (
            "network create --subnet localnet 10.0.0.0/8",
            2,
            "invalid value 'localnet' for '--subnet",
        ),
        ("network create --ip-range 10.0.0.0 x", 2, "invalid value '10.0.0.0' for '--ip-range"),
        ("network create --gateway x x", 2, "invalid value 'x' for '--gateway"),
        ("network create --aux-address 10.0.0.1 x", 2, "it should be NAME=IP"),
        ("network localnet rm", 2, "unrecognized subcommand 'localnet'"),
        ("network rm", 2, "required arguments were not provided: <NETWORK>"),
        ("network inspect", 2, "required arguments were not provided: <NETWORK>"),
        ("network prune --filter until=soon -f", 1, "invalid time \"soon\""),
        ("network ls --filter type=odd", 1, "invalid filter 'type=odd'"),
        ("alias add web localnet www", 1, "network web not found"),
        ("alias add localnet web", 2, "required arguments were not provided: <NAME>"),
        ("exec true web", 1, "No such sandbox: true"),
        ("exec web", 2, "2 values required"),
        ("run --ip 10.0.0.256 true", 2, "invalid value '10.0.0.256' for '--ip"),
        ("run --mac-address x true", 2, "invalid value 'x' for '--mac-address"),
        ("run --dns nine true", 2, "invalid value 'nine' for '--dns"),
        ("run --expose x true", 125, "invalid port format for --expose: x"),
        ("run --add-host x true", 125, "bad format for add-host: \"x\""),
        ("run --add-host x:y true", 125, "invalid IP address in add-host: \"y\""),
        ("run --network name=,ip=1.2.3.4 true", 125, "names no network"),
        ("run --network name=localnet,ip=x true", 125, "invalid value \"x\" for ip"),
        ("run --name a --name b true", 2, "cannot be used multiple times"),
        ("run --name", 2, "a value is required for '--name"),
        ("run -h .. true", 125, "invalid hostname: \"..\""),
        ("stop -t soon web", 2, "invalid value 'soon' for '--timeout"),
        ("stop -t -1 web", 2, "unexpected argument '-1'"),
        ("kill -s 99 web", 1, "invalid signal: 99"),
        ("logs -n few web", 2, "invalid value 'few' for '--tail"),
        ("rename web", 2, "required arguments were not provided: <NAME>"),
        ("port web x", 1, "invalid port format for --expose: x"),
        ("port web 81", 1, "No public port '81/tcp' published for web"),
        ("inspect --type image web", 2, "invalid value 'image' for '--type"),
        ("ps --format", 2, "a value is required for '--format"),
        ("ps web", 2, "unexpected argument 'web'"),
        ("stats --format xml", 2, "invalid value 'xml' for '--format"),
        ("events --since soon", 2, "invalid time \"soon\""),
        ("register web", 2, "required arguments were not provided: <DATA>"),
        ("register web --ttl -5 1.2.3.4", 2, "unexpected argument '-5'"),
        ("register web --type SRV 1.2.3.4", 1, "1.2.3.4"),
        ("deregister nosuch", 1, "no entry nosuch"),
        ("resolve web", 2, "required arguments were not provided: <--sandbox <S>|--network <N>>"),
        ("resolve web ODD --network localnet", 1, "ODD"),
        ("attach --name x", 2, "<--netns <PATH>|--pid <N>>"),
        ("attach --pid few --name x", 2, "invalid value 'few' for '--pid"),
        ("detach", 2, "required arguments were not provided: <SANDBOX>"),
        ("daemon --bip 10.0.0.1", 2, "invalid value '10.0.0.1' for '--bip"),
        ("daemon --dns-cache 4k", 2, "from 1m to 64g"),
        ("daemon --mtu 10", 2, "invalid value '10' for '--mtu"),
        ("completion tcl", 2, "invalid value 'tcl' for '<SHELL>'"),
        ("--run-dir", 2, "a value is required for '--run-dir"),
        ("web stop", 2, "unrecognized subcommand 'web'"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let ran = host.netdns(&words);
        broken.extend(ill_told(&ran, &words, &[code]));
        if !ran.err.contains(text) {
            broken.push(format!("{words:?}: wanted {text:?}, got {ran:?}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(before, everything(&host));
    // Flags end at the first word that is none.
    host.netdns(&["run", "-d", "sleep", "3600", "--name", "x"]).ok();
    assert!(!host.netdns(&["ps", "-a"]).ok().contains(" x\n"));
}

#[test]
fn names_that_are_none_are_shown_as_typed_and_change_nothing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    let before = everything(&host);
    let long = "n".repeat(200);
    let names = ["", "a\"b'c %s$(id);{}", "a\nb\u{1b}[31m", "ünï", "../../etc", &long];
    let mut broken = Vec::new();
    for template in [
        "run --rm --name @ true",
        "run --rm --network container:@ true",
        "run --rm -u @: true",
        "run --rm --network localnet --net-alias @ true",
        "run --rm --sysctl @=1 true",
        "exec @ true",
        "rm @",
        "kill @",
        "wait @",
        "rename web @",
        "logs @",
        "port @",
        "inspect @",
        "network inspect @",
        "network rm @",
        "network connect @ web",
        "network connect localnet @",
        "alias add localnet web @",
        "register @ 10.0.0.1",
        "resolve @ --network nosuch",
        "deregister @",
        "ps -f since=@",
    ] {
        for name in names {
            let words: Vec<String> =
                template.split(' ').map(|word| word.replace('@', name)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            // No user means root, as with Docker; an unusual name may yet be one in DNS.
            let granted = (
                words.contains(&":") || words.contains(&"--net-alias"),
                matches!(words[0], "register" | "alias"),
            );
            let ran = host.netdns(&words);
            match (granted, ran.code) {
                ((true, _), 0) => {}
                ((_, true), 0) => {
                    let undo = if words[0] == "register" {
                        &["deregister", name][..]
                    } else {
                        &["alias", "rm", "localnet", "web", name]
                    };
                    host.netdns(undo).ok();
                }
                _ => broken.extend(ill_told(&ran, &words, &[1, 125])),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(before, everything(&host));
    assert!(!host.log().contains('\u{1b}'), "what was typed reaches whoever reads the log");
}

/// Runs a command several times at once. Returns how many succeeded, and what the others said.
fn at_once(host: &Host, words: &str, times: u32) -> (usize, BTreeSet<String>) {
    let dir = host.path("at-once").display().to_string();
    let ran = host.sh(&format!(
        "mkdir -p {dir}; for n in $(seq {times}); do {NETDNS} {words} >/dev/null 2>{dir}/$n & pids[n]=$!; done
         done=0; for n in $(seq {times}); do wait ${{pids[n]}} && done=$((done+1)); done; echo $done
         cat {dir}/* | grep ^netdns | sort -u >&2 || true"
    ));
    let said = ran.err.lines().map(str::to_owned).collect();
    (ran.ok().parse().expect("a count"), said)
}

#[test]
fn of_several_commands_at_once_on_one_name_one_is_done() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.netdns(&["network", "create", "other"]).ok();
    let one = |words: &str, text: &str| {
        let (done, said) = at_once(&host, words, 8);
        assert_eq!(done, 1, "{words}: {said:?}");
        assert!(said.iter().all(|line| line.contains(text)), "{words}: {said:?}");
    };
    one("network create twin", "network with name twin already exists");
    one(
        "run -d --name web --network localnet -p 5000:80 sleep 3600",
        "The name \"web\" is already",
    );
    one("network connect other web", "already exists in network other");
    assert_eq!(host.sh("ip -br link | grep -c ^veth").ok(), "2");
    assert_eq!(host.inside("web", "ls /sys/class/net | wc -l").ok(), "3");
    one("run -d --network localnet -p 6000:80 sleep 3600", "port is already allocated");
    one("rename web www", "");
    one("network disconnect other www", "is not connected to network other");
    assert_eq!(at_once(&host, "stop -t 1 www", 8).0, 8, "it is stopped, whoever stopped it");
    one("rm www", "No such sandbox: www");
    one("network rm twin", "network twin not found");
    host.sh("ip netns add lab").ok();
    let attach = "attach --netns /run/netns/lab --name lab --network localnet";
    assert_eq!(at_once(&host, attach, 8).0, 8, "the same again is the recorded one");
    assert_eq!(host.sh("ip -n lab -br link | grep -vc ^lo").ok(), "1");
    assert_eq!(at_once(&host, "detach lab", 8).0, 8);
    assert_eq!(host.sh("ip -n lab -br link | grep -vc ^lo || true").ok(), "0");
}

#[test]
fn a_client_that_is_killed_in_the_middle_leaves_nothing_half_made() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("warm", &["--network", "localnet", "-p", "7999:80"]);
    host.netdns(&["rm", "-f", "warm"]).ok();
    let before = everything(&host);
    let run =
        |n: u32| format!("run -d --name k{n} --network localnet -p {}:80 sleep 3600", 7000 + n);
    for n in 0..16 {
        // A sweep through the steps of the command, not a wait for something.
        let pause = format!("0.{:03}", n * 5);
        let words = run(n);
        host.sh(&format!("{NETDNS} {words} >/dev/null & sleep {pause}; kill -9 $! || true; wait"))
            .ok();
    }
    // Whatever there is, is whole: what runs has its link, and what has ended has none.
    let links = "ip -br link | grep -c ^veth || true";
    let names = format!("{NETDNS} ps | tail -n +2 | awk '{{print $NF}}'");
    host.until(&format!(
        "[ $({NETDNS} ps -q | wc -l) = $({links}) ]
         for name in $({names}); do {NETDNS} exec $name getent ahostsv4 $name >/dev/null; done"
    ));
    let all = host.netdns(&["ps", "-aq"]).ok();
    println!("{} of 16 were recorded", all.lines().count());
    if !all.is_empty() {
        host.netdns(&[&["rm", "-f"], &all.lines().collect::<Vec<_>>()[..]].concat()).ok();
    }
    // A killed client's own file of its child's exit goes with the next start of the daemon.
    let plain = |text: String| {
        text.lines().filter(|line| !line.contains("/exits/")).collect::<Vec<_>>().join("\n")
    };
    host.until("[ $(pgrep -c sleep) -le 1 ]");
    assert_eq!(plain(before), plain(everything(&host)));
    host.netdns(&run(1).split(' ').collect::<Vec<_>>()).ok();
}
