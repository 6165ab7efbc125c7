//! Namespaces that something else made: `attach` and `detach`.

use crate::host::Host;

fn host() -> Host {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("demo1", &["--network", "localnet"]);
    host
}

#[test]
fn a_namespace_of_ip_netns_is_adopted_with_names_and_let_go() {
    let host = host();
    host.sh("ip netns add blue").ok();
    let attach =
        ["attach", "--netns", "/run/netns/blue", "--name", "blue", "--network", "localnet"];
    let id = host.netdns(&attach).ok();
    assert_eq!(id.len(), 64);
    let pinged = host.sh("ip netns exec blue ping -c1 -W2 demo1").ok();
    assert!(pinged.contains("demo1 (172.18.0.2)"), "{pinged}");
    host.netdns(&["exec", "demo1", "ping", "-c1", "-W2", "blue"]).ok();
    host.netdns(&["exec", "blue", "ping", "-c1", "-W2", "demo1"]).ok();
    let inspected = host.netdns(&["inspect", "blue"]).ok();
    assert!(inspected.contains("\"Pid\": 0"), "{inspected}");

    assert_eq!(host.netdns(&attach).ok(), id, "attached again, the recorded id is returned");
    let elsewhere = ["attach", "--netns", "/run/netns/router", "--name", "blue"];
    let refused = host.netdns(&elsewhere).fails(1);
    assert!(refused.contains("blue"), "{refused}");

    host.netdns(&["detach", "blue"]).ok();
    host.sh("! ls /etc/netns/blue 2>/dev/null").ok();
    assert_eq!(host.sh("ip -n blue -br link | grep -vc ^lo || true").ok(), "0");
    assert_ne!(host.netdns(&["exec", "demo1", "ping", "-c1", "-W1", "blue"]).code, 0);
    let again = host.netdns(&["detach", "blue"]);
    assert!(again.code == 0 && again.err.contains("No such sandbox: blue"), "{again:?}");
}

#[test]
fn a_namespace_of_a_process_is_adopted_and_ends_with_it() {
    let host = host();
    let mut process =
        host.spawn("process", &["unshare", "-n", "sh", "-c", "echo $$; exec sleep 3600"]);
    let output = host.path("process").display().to_string();
    host.until(&format!("grep -q . {output}"));
    let pid = host.sh(&format!("cat {output}")).ok();
    let attach = ["attach", "--pid", &pid, "--name", "proc", "--network", "localnet"];
    let attached = host.netdns(&attach);
    assert!(attached.err.contains("nameserver 127.0.0.11"), "{attached:?}");
    assert_eq!(host.netdns(&attach).ok(), attached.ok(), "the recorded id");
    // Its root is the host's, whose resolv.conf is not touched: the resolver is asked by its address.
    let inside = |script: &str| host.sh(&format!("nsenter -t {pid} -n {script}"));
    assert_eq!(inside("dig +short @127.0.0.11 demo1").ok(), "172.18.0.2");
    host.netdns(&["exec", "demo1", "ping", "-c1", "-W2", "proc"]).ok();

    host.sh(&format!("kill -KILL {pid}")).ok();
    process.wait().expect("nsenter ends with it");
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!("! {netdns} inspect proc >/dev/null 2>&1"));
    assert_ne!(host.netdns(&["exec", "demo1", "ping", "-c1", "-W1", "proc"]).code, 0);
    assert_eq!(host.sh("ip -br link | grep -c ^veth").ok(), "1");
}

#[test]
fn files_of_a_namespace_that_are_there_already_are_left_alone() {
    let host = host();
    host.sh(
        "ip netns add blue; mkdir /etc/netns/blue; echo '# mine' > /etc/netns/blue/resolv.conf",
    )
    .ok();
    let attached = host.netdns(&[
        "attach",
        "--netns",
        "/run/netns/blue",
        "--name",
        "blue",
        "--network",
        "localnet",
    ]);
    assert!(attached.err.contains("/etc/netns/blue/resolv.conf"), "{attached:?}");
    attached.ok();
    assert_eq!(host.sh("cat /etc/netns/blue/resolv.conf").ok(), "# mine");
    host.netdns(&["detach", "blue"]).ok();
    assert_eq!(
        host.sh("ls /etc/netns/blue; cat /etc/netns/blue/resolv.conf").ok(),
        "resolv.conf\n# mine"
    );
}

#[test]
fn files_of_an_adopted_namespace_follow_its_networks() {
    let host = host();
    host.netdns(&["network", "create", "other"]).ok();
    host.sh("ip netns add blue").ok();
    let attach =
        ["attach", "--netns", "/run/netns/blue", "--name", "blue", "--network", "localnet"];
    host.netdns(&attach).ok();
    let hosts = || host.sh("cat /etc/netns/blue/hosts").ok();
    assert!(hosts().contains("172.18.0.3\t"), "{}", hosts());
    host.netdns(&["network", "connect", "other", "blue"]).ok();
    assert!(hosts().contains("172.19.0.2\t"), "{}", hosts());
    host.netdns(&["network", "disconnect", "localnet", "blue"]).ok();
    host.netdns(&["network", "disconnect", "other", "blue"]).ok();
    assert!(!hosts().contains("172."), "{}", hosts());
    host.sh("! grep 127.0.0.11 /etc/netns/blue/resolv.conf").ok();
}

#[test]
fn a_namespace_that_is_deleted_is_noticed_also_while_no_manager_runs() {
    let mut host = host();
    let attach = |host: &Host, name: &str| {
        host.sh(&format!("ip netns add {name}")).ok();
        let path = format!("/run/netns/{name}");
        host.netdns(&["attach", "--netns", &path, "--name", name, "--network", "localnet"]).ok();
    };
    let netdns = env!("CARGO_BIN_EXE_netdns");
    // Nobody waits for the end of a namespace, so each of its traces is awaited.
    let gone = |host: &Host, name: &str| {
        host.until(&format!("! {netdns} inspect {name} 2>/dev/null"));
        host.until(&format!("! {netdns} exec demo1 getent hosts {name}"));
        host.until("[ $(ip -br link | grep -c ^veth) = 1 ]");
        host.until(&format!("! ls /etc/netns/{name} 2>/dev/null"));
    };

    attach(&host, "red");
    host.netdns(&["exec", "demo1", "getent", "hosts", "red"]).ok();
    host.sh("ip netns del red").ok();
    gone(&host, "red");

    attach(&host, "green");
    host.end_daemon("KILL");
    host.sh("ip netns del green").ok();
    host.start(&[]);
    gone(&host, "green");
}
