//! What `netdns query-log` tells.

use crate::host::Host;
use serde_json::Value;
use std::fs;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

#[test]
fn the_query_log_tells_what_sandboxes_ask_while_it_is_read() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("db", &["--network", "localnet"]);
    let address = host.address("db", "localnet");
    host.netdns(&["query-log", "nosuch"]).fails(1);

    let file = |name: &str| host.path(name).display().to_string();
    let mut all = host.spawn("all", &[NETDNS, "query-log"]);
    let mut one = host.spawn("one", &[NETDNS, "query-log", "--format", "json", "web"]);
    // They say nothing until somebody asks.
    for name in ["all", "one"] {
        host.until(&format!(
            "{NETDNS} exec web getent ahostsv4 db >/dev/null; grep -qF db. {}",
            file(name)
        ));
    }
    host.inside("db", "getent ahostsv4 web").ok();
    host.inside("web", "getent ahostsv4 nosuch.localhost || true").ok();
    host.until(&format!("grep -q nosuch.localhost {}", file("one")));
    host.until(&format!("grep -q nosuch.localhost {}", file("all")));

    let text = fs::read_to_string(host.path("all")).expect("what was told");
    let line = text.lines().find(|line| line.contains(" web db. A ")).expect(&text);
    assert!(line.contains(&format!(" web db. A NOERROR A {address} (local, udp, ")), "{line}");
    assert!(line.ends_with(" ms)"), "{line}");
    assert!(text.contains(" db web. A NOERROR A "), "{text}");
    let text = fs::read_to_string(host.path("one")).expect("what was told");
    let queries: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(queries.iter().all(|query| query["Sandbox"] == "web"), "{text}");
    let asked = |query: &&Value| query["Name"] == "db." && query["Type"] == "A";
    let query = queries.iter().find(asked).expect("the question for db");
    assert_eq!(query["Answers"][0], format!("A {address}"));
    assert_eq!((&query["Source"], &query["Rcode"]), (&"local".into(), &"NOERROR".into()));

    // Another resolver is read as the one before it was.
    host.sh(&format!("kill -KILL {}", host.pid("ResolverPid"))).ok();
    host.until(&format!(
        "{NETDNS} exec web getent ahostsv4 after.localhost >/dev/null; grep -qF after. {}",
        file("one")
    ));

    // Both end with the daemon.
    host.end_daemon("TERM");
    assert_eq!(all.wait().expect("it ends").code(), Some(1));
    assert_eq!(one.wait().expect("it ends").code(), Some(1));
}
