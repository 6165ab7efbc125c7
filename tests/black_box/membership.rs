//! The resolver of a sandbox comes with its first network that has names, and goes with the last.

use crate::host::Host;

#[test]
fn the_resolver_goes_with_the_last_network_and_comes_again() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "one"]).ok();
    host.netdns(&["network", "create", "two"]).ok();
    host.sleeper("box", &["--network", "one"]);
    let listens = || host.inside("box", "ss -Hlntu src 127.0.0.11").ok().lines().count();
    let asks = || host.inside("box", "dig +short +tries=1 @127.0.0.11 box").ok();
    assert_eq!(listens(), 2, "UDP and TCP");
    host.netdns(&["network", "connect", "two", "box"]).ok();
    host.netdns(&["network", "disconnect", "one", "box"]).ok();
    assert_eq!(asks(), host.address("box", "two"));
    host.netdns(&["network", "disconnect", "two", "box"]).ok();
    host.until(&format!(
        "test -z \"$({} exec box ss -Hlntu src 127.0.0.11)\"",
        env!("CARGO_BIN_EXE_netdns")
    ));
    host.netdns(&["network", "connect", "one", "box"]).ok();
    assert_eq!(listens(), 2, "UDP and TCP");
    assert_eq!(asks(), host.address("box", "one"));
}
