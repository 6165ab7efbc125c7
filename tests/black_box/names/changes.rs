//! A change is seen by the query after the command that made it, and what was entered by hand outlives the daemon.

use super::{short, with_localnet};

#[test]
fn every_change_is_seen_by_the_very_next_query() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("late", &[]);
    for round in 0..3 {
        host.netdns(&["network", "connect", "--alias", "extra", "localnet", "late"]).ok();
        let address = host.address("late", "localnet");
        assert_eq!(short(&host, "web", "late"), [address.as_str()], "{round}");
        assert_eq!(short(&host, "web", "extra"), [address.as_str()], "{round}");
        assert_eq!(short(&host, "late", "web"), ["172.18.0.2"], "{round}");
        host.netdns(&["network", "disconnect", "localnet", "late"]).ok();
        assert!(short(&host, "web", "late").is_empty(), "{round}");
        assert!(short(&host, "web", "extra").is_empty(), "{round}");

        host.netdns(&["register", "entry", "192.0.2.1"]).ok();
        assert_eq!(short(&host, "web", "entry"), ["192.0.2.1"], "{round}");
        host.netdns(&["deregister", "entry"]).ok();
        assert!(short(&host, "web", "entry").is_empty(), "{round}");

        host.sleeper("brief", &["--network", "localnet", "--rm"]);
        assert_eq!(short(&host, "web", "brief"), [host.address("brief", "localnet")], "{round}");
        host.netdns(&["stop", "-t", "0", "brief"]).ok();
        assert!(short(&host, "web", "brief").is_empty(), "{round}");
    }
}

#[test]
fn names_outlive_the_daemon_and_the_resolver() {
    let mut host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    host.netdns(&["register", "entry", "192.0.2.1", "--network", "localnet"]).ok();
    host.netdns(&["register", "note", "--type", "TXT", "kept"]).ok();
    let before = host.netdns(&["names", "--format", "json"]).ok();
    let resolver = host.pid("ResolverPid");
    let inspected = host.netdns(&["inspect", "web"]).ok();
    let inspected: serde_json::Value = serde_json::from_str(&inspected).expect("JSON");
    let pid = inspected[0]["State"]["Pid"].as_u64().expect("a pid");
    host.end_daemon("TERM");
    // Not even `exec` goes without a manager.
    let asked = host.sh(&format!("nsenter -t {pid} -n dig +short @127.0.0.11 entry"));
    assert_eq!(asked.ok(), "192.0.2.1", "while no manager runs");
    host.sh(&format!("kill -KILL {resolver}")).ok();
    host.until(&format!("! kill -0 {resolver} 2>/dev/null"));
    host.start(&[]);
    assert_ne!(host.pid("ResolverPid"), resolver);
    assert_eq!(host.netdns(&["names", "--format", "json"]).ok(), before);
    assert_eq!(short(&host, "web", "entry"), ["192.0.2.1"]);
    assert_eq!(short(&host, "web", "note TXT"), ["\"kept\""]);
    assert_eq!(short(&host, "web", "web"), ["172.18.0.2"]);
}
