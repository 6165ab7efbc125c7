//! Names of the world: asked of others, in a bounded time.

use super::upstream::Upstream;
use super::{dig, short, with_localnet, with_localnet_and};
use crate::host::Host;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

/// Gives the router an address that swallows whatever comes to it.
fn black_hole(host: &Host) {
    host.router(
        "ip addr add 10.9.0.66/24 dev down0
         nft 'table ip hole { chain input { type filter hook input priority 0; ip daddr 10.9.0.66 drop; }; }'",
    )
    .ok();
}

#[test]
fn an_unknown_name_is_asked_of_the_hosts_servers_from_the_host() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "localnet"]);
    let reply = dig(&host, "web", "www.example.test");
    assert_eq!(reply.answer, ["www.example.test. 60 IN A 198.51.100.7"]);
    assert!(!reply.flags.contains(&"aa".into()) && reply.flags.contains(&"ra".into()), "{reply:?}");
    assert_eq!(upstream.asked(), ["udp 10.9.0.2 www.example.test 1"]);
    assert_eq!(dig(&host, "web", "nobody").status, "NXDOMAIN");
    assert_eq!(short(&host, "web", "+tcp tcp.example.test"), ["198.51.100.7"]);
}

#[test]
fn names_of_a_routed_domain_are_asked_of_its_servers() {
    // There is no other server at all.
    let mut host = Host::new().resolv_conf("search example.test\n");
    host.start(&["--dns-route", "one.test=10.9.0.1"]);
    let upstream = Upstream::at_router(&host);
    let route = ["network", "create", "--dns-route", "two.test=10.9.0.1", "routed"];
    host.netdns(&route).ok();
    let shown = host.netdns(&["network", "inspect", "routed"]).ok();
    assert!(shown.contains(r#""netdns.dns-route": "two.test=10.9.0.1""#), "{shown}");
    host.netdns(&["network", "create", "plain"]).ok();
    host.sleeper("a", &["--network", "routed"]);
    host.sleeper("b", &["--network", "plain", "--dns-route", "three.test=10.9.0.1"]);
    let status = |sandbox, name| dig(&host, sandbox, name).status;
    for (name, of_a, of_b) in [
        ("www.one.test", "NOERROR", "NOERROR"),
        ("www.two.test", "NOERROR", "SERVFAIL"),
        ("www.three.test", "SERVFAIL", "NOERROR"),
        ("www.other.test", "SERVFAIL", "SERVFAIL"),
    ] {
        assert_eq!(status("a", name), of_a, "a {name}");
        assert_eq!(status("b", name), of_b, "b {name}");
    }
    // What one sandbox was told from the host's namespace is told to the other; what was told inside is not.
    let asked = |name: &str| upstream.asked().iter().filter(|line| line.contains(name)).count();
    assert_eq!((asked("www.one.test"), asked("www.three.test")), (1, 1));
    host.netdns(&["cache", "flush"]).ok();
    assert_eq!(status("a", "www.one.test"), "NOERROR");
    assert_eq!(status("b", "www.three.test"), "NOERROR");
    assert_eq!((asked("www.one.test"), asked("www.three.test")), (2, 2));
    let inside = ["network", "create", "--internal", "--dns-route", "x.test=10.9.0.1", "inner"];
    let said = host.netdns(&inside).fails(1);
    assert!(said.contains("network inner is internal"), "{said}");
}

#[test]
fn a_truncated_answer_is_fetched_whole_before_the_client_hears_of_it() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "localnet"]);
    let whole = dig(&host, "web", "+ignore +bufsize=4096 big.example.test TXT");
    assert!(whole.answer.len() == 1 && !whole.flags.contains(&"tc".into()), "{whole:?}");
    let over_tcp = dig(&host, "web", "+tcp big.two.test TXT");
    assert_eq!(over_tcp.answer.len(), 1, "{over_tcp:?}");
    assert!(
        upstream.asked().contains(&"tcp 10.9.0.2 big.example.test 16".into()),
        "{:?}",
        upstream.asked()
    );
}

#[test]
fn a_silent_first_server_costs_a_bounded_time() {
    let host = with_localnet_and("nameserver 10.9.0.66\nnameserver 10.9.0.1\n");
    black_hole(&host);
    let _upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "localnet"]);
    for number in 0..5 {
        let reply = dig(&host, "web", &format!("+time=6 name{number}.example.test"));
        assert_eq!(reply.status, "NOERROR", "{reply:?}");
        let time = reply.text.split_once("Query time: ").expect("dig's time").1;
        let time: u64 = time.split(' ').next().expect("a number").parse().expect("milliseconds");
        assert!(time < 1000, "question {number} took {time} ms");
    }
}

#[test]
fn silent_servers_are_a_failure_and_not_silence() {
    let host = with_localnet_and("nameserver 10.9.0.66\n");
    black_hole(&host);
    host.sleeper("web", &["--network", "localnet"]);
    let start = Instant::now();
    let reply = dig(&host, "web", "+time=6 www.example.test");
    assert_eq!(reply.status, "SERVFAIL", "{reply:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "glibc has given up by then");
    assert!(reply.text.contains("EDE: 22") || reply.text.contains("EDE: 23"), "{reply:?}");
    assert_eq!(short(&host, "web", "web"), ["172.18.0.2"]);
}

#[test]
fn without_any_server_nobody_is_asked_instead() {
    let host = with_localnet_and("search example.test\n");
    host.sleeper("web", &["--network", "localnet"]);
    let reply = dig(&host, "web", "www.example.test");
    assert_eq!(reply.status, "SERVFAIL", "{reply:?}");
    assert!(reply.text.contains("EDE: "), "{reply:?}");
}

#[test]
fn a_server_of_the_sandboxs_own_is_asked_from_inside_it() {
    let host = with_localnet();
    let worlds = Upstream::at_router(&host);
    host.sleeper("server", &["--network", "localnet"]);
    let own = Upstream::in_sandbox(&host, "server");
    host.sleeper("client", &["--network", "localnet", "--dns", "172.18.0.2"]);
    assert_eq!(short(&host, "client", "www.example.test"), ["203.0.113.53"]);
    assert_eq!(own.asked(), ["udp 172.18.0.3 www.example.test 1"]);
    assert_eq!(short(&host, "client", "server"), ["172.18.0.2"]);
    assert!(worlds.asked().is_empty(), "{:?}", worlds.asked());
    assert_eq!(short(&host, "server", "www.example.test"), ["198.51.100.7"]);
}

#[test]
fn an_own_server_is_asked_once_a_network_leads_to_it() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    host.sleeper("client", &["--network", "inner", "--dns", "10.9.0.1"]);
    assert!(dig(&host, "client", "www.example.test").denies("NXDOMAIN"));
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    host.netdns(&["network", "connect", "localnet", "client"]).ok();
    assert_eq!(short(&host, "client", "www.example.test"), ["198.51.100.7"]);
    host.netdns(&["network", "disconnect", "localnet", "client"]).ok();
    assert!(dig(&host, "client", "two.example.test").denies("NXDOMAIN"));
}

/// Starts a question in a sandbox and waits until it has reached the server.
fn begin(host: &Host, upstream: &Upstream, sandbox: &str, name: &str) -> Child {
    let netdns = env!("CARGO_BIN_EXE_netdns");
    let asking = host.spawn(name, &[netdns, "exec", sandbox, "dig", "+short", "+tries=1", name]);
    upstream.wait_for(host, name);
    asking
}

/// Waits for the end of a question that was begun, and returns what dig has printed.
fn end(host: &Host, mut asking: Child, name: &str) -> String {
    asking.wait().expect("dig ends");
    fs::read_to_string(host.path(name)).expect("its output")
}

#[test]
fn more_questions_to_an_own_server_than_there_are_sockets_are_all_answered() {
    let host = with_localnet();
    host.sleeper("server", &["--network", "localnet"]);
    let own = Upstream::in_sandbox(&host, "server");
    host.sleeper("client", &["--network", "localnet", "--dns", "172.18.0.2"]);
    let names: Vec<String> = (0..20).map(|number| format!("slow{number}.example.test")).collect();
    let asking: Vec<Child> = names.iter().map(|name| begin(&host, &own, "client", name)).collect();
    own.go();
    for (asking, name) in asking.into_iter().zip(&names) {
        assert_eq!(end(&host, asking, name), "203.0.113.53\n", "{name}");
    }
}

/// Asks 1,030 names that nobody answers, no faster than they are read, and prints which were refused within the first
/// three seconds: the lowest and how many, and the extended error.
const MANY: &str = r#"
import select, socket, struct, time
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.connect(("127.0.0.11", 53))
refused, begun = {}, time.time()
def hear(wait):
    while select.select([asker], [], [], wait)[0]:
        reply = asker.recv(4096)
        if time.time() - begun < 3:
            refused[struct.unpack("!H", reply[:2])[0]] = (reply[3] & 15, reply[-1])
for number in range(1030):
    opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    name = b"q%05d\x07example\x04test\0" % number
    asker.send(struct.pack("!6H", number, 0x100, 1, 0, 0, 1) + b"\x06" + name + b"\0\1\0\1" + opt)
    if number % 16 == 0: time.sleep(0.005)
while time.time() - begun < 3: hear(0.1)
print(min(refused), len(refused), set(refused.values()))
"#;

#[test]
fn a_sandbox_has_1024_questions_under_way_and_the_next_is_refused_at_once() {
    let host = with_localnet_and("nameserver 10.9.0.66\n");
    black_hole(&host);
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("own", &["--network", "localnet", "--dns", "10.9.0.66"]);
    fs::write(host.path("many.py"), MANY).expect("a program");
    let program = host.path("many.py").display().to_string();
    for sandbox in ["web", "own"] {
        let refused = host.netdns(&["exec", sandbox, "python3", &program]).ok();
        assert_eq!(
            refused, "1024 6 {(2, 0)}",
            "{sandbox}: SERVFAIL, for no reason of the network's"
        );
    }
}

#[test]
fn questions_that_nobody_answers_leave_descriptors_for_the_rest() {
    let host = with_localnet_and("nameserver 10.9.0.66\n");
    black_hole(&host);
    host.sleeper("web", &["--network", "localnet"]);
    // The next resolver has the limit of the manager that starts it.
    let (manager, first) = (host.pid("ManagerPid"), host.pid("ResolverPid"));
    host.sh(&format!("prlimit --nofile=150:150 --pid {manager}; kill -KILL {first}")).ok();
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!(
        "{netdns} status --format json | grep -v '\"ResolverPid\":\\({first}\\|0\\),'"
    ));
    let resolver = host.pid("ResolverPid");
    fs::write(host.path("many.py"), MANY).expect("a program");
    let program = host.path("many.py").display().to_string();
    let mut flood = host.spawn("flood", &[netdns, "exec", "web", "python3", &program]);
    // Silent servers are asked again meanwhile, each time over another socket.
    for number in 0..8 {
        let name = format!("s{number}");
        host.sleeper(&name, &["--network", "localnet"]);
        assert_eq!(short(&host, &name, &name), [host.address(&name, "localnet")]);
        host.netdns(&["rm", "-f", &name]).ok();
    }
    flood.wait().expect("the flood ends");
    assert_eq!(host.pid("ResolverPid"), resolver, "it had to be replaced");
}

#[test]
fn a_question_under_way_is_answered_whatever_changes_meanwhile() {
    let mut host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.netdns(&["network", "create", "other"]).ok();
    host.sleeper("client", &["--network", "localnet"]);
    let asking = begin(&host, &upstream, "client", "slow.connect.test");
    host.netdns(&["network", "connect", "other", "client"]).ok();
    upstream.go();
    assert_eq!(end(&host, asking, "slow.connect.test"), "198.51.100.7\n");
    upstream.halt();
    let asking = begin(&host, &upstream, "client", "slow.manager.test");
    host.end_daemon("TERM");
    host.start(&[]);
    // It is the same resolver, told everything anew.
    assert_eq!(short(&host, "client", "client.other"), [host.address("client", "other")]);
    upstream.go();
    assert_eq!(end(&host, asking, "slow.manager.test"), "198.51.100.7\n");
}

#[test]
fn on_internal_networks_alone_an_own_server_is_asked_only_if_it_is_there() {
    let host = with_localnet();
    let worlds = Upstream::at_router(&host);
    host.netdns(&["network", "create", "--internal", "inner"]).ok();
    host.sleeper("server", &["--network", "inner"]);
    let own = Upstream::in_sandbox(&host, "server");
    let address = host.address("server", "inner");
    host.sleeper("near", &["--network", "inner", "--dns", &address]);
    host.sleeper("far", &["--network", "inner", "--dns", "10.9.0.1"]);
    assert!(dig(&host, "far", "far.example.test").denies("NXDOMAIN"));
    assert_eq!(short(&host, "near", "near.example.test"), ["203.0.113.53"]);
    let near = host.address("near", "inner");
    assert_eq!(own.asked(), [format!("udp {near} near.example.test 1")]);
    assert!(worlds.asked().is_empty(), "{:?}", worlds.asked());
}

#[test]
fn the_size_of_the_cache_is_what_the_daemon_was_told() {
    let mut host = Host::new();
    let size = |host: &Host| {
        let status = host.netdns(&["status", "--format", "json"]).ok();
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        status["Cache"]["Size"].as_u64()
    };
    host.start(&["--dns-cache", "4m"]);
    assert_eq!(size(&host), Some(4 << 20));
    // The resolver that lives on is told of the next daemon's.
    host.end_daemon("TERM");
    host.start(&[]);
    assert_eq!(size(&host), Some(32 << 20));
}
