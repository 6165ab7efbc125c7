//! What somebody does to our links and sysctls on the host, and what becomes of it.

use crate::events::{follow, told};
use crate::host::Host;
use crate::ports::serve;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

#[test]
fn links_and_sysctls_that_somebody_changes_are_put_right_and_told_of() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "-o", "netdns.expose=enforce", "localnet"]).ok();
    serve(&host, "web", &["--network", "localnet", "--expose", "80"]);
    host.sleeper("client", &["--network", "localnet"]);
    let web = host.address("web", "localnet");
    let asks = format!(": </dev/tcp/{web}/80");
    let bridge = host.sh("ip -o link show type bridge | grep -o 'br-[0-9a-f]*' | head -n1").ok();
    let port = host.sh("ip -o link show type veth | grep -o 'veth[0-9a-f]*' | head -n1").ok();
    let damages = [
        format!("ip link set {port} down"),
        format!("ip link set {port} nomaster"),
        format!("ip link del {port}"),
        format!("ip addr flush dev {bridge}"),
        format!("ip link del {bridge}"),
        format!("sysctl -qw net.ipv4.conf.{bridge}.proxy_arp_pvlan=0"),
        "sysctl -qw net.ipv4.ip_forward=0".to_owned(),
    ];
    follow(&host, &[]);
    for (done, damage) in damages.iter().enumerate() {
        host.sh(damage).ok();
        let log = host.path("daemon.log").display().to_string();
        host.until(&format!("test $(grep -c 'put right' {log}) -gt {done}"));
        host.until(&format!("{NETDNS} exec client bash -c '{asks}'"));
    }
    told(&host, &format!("link repair netdns (interface={bridge})"));
}

#[test]
fn the_rules_that_serve_a_network_are_shown_and_nftables_reads_them() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "one"]).ok();
    host.netdns(&["network", "create", "two"]).ok();
    host.sleeper("web", &["--network", "one", "-p", "5000:80"]);
    host.sleeper("db", &["--network", "two"]);
    let rules = host.netdns(&["network", "inspect", "--ruleset", "one"]).ok();
    let (web, db) = (host.address("web", "one"), host.address("db", "two"));
    assert!(rules.starts_with("# network one ("), "{rules}");
    assert!(rules.contains(&format!("tcp . 5000 : {web} . 80")), "{rules}");
    assert!(rules.contains("# port, MAC and address of each endpoint\n\tset own4"), "{rules}");
    assert!(!rules.contains(&db) && rules.contains(&web), "{rules}");
    std::fs::write(host.path("rules.nft"), &rules).expect("a file");
    // nft of Debian 12 prints one rule that only later releases read.
    let file = host.path("rules.nft").display().to_string();
    host.sh(&format!(
        "sed -i 's/,persist//; /nd-neighbor-advert/d' {file}; unshare -n nft -c -f {file}"
    ))
    .ok();
    let none = host.netdns(&["network", "inspect", "--ruleset", "host"]).ok();
    assert!(none.contains("no rule of netdns serves"), "{none}");
}
