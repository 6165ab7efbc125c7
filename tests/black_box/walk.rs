//! The main job, end to end.

use crate::host::Host;

#[test]
fn two_sandboxes_on_a_user_defined_network_find_each_other_by_name() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "-d", "bridge", "localnet"]).ok();
    host.sleeper("demo1", &["--network", "localnet"]);
    host.sleeper("demo2", &["--network", "localnet"]);
    let pinged = host.netdns(&["exec", "demo2", "ping", "-c1", "demo1"]).ok();
    assert!(pinged.contains("172.18.0.2"), "{pinged}");
}
