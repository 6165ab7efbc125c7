//! Published ports: who reaches them, who does not, who holds them, and what becomes of them.

use crate::host::{Host, Ran};
use serde_json::Value;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// Answers whoever asks on one of its ports (`80/tcp`, `53/udp`) with the address it came from, and over TCP with the
/// address that it came to.
pub const SERVER: &str = "
import selectors, socket, sys
ready = selectors.DefaultSelector()
for number, proto in (word.split('/') for word in sys.argv[1:]):
    kind = socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM
    for family in (socket.AF_INET, socket.AF_INET6):
        server = socket.socket(family, kind)
        if family == socket.AF_INET6: server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(('', int(number)))
        if proto == 'tcp': server.listen()
        ready.register(server, selectors.EVENT_READ)
while True:
    for server in (key.fileobj for key, _ in ready.select()):
        if server.type == socket.SOCK_DGRAM:
            peer = server.recvfrom(2048)[1]
            server.sendto((peer[0] + '\\n').encode(), peer)
        else:
            stream, peer = server.accept()
            stream.sendall((peer[0] + ' ' + stream.getsockname()[0] + '\\n').encode())
            stream.close()
";

/// Binds `0.0.0.0:5000/tcp` and the like, as a server would.
const BIND: &str = "
import socket, sys
address, proto = sys.argv[1].split('/')
ip, port = address.split(':')
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM)
if proto == 'tcp': server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((ip, int(port)))
if proto == 'tcp': server.listen()
";

/// Starts a sandbox that serves 80 and 81 of TCP and 53 of UDP, and waits until it does.
pub fn serve(host: &Host, name: &str, flags: &[&str]) {
    let server = ["python3", "-c", SERVER, "80/tcp", "81/tcp", "53/udp"];
    host.netdns(&[&["run", "-d", "--name", name], flags, &server].concat()).ok();
    host.until(&format!("{NETDNS} exec {name} bash -c ': </dev/tcp/127.0.0.1/81'"));
}

/// A script that asks such a server, as `10.9.0.2:5000/tcp`, and prints what it answers.
pub fn ask(socket: &str) -> String {
    format!("timeout 10 bash -c '{}'", question(socket))
}

/// A script that succeeds if nobody answers there.
pub fn unanswered(socket: &str) -> String {
    format!("! timeout 1 bash -c '{}' 2>/dev/null", question(socket))
}

fn question(socket: &str) -> String {
    let (address, proto) = socket.split_once('/').expect("a protocol");
    let path = address.replace(':', "/");
    match proto {
        "tcp" => format!("read -r from to </dev/tcp/{path} && echo $from"),
        _ => format!("exec 3<>/dev/udp/{path}; echo ask >&3; head -n1 <&3"),
    }
}

fn bind(host: &Host, socket: &str) -> Ran {
    host.run(&["python3", "-c", BIND, socket])
}

#[track_caller]
fn cannot_bind(host: &Host, socket: &str) {
    let said = bind(host, socket).fails(1);
    assert!(said.contains("Address already in use"), "{said}");
}

fn inspected(host: &Host, sandbox: &str) -> Value {
    let shown = host.netdns(&["inspect", sandbox]).ok();
    let mut shown: Value = serde_json::from_str(&shown).expect("JSON");
    shown[0].take()
}

fn localnet() -> Host {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host
}

#[test]
fn a_published_port_is_reached_from_everywhere_and_shows_who_asks() {
    let host = localnet();
    host.netdns(&["network", "create", "other"]).ok();
    let ports = ["-p", "5000:80", "-p", "5053:53/udp"];
    serve(&host, "web", &[&["--network", "localnet"][..], &ports].concat());
    host.sleeper("neighbour", &["--network", "localnet"]);
    host.sleeper("stranger", &["--network", "other"]);
    host.sleeper("both", &["--network", "localnet", "--network", "other"]);
    host.netdns(&["network", "connect", "other", "web"]).ok();

    for port in ["5000/tcp", "5053/udp"] {
        let (outside, loopback) =
            (ask(&format!("10.9.0.2:{port}")), ask(&format!("127.0.0.1:{port}")));
        assert_eq!(host.router(&outside).ok(), "10.9.0.1", "another host, {port}");
        assert_eq!(host.sh(&outside).ok(), "10.9.0.2", "the host by its address, {port}");
        assert_eq!(host.sh(&loopback).ok(), "172.18.0.1", "the host by 127.0.0.1, {port}");
        // Their answers must come from the host again: within one network it asks in their place.
        assert_eq!(host.inside("neighbour", &outside).ok(), "172.18.0.1", "{port}");
        assert_eq!(host.inside("web", &outside).ok(), "172.18.0.1", "itself, {port}");
        // The sandbox may be on that network, too, and would answer past the host.
        assert_eq!(host.inside("stranger", &outside).ok(), "172.18.0.1", "another network, {port}");
        assert_eq!(host.inside("both", &outside).ok(), "172.18.0.1", "both networks, {port}");
    }
}

#[test]
fn a_port_published_on_loopback_is_reached_from_the_host_alone() {
    let host = localnet();
    let ports = ["-p", "127.0.0.1:5000:80", "-p", "5001:80"];
    serve(&host, "web", &[&["--network", "localnet"][..], &ports].concat());
    host.sleeper("neighbour", &["--network", "localnet"]);
    host.sh(&ask("127.0.0.1:5000/tcp")).ok();

    for port in ["10.9.0.2:5000/tcp", "172.18.0.1:5000/tcp"] {
        host.router(&unanswered(port)).ok();
        host.inside("neighbour", &unanswered(port)).ok();
    }
    host.router(&ask("10.9.0.2:5001/tcp")).ok();
    host.inside("neighbour", &ask("10.9.0.2:5001/tcp")).ok();

    // A neighbour of the host may send what is for 127.0.0.1 down the wire.
    host.router(
        "ip addr del 127.0.0.1/8 dev lo && sysctl -qw net.ipv4.conf.all.route_localnet=1
         ip route add 127.0.0.0/8 via 10.9.0.2",
    )
    .ok();
    host.router(&unanswered("127.0.0.1:5000/tcp")).ok();
    host.router(&ask("10.9.0.2:5001/tcp")).ok();
}

#[test]
fn a_neighbour_with_a_route_reaches_only_what_is_published() {
    let host = localnet();
    serve(&host, "web", &["--network", "localnet", "-p", "5000:80"]);
    host.router("ip route add 172.16.0.0/12 via 10.9.0.2").ok();
    for closed in ["172.18.0.2:80/tcp", "172.18.0.2:81/tcp", "172.18.0.2:53/udp"] {
        host.router(&unanswered(closed)).ok();
        host.sh(&ask(closed)).ok();
    }
    host.router(&unanswered("10.9.0.2:81/tcp")).ok();
    host.router(&ask("10.9.0.2:5000/tcp")).ok();
    // An exposed port is a word about the sandbox, no way in.
    serve(&host, "exposing", &["--network", "localnet", "--expose", "80"]);
    host.router(&unanswered("172.18.0.3:80/tcp")).ok();
    host.sh(&ask("172.18.0.3:80/tcp")).ok();
}

#[test]
fn a_taken_host_port_is_refused_and_its_owner_named() {
    let mut host = localnet();
    host.sleeper("web", &["--network", "localnet", "-p", "5000:80"]);
    let again =
        |port: &str| host.netdns(&["run", "-d", "--name", "again", "-p", port, "sleep", "9"]);
    for port in ["5000:80", "10.9.0.2:5000:80", "127.0.0.1:5000:81"] {
        let said = again(port).fails(125);
        assert!(said.contains(":5000 failed: port is already allocated"), "{said}");
        assert!(said.contains("hint: sandbox web publishes it"), "{said}");
    }
    let said = again("5000:80").fails(125);
    assert!(said.contains("Bind for 0.0.0.0:5000 failed: port is already allocated"), "{said}");

    let program = format!("{BIND}\nprint('bound', flush=True)\nimport time; time.sleep(600)");
    let mut stranger = host.spawn("stranger", &["python3", "-c", &program, "0.0.0.0:6000/tcp"]);
    host.until(&format!("grep -q bound {}", host.path("stranger").display()));
    let said = again("6000:80").fails(125);
    assert!(said.contains("0.0.0.0:6000/tcp: address already in use"), "{said}");
    let owner = said.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
    assert!(owner.contains("pid ") && owner.contains("(python3"), "{said}");
    // A port is one of a protocol.
    let udp = again("6000:80/udp");
    udp.ok();
    host.netdns(&["rm", "-f", "again"]).ok();

    assert_eq!(host.netdns(&["ps", "-aq"]).ok().lines().count(), 1, "nothing half-made stays");
    host.sh("! nft list table inet netdns | grep -q 6000").ok();
    host.end_daemon("TERM");
    let _ = stranger.kill();
    let _ = stranger.wait();
}

#[test]
fn a_published_port_is_held_while_no_manager_runs_and_free_once_its_sandbox_is_gone() {
    let mut host = localnet();
    let ports = ["-p", "5000:80", "-p", "5053:53/udp", "-p", "127.0.0.1:5001:80"];
    // So many sockets come and go in more than one message.
    let ports = [&ports[..], &["-p", "6000-6249:6000-6249"]].concat();
    serve(&host, "web", &[&["--network", "localnet"][..], &ports].concat());
    let held = ["0.0.0.0:5000/tcp", "10.9.0.2:5000/tcp", "0.0.0.0:5053/udp", "127.0.0.1:5001/tcp"];
    let held = [&held[..], &["0.0.0.0:6249/tcp"]].concat();
    let free = ["0.0.0.0:5000/udp", "10.9.0.2:5001/tcp"];
    let is_held = |host: &Host| {
        held.iter().for_each(|socket| cannot_bind(host, socket));
        free.iter().for_each(|socket| drop(bind(host, socket).ok()));
        host.router(&ask("10.9.0.2:5000/tcp")).ok();
        host.router(&ask("10.9.0.2:5053/udp")).ok();
    };
    is_held(&host);
    host.end_daemon("KILL");
    is_held(&host);
    host.start(&[]);
    is_held(&host);

    host.netdns(&["rm", "-f", "web"]).ok();
    held.iter().for_each(|socket| drop(bind(&host, socket).ok()));
    let table = host.sh("nft list table inet netdns").ok();
    assert!(
        !table.contains("5000") && !table.contains("5053") && !table.contains("5001"),
        "{table}"
    );
    serve(&host, "heir", &[&["--network", "localnet"][..], &ports].concat());
    is_held(&host);
}

#[test]
fn a_port_of_a_sandbox_that_ends_while_no_manager_runs_is_free_after_the_next_start() {
    let mut host = localnet();
    serve(&host, "web", &["--network", "localnet", "-p", "5000:80"]);
    let pid = inspected(&host, "web")["State"]["Pid"].as_u64().expect("a pid");
    host.end_daemon("KILL");
    cannot_bind(&host, "0.0.0.0:5000/tcp");
    host.sh(&format!("kill -KILL {pid}")).ok();
    host.start(&[]);
    // The resolver lets go with what the new manager tells it first.
    let program = host.path("bind.py");
    std::fs::write(&program, BIND).expect("a program");
    host.until(&format!("python3 {} 0.0.0.0:5000/tcp", program.display()));
    host.sh("! nft list table inet netdns | grep -q 5000").ok();
    host.netdns(&["run", "-d", "-p", "5000:80", "sleep", "9"]).ok();
}

#[test]
fn no_process_stands_behind_a_port() {
    let host = localnet();
    let processes = || host.sh("ps -e --no-headers -o comm | grep -cv -e ps -e bash -e grep").ok();
    let number = || processes().parse::<usize>().expect("a number");
    let before = number();
    host.sleeper("without", &["--network", "localnet"]);
    let without = number();
    let ports: Vec<String> = (5000..5016).map(|port| format!("-p={port}:80")).collect();
    let mut flags = vec!["--network", "localnet"];
    flags.extend(ports.iter().map(String::as_str));
    host.sleeper("with", &flags);
    assert_eq!(number() - without, without - before);
}

#[test]
fn ports_are_listed_as_docker_lists_them() {
    let host = localnet();
    let ports = ["-p", "5000:80", "-p", "127.0.0.1:5001:80", "-p", "81", "--expose", "22"];
    host.sleeper("web", &[&["--network", "localnet"][..], &ports].concat());
    let shown = &inspected(&host, "web")["NetworkSettings"]["Ports"];
    let chosen = shown["81/tcp"][0]["HostPort"].as_str().expect("a port").to_owned();
    let bindings = serde_json::json!({
        "22/tcp": null,
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5000"}, {"HostIp": "127.0.0.1", "HostPort": "5001"}],
        "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": chosen}],
    });
    assert_eq!(*shown, bindings);

    let range = host.sh("cat /proc/sys/net/ipv4/ip_local_port_range").ok();
    let range: Vec<u16> = range.split_whitespace().map(|bound| bound.parse().unwrap()).collect();
    let number: u16 = chosen.parse().expect("a port number");
    assert!((range[0]..=range[1]).contains(&number), "{number} of {range:?}");
    cannot_bind(&host, &format!("0.0.0.0:{chosen}/tcp"));

    let column =
        format!("22/tcp, 0.0.0.0:5000->80/tcp, 127.0.0.1:5001->80/tcp, 0.0.0.0:{chosen}->81/tcp");
    let table = host.netdns(&["ps", "--format", "table"]).ok();
    assert!(table.lines().next().is_some_and(|head| head.contains("PORTS")), "{table}");
    assert!(table.contains(&column), "{table}");
    let line: Value = serde_json::from_str(&host.netdns(&["ps", "--format", "json"]).ok()).unwrap();
    assert_eq!(line["Ports"], column);
}

#[test]
fn publishing_from_an_internal_network_alone_is_warned_of() {
    let host = localnet();
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    let run = |name: &str, networks: &[&str]| {
        let ports = ["-p", if name == "both" { "5001:80" } else { "5000:80" }];
        host.netdns(&[&["run", "-d", "--name", name], networks, &ports, &["sleep", "9"]].concat())
    };
    let alone = run("alone", &["--network", "inner"]);
    assert!(alone.err.contains("alone publishes ports but is on no network"), "{alone:?}");
    alone.ok();
    let both = run("both", &["--network", "inner", "--network", "localnet"]);
    assert_eq!(both.err, "");
    both.ok();
}

#[test]
fn a_published_port_follows_the_sandbox_from_network_to_network() {
    let host = localnet();
    host.netdns(&["network", "create", "other"]).ok();
    let ports = ["-p", "5000:80", "-p", "5053:53/udp"];
    serve(&host, "web", &[&["--network", "localnet"][..], &ports].concat());
    // One socket that asks on and on: the kernel keeps its flow in mind.
    let asks = "
import socket, time
flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flow.settimeout(0.3)
while True:
    flow.sendto(b'ask', ('10.9.0.2', 5053))
    try: print(flow.recv(99).decode().strip(), flush=True); time.sleep(0.1)
    except TimeoutError: pass
";
    let mut flow = host.spawn("flow", &["ip", "netns", "exec", "router", "python3", "-c", asks]);
    let leads_to = |network: &str| {
        let to =
            host.router("timeout 10 bash -c 'read -r from to </dev/tcp/10.9.0.2/5000 && echo $to'");
        assert_eq!(to.ok(), host.address("web", network));
        let answers = format!("wc -l <{}", host.path("flow").display());
        let now: u32 = host.sh(&answers).ok().parse().expect("a number");
        host.until(&format!("test $({answers}) -gt {}", now + 3));
    };
    leads_to("localnet");
    host.netdns(&["network", "connect", "--gw-priority", "5", "other", "web"]).ok();
    leads_to("other");
    host.netdns(&["network", "disconnect", "localnet", "web"]).ok();
    leads_to("other");
    host.netdns(&["network", "connect", "localnet", "web"]).ok();
    host.netdns(&["network", "disconnect", "other", "web"]).ok();
    leads_to("localnet");
    let _ = flow.kill();
    let _ = flow.wait();
}

#[test]
fn a_client_that_asked_before_its_port_was_published_is_answered_after() {
    let host = localnet();
    host.sleeper("neighbour", &["--network", "localnet"]);
    let asks = "
import socket, time
flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flow.settimeout(0.2)
while True:
    flow.sendto(b'ask', ('10.9.0.2', 5053))
    print('asked', flush=True)
    try: print('answered', flow.recv(99), flush=True)
    except TimeoutError: pass
";
    let mut flow = host.spawn("flow", &["ip", "netns", "exec", "router", "python3", "-c", asks]);
    host.until(&format!("grep -c asked {} | grep -qv '^[01]$'", host.path("flow").display()));
    serve(&host, "web", &["--network", "localnet", "-p", "5053:53/udp"]);
    host.until(&format!("grep -q answered {}", host.path("flow").display()));
    let _ = flow.kill();
    let _ = flow.wait();
}

/// What another tool may do to our rules.
const DAMAGES: [&str; 10] = [
    "nft flush ruleset",
    "nft delete table inet netdns",
    "nft delete table bridge netdns",
    "nft flush chain inet netdns forward",
    "nft delete chain inet netdns forward",
    "nft flush map inet netdns ports_any",
    "nft flush set bridge netdns own4",
    "nft delete rule inet netdns forward handle \
     $(nft -a list chain inet netdns forward | awk '/entering/ { print $NF }')",
    "nft insert rule inet netdns forward accept",
    "nft delete element inet netdns ports_any '{ tcp . 5000 }'",
];

/// Prints them, whoever owns them.
const LIST: &str = "for family in inet bridge; do nft list table $family netdns 2>/dev/null; done |
     sed 's/ # progname.*//' | grep -v 'flags $' | grep -v 'flags owner'";

#[test]
fn nobody_else_changes_our_rules_while_the_manager_lives() {
    let mut host = localnet();
    serve(&host, "web", &["--network", "localnet", "-p", "5000:80"]);
    let before = host.sh(LIST).ok();
    let flushed = ["nft flush ruleset; nft add table ip stranger"];
    for damage in DAMAGES.into_iter().filter(|damage| !damage.contains("ruleset")).chain(flushed) {
        let _ = host.sh(damage);
        assert_eq!(host.sh(LIST).ok(), before, "{damage}");
    }
    host.end_daemon("KILL");
    assert_eq!(host.sh(LIST).ok(), before, "they outlive it");
    host.sh("nft flush ruleset").ok();
    host.start(&[]);
    assert_eq!(host.sh(LIST).ok(), before, "and the next one makes them anew");
    host.sh("nft flush ruleset").ok();
    assert_eq!(host.sh(LIST).ok(), before);
    assert!(!host.log().contains("put back"), "nothing was to be repaired");
}

#[test]
fn rules_that_another_tool_removes_are_back_within_a_second() {
    let mut host = Host::new();
    host.start(&["--share-tables"]);
    host.netdns(&["network", "create", "localnet"]).ok();
    serve(&host, "web", &["--network", "localnet", "-p", "5000:80"]);
    host.router("ip route add 172.16.0.0/12 via 10.9.0.2").ok();
    let before = host.path("before").display().to_string();
    host.sh(&format!("({LIST}) >{before}")).ok();
    for damage in DAMAGES {
        let took = host.sh(&format!(
            "{damage}; start=${{EPOCHREALTIME/./}}
                 ! ({LIST}) | cmp -s - {before} || echo undamaged >&2
                 until ({LIST}) | cmp -s - {before}; do :; done
                 echo $((${{EPOCHREALTIME/./}} - start))"
        ));
        assert_eq!(took.err, "", "{damage}");
        let took: u32 = took.ok().parse().expect("microseconds");
        assert!(took < 1_000_000, "{damage}: back after {took} us");
        host.router(&ask("10.9.0.2:5000/tcp")).ok();
        host.router(&unanswered("172.18.0.2:81/tcp")).ok();
    }
}

#[test]
fn a_thousand_ports_are_one_element_and_reserved_until_their_sandbox_is_gone() {
    let mut host = localnet();
    let reserved = "/proc/sys/net/ipv4/ip_local_reserved_ports";
    host.sh(&format!("echo 7000-7001,8100 >{reserved}")).ok();
    let mut stranger = host.spawn(
        "stranger",
        &[
            "python3",
            "-c",
            &format!("{BIND}\nimport os, time\nprint(os.getpid(), flush=True)\ntime.sleep(99)"),
            "0.0.0.0:8500/tcp",
        ],
    );
    let stranger_pid = host.path("stranger").display().to_string();
    host.until(&format!("test -s {stranger_pid}"));
    let run = |host: &Host| {
        let range = ["-p", "8000-8999:8000-8999", "--network", "localnet"];
        host.netdns(&[&["run", "-d", "--name", "many"], &range[..], &["sleep", "3600"]].concat())
    };
    let said = run(&host).fails(125);
    assert!(
        said.contains("failed to bind host port 0.0.0.0:8500/tcp: address already in use"),
        "{said}"
    );
    assert!(said.contains("(python3) holds it"), "{said}");
    let now = |host: &Host| host.sh(&format!("cat {reserved}")).ok();
    assert_eq!(now(&host), "7000-7001,8100", "what is refused leaves nothing");
    host.sh(&format!("kill -KILL $(cat {stranger_pid})")).ok();
    let _ = stranger.wait();

    run(&host).ok();
    let element = "nft list map inet netdns ranges | grep -c '8000-8999 : 172.18.0.2'";
    assert_eq!(host.sh(element).ok(), "1");
    assert_eq!(host.sh("nft list table inet netdns | grep -c 8000").ok(), "1");
    assert_eq!(now(&host), "7000-7001,8000-8999");
    let shown = host.netdns(&["ps", "--format", "json"]).ok();
    assert!(shown.contains("0.0.0.0:8000-8999->8000-8999/tcp"), "{shown}");
    let clash = host.netdns(&["run", "-p", "8999:80", "true"]).fails(125);
    assert!(clash.contains("Bind for 0.0.0.0:8999 failed: port is already allocated"), "{clash}");

    host.end_daemon("KILL");
    host.start(&[]);
    assert_eq!(now(&host), "7000-7001,8000-8999");
    let many = inspected(&host, "many")["State"]["Pid"].as_u64().expect("a pid");
    host.end_daemon("KILL");
    host.sh(&format!("kill -KILL {many}")).ok();
    host.start(&[]);
    assert_eq!(now(&host), "7000-7001,8100", "the host's own stays");
}

#[test]
fn what_is_no_port_is_refused_in_docker_s_words() {
    let host = localnet();
    let cases = [
        ("0", "invalid containerPort: 0"),
        ("65536:80", "invalid hostPort: 65536"),
        ("80-81:80-82", "invalid ranges specified for container and host Ports: 80-82 and 80-81"),
        ("82-80:80-82", "invalid hostPort: 82-80"),
        ("80/dccp", "invalid proto: dccp"),
        (
            "10.9.0.77:80:80",
            "failed to bind host port 10.9.0.77:80/tcp: cannot assign requested address",
        ),
        (
            "[fd77::1]:80:80",
            "failed to bind host port [fd77::1]:80/tcp: cannot assign requested address",
        ),
        ("[fe80::1]:80:80", "ports cannot be published on fe80::1"),
        ("80\";}:80", "invalid hostPort: 80\";}"),
    ];
    for (port, words) in cases {
        let said = host.netdns(&["run", "--network", "localnet", "-p", port, "true"]).fails(125);
        assert!(said.contains(words), "{port}: {said}");
    }
    host.netdns(&["run", "--rm", "-p", "80-81:80-81", "true"]).ok();
}

#[test]
fn each_port_there_is_can_be_exposed() {
    let host = localnet();
    let all = ["--expose", "1-65535", "--expose", "1-65535/udp", "--expose", "1-65535/sctp"];
    host.sleeper("web", &[&["--network", "localnet"], &all[..]].concat());
    let exposed = inspected(&host, "web")["Config"]["ExposedPorts"].clone();
    assert_eq!(exposed.as_object().map(|ports| ports.len()), Some(3 * 65535));
}

#[test]
fn names_and_labels_never_become_part_of_a_rule() {
    let host = Host::with_daemon();
    let evil = "x\"; } drop {";
    host.netdns(&["network", "create", "--label", "a=\"}\n{drop", evil]).ok();
    host.netdns(&[
        "run",
        "-d",
        "--network",
        evil,
        "-p",
        "5000:80",
        "--label",
        "b=\"}\n;",
        "sleep",
        "99",
    ])
    .ok();
    let rules = host.sh("nft list ruleset").ok();
    assert!(
        rules.contains("5000") && !rules.contains("x\"") && !rules.contains("{drop"),
        "{rules}"
    );
}
