//! What `netdns events` tells.

use crate::host::Host;
use serde_json::Value;
use std::fs;

/// Follows all that is kept and all that comes, into the file `told`.
pub fn follow(host: &Host, flags: &[&str]) {
    let words = [&[env!("CARGO_BIN_EXE_netdns"), "events"], flags].concat();
    host.serve("told", &words);
}

/// Waits until a line of the file holds a text.
pub fn told(host: &Host, text: &str) {
    host.until(&format!("grep -qF '{text}' {}", host.path("told").display()));
}

fn lines(host: &Host) -> Vec<Value> {
    let text = fs::read_to_string(host.path("told")).expect("what was told");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Returns `TYPE ACTION NAME` of each, without those of the resolver.
fn deeds(events: &[Value]) -> Vec<String> {
    let text = |event: &Value, key: &str| event[key].as_str().expect("a text").to_owned();
    let deeds =
        events.iter().map(|event| ["Type", "Action", "Name"].map(|key| text(event, key)).join(" "));
    deeds.filter(|deed| !deed.starts_with("resolver")).collect()
}

#[test]
fn events_are_told_as_they_happen_in_their_order_until_the_daemon_ends() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    let mut follower = host.spawn(
        "told",
        &[env!("CARGO_BIN_EXE_netdns"), "events", "--format", "json", "--since", "1h"],
    );
    told(&host, r#""Action":"create","Name":"localnet""#);
    let id = host.sleeper("web", &["--network", "localnet"]);
    let address = host.address("web", "localnet");
    host.netdns(&["network", "create", "other"]).ok();
    host.netdns(&["network", "connect", "other", "web"]).ok();
    host.netdns(&["network", "disconnect", "other", "web"]).ok();
    host.netdns(&["rename", "web", "shop"]).ok();
    host.netdns(&["network", "rm", "localnet"]).fails(1);
    host.netdns(&["run", "-d", "--name", "shop", "true"]).fails(125);
    host.netdns(&["stop", "shop"]).ok();
    host.netdns(&["rm", "shop"]).ok();
    host.netdns(&["network", "rm", "other"]).ok();
    told(&host, r#""Action":"remove","Name":"other""#);
    let events = lines(&host);
    let expected = [
        "network create localnet",
        "sandbox attach web",
        "network connect localnet",
        "network create other",
        "network connect other",
        "network disconnect other",
        "sandbox rename shop",
        "sandbox end shop",
        "network disconnect localnet",
        "sandbox remove shop",
        "network remove other",
    ];
    assert_eq!(deeds(&events), expected, "and nothing of what was refused");
    let of =
        |action: &str| events.iter().find(|event| event["Action"] == action).expect("it was told");
    assert_eq!(of("attach")["ID"], id.as_str());
    assert_eq!(of("connect")["Attributes"]["container"], id.as_str());
    assert_eq!(of("connect")["Attributes"]["address"], address.as_str());
    assert_eq!(of("rename")["Attributes"]["oldName"], "web");
    assert_eq!(of("end")["Attributes"]["exitCode"], "143");
    let times: Vec<_> =
        events.iter().map(|event| event["Time"].as_str().expect("a time")).collect();
    assert!(times.is_sorted() && times[0].starts_with("20"), "{times:?}");

    host.end_daemon("TERM");
    assert_eq!(follower.wait().expect("it ends").code(), Some(1));
}

#[test]
fn since_leaves_out_what_was_before_and_without_it_only_what_comes_is_told() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "early"]).ok();
    follow(&host, &["--format", "json", "--since", "0"]);
    told(&host, r#""Name":"early""#);
    let early = lines(&host).last().expect("it was told")["Time"].as_str().map(str::to_owned);
    host.until(&format!("[[ $(date -u +%FT%T.%NZ) > {} ]]", early.as_deref().expect("a time")));
    let now = host.sh("date -u +%FT%T.%NZ").ok();
    host.netdns(&["network", "create", "late"]).ok();
    host.serve("since", &[env!("CARGO_BIN_EXE_netdns"), "events", "--since", &now]);
    let since = host.path("since").display().to_string();
    host.until(&format!("grep -q 'network create late (subnet=.*, type=bridge)$' {since}"));
    assert!(!fs::read_to_string(&since).expect("its lines").contains("early"));

    // Nothing says when a follower has begun: a network is made for it again and again.
    host.serve("live", &[env!("CARGO_BIN_EXE_netdns"), "events"]);
    let netdns = env!("CARGO_BIN_EXE_netdns");
    let live = host.path("live").display().to_string();
    host.until(&format!(
        "{netdns} network create new; {netdns} network rm new; grep -q 'remove new' {live}"
    ));
    assert!(!fs::read_to_string(&live).expect("its lines").contains("late"));

    let rubbish = host.netdns(&["events", "--since", "yesterday"]).fails(2);
    assert!(rubbish.contains("invalid time \"yesterday\""), "{rubbish}");
}

#[test]
fn no_event_is_lost_between_two_questions() {
    let host = Host::with_daemon();
    follow(&host, &["--format", "json", "--since", "0"]);
    let netdns = env!("CARGO_BIN_EXE_netdns");
    let one = format!("{netdns} network create $n && {netdns} network rm $n");
    host.sh(&format!("for n in $(seq 101 130); do {one}; done >/dev/null")).ok();
    told(&host, r#""Action":"remove","Name":"130""#);
    let expected: Vec<_> = (101..=130)
        .flat_map(|n| [format!("network create {n}"), format!("network remove {n}")])
        .collect();
    assert_eq!(deeds(&lines(&host)), expected);
}

#[test]
fn a_repaired_firewall_and_another_resolver_are_told() {
    let mut host = Host::new();
    host.start(&["--share-tables"]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    follow(&host, &["--since", "0"]);
    let first = host.pid("ResolverPid");
    told(&host, &format!("resolver start netdns (pid={first})"));
    host.sh("nft delete table inet netdns").ok();
    told(&host, "firewall repair netdns (table=inet netdns)");
    host.sh(&format!("kill -KILL {first}")).ok();
    told(&host, &format!("resolver die netdns (pid={first})"));
    host.until(&format!("test $(grep -c 'resolver start' {}) = 2", host.path("told").display()));
}

#[test]
fn a_follower_whose_reader_has_gone_ends() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "a"]).ok();
    let netdns = env!("CARGO_BIN_EXE_netdns");
    let ended = host.path("ended").display().to_string();
    let piped =
        format!("({netdns} events --since 0; echo $? >{ended}) | head -n 1 | grep -q netdns");
    host.serve("reader", &["bash", "-c", &piped]);
    host.until(&format!("{netdns} network create b; {netdns} network rm b; test -s {ended}"));
    assert_eq!(fs::read_to_string(ended).expect("its code").trim(), "0");
}
