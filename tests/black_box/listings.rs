//! What listings show: columns and keys, ids alone, whole ids, filters.

use crate::host::Host;
use serde_json::Value;
use std::collections::BTreeSet;

/// Two running sandboxes on `localnet`, one on the default network that has ended with 3.
fn host() -> Host {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "--label", "tier=front", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet", "-l", "app=shop", "-p", "5000:80"]);
    host.sleeper("webdb", &["--network", "localnet", "-l", "app", "--expose", "53/udp"]);
    host.netdns(&["run", "--name", "job", "-l", "app=shop", "sh", "-c", "exit 3"]).fails(3);
    host
}

/// Returns one value of each line of a listing.
fn values(host: &Host, words: &[&str], key: &str) -> BTreeSet<String> {
    let listed = host.netdns(&[words, &["--format", "json"]].concat()).ok();
    let value = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")[key].clone();
    listed.lines().map(|line| value(line).as_str().expect("a text").to_owned()).collect()
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn ps_shows_what_its_filters_leave() {
    let host = host();
    let id = host.netdns(&["ps", "-q", "--no-trunc", "-f", "name=^web$"]).ok();
    assert_eq!(id.len(), 64);
    let network = host.netdns(&["network", "ls", "-q", "--no-trunc", "-f", "name=localnet"]).ok();
    for (filters, names) in [
        (vec!["name=web"], "web webdb"),
        (vec!["name=^web$"], "web"),
        (vec!["name=job"], ""),
        (vec!["name=^web$", "name=db"], "web webdb"),
        (vec![&*format!("id={}", &id[..12])], "web"),
        (vec!["label=app"], "web webdb"),
        (vec!["label=app=shop"], "web"),
        (vec!["label=app", "label=other"], ""),
        (vec!["status=running"], "web webdb"),
        (vec!["status=exited"], "job"),
        (vec!["status=exited", "status=running"], "job web webdb"),
        (vec!["status=exited", "exited=3"], "job"),
        (vec!["status=exited", "exited=0"], ""),
        (vec!["status=paused"], ""),
        (vec!["network=localnet"], "web webdb"),
        (vec![&*format!("network={network}")], "web webdb"),
        (vec!["network=bridge"], ""),
        (vec!["publish=80"], "web"),
        (vec!["publish=80/udp"], ""),
        (vec!["expose=53/udp"], "webdb"),
        (vec!["before=webdb"], "web"),
        (vec!["since=web"], "webdb"),
        (vec!["label=app=shop", "network=localnet"], "web"),
    ] {
        let words: Vec<&str> = filters.iter().flat_map(|filter| ["--filter", *filter]).collect();
        let shown = values(&host, &[&["ps"], &words[..]].concat(), "Names");
        let expected = names.split_whitespace().map(str::to_owned).collect();
        assert_eq!(shown, expected, "{filters:?}");
    }
    for (filter, text) in [
        ("status=up", "invalid filter 'status=up'"),
        ("exited=x", "invalid filter 'exited=x'"),
        ("bogus=1", "invalid filter 'bogus'"),
        ("name", "invalid filter 'name': it should be KEY=VALUE"),
        ("name=(", "invalid filter 'name=('"),
        ("publish=x", "invalid filter 'publish=x'"),
        ("since=nosuch", "No such sandbox: nosuch"),
    ] {
        let refused = host.netdns(&["ps", "-f", filter]).fails(1);
        assert!(refused.starts_with(&format!("netdns: {text}\n")), "{refused}");
    }
}

#[test]
fn listings_have_dockers_columns_keys_and_ids() {
    let host = host();
    let heading = |words: &[&str]| {
        let table = host.netdns(&[words, &["--format", "table"]].concat()).ok();
        let line = table.lines().next().expect("a heading").to_owned();
        line.split("  ")
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(heading(&["ps"]), "SANDBOX ID|COMMAND|CREATED|STATUS|PORTS|NAMES");
    assert_eq!(heading(&["network", "ls"]), "NETWORK ID|NAME|DRIVER|SCOPE");
    assert_eq!(heading(&["names"]), "NAME|NETWORK|TYPE|DATA|TTL|SOURCE|SANDBOX");
    let first = |words: &[&str]| -> Value {
        let listed = host.netdns(&[words, &["--format", "json"]].concat()).ok();
        serde_json::from_str(listed.lines().next().expect("a line")).expect("JSON")
    };
    let sorted = |keys: &str| {
        let mut keys: Vec<String> = keys.split(' ').map(str::to_owned).collect();
        keys.sort();
        keys
    };
    let ps = "Command CreatedAt ID Names Networks Pid Ports State Status";
    assert_eq!(keys(&first(&["ps"])), sorted(ps));
    let ls = "CreatedAt Driver ID IPv6 Internal Labels Name Scope";
    assert_eq!(keys(&first(&["network", "ls"])), sorted(ls));
    let names = "Data Name Network Sandbox Source TTL Type";
    assert_eq!(keys(&first(&["names"])), sorted(names));
    let stats = "DNS ID Links Name Running";
    assert_eq!(keys(&first(&["stats"])), sorted(stats));
    let resolved = first(&["resolve", "web", "--network", "localnet"]);
    assert_eq!(keys(&resolved), sorted("Answers Network Rcode Source"));
    assert_eq!(keys(&resolved["Answers"][0]), sorted("Data Name TTL Type"));

    for words in [&["ps"][..], &["network", "ls"]] {
        let ids = |flags: &[&str]| host.netdns(&[words, flags].concat()).ok();
        let short: Vec<String> = ids(&["-q"]).lines().map(str::to_owned).collect();
        let long: Vec<String> =
            ids(&["--quiet", "--no-trunc"]).lines().map(str::to_owned).collect();
        assert!(!short.is_empty() && short.iter().all(|id| id.len() == 12), "{short:?}");
        assert!(long.iter().all(|id| id.len() == 64), "{long:?}");
        assert!(short.iter().zip(&long).all(|(short, long)| long.starts_with(short)));
        assert!(ids(&["--no-trunc"]).contains(&long[0]));
    }
    assert_eq!(values(&host, &["names", "-f", "sandbox=web", "-f", "type=a"], "Source").len(), 2);
    assert_eq!(values(&host, &["names", "-f", "name=webdb"], "Sandbox").len(), 1);
    host.netdns(&["names", "-f", "bogus=1"]).fails(1);
}

#[test]
fn stats_count_what_a_sandbox_sends_and_receives() {
    let host = host();
    let links = |name: &str| -> Value {
        let shown = host.netdns(&["stats", "--no-stream", "--format", "json", name]).ok();
        serde_json::from_str::<Value>(&shown).expect("JSON")["Links"].take()
    };
    let count = |link: &Value, way: &str, what: &str| link[way][what].as_u64().expect("a count");
    let before = links("web")[0].take();
    assert_eq!((&before["Network"], &before["Interface"]), (&"localnet".into(), &"eth0".into()));
    host.netdns(&["exec", "web", "ping", "-q", "-c5", "-i0.01", "-s1000", "webdb"]).ok();
    let (after, other) = (links("web")[0].take(), links("webdb")[0].take());
    for way in ["Sent", "Received"] {
        assert!(count(&after, way, "Packets") >= count(&before, way, "Packets") + 5, "{after}");
        assert!(count(&after, way, "Bytes") >= count(&before, way, "Bytes") + 5000, "{after}");
    }
    assert!(count(&other, "Received", "Bytes") >= 5000, "{other}");
    // Who sends more than it gets back is told from who receives.
    let silent = "for n in {1..50}; do printf %1000s x >/dev/udp/192.0.2.1/9; done";
    host.inside("webdb", silent).ok();
    let sender = links("webdb")[0].take();
    assert!(
        count(&sender, "Sent", "Bytes") > count(&sender, "Received", "Bytes") + 25_000,
        "{sender}"
    );

    let table = host.netdns(&["stats"]).ok();
    assert_eq!(table.lines().count(), 3, "no terminal, so once: {table}");
    assert!(host.netdns(&["stats", "-a"]).ok().contains("job"));
    assert_eq!(host.netdns(&["container", "stats", "job"]).ok().lines().count(), 2);
    let missing = host.netdns(&["stats", "web", "nosuch"]);
    assert!(missing.out.contains("web"), "{missing:?}");
    assert!(missing.fails(1).contains("No such sandbox: nosuch"));
}
