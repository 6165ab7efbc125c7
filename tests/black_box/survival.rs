//! What goes on while manager or resolver are dead, and what is there again afterwards.

use crate::host::Host;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// What is promised within a second may take this long where all tests run at once; each prints what it was.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks names in turn over UDP, each query once: the next goes out after the answer, or after a second. Ends when its
/// file to stop is there, and prints how many were sent, how many answered, and when the lost ones were sent. Meanwhile
/// a file beside the one to stop says how far it is.
const ASKER: &str = r#"
import json, os, socket, struct, sys, time
stop, names = sys.argv[1], sys.argv[2:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.11", 53))
sent = answered = 0
slowest, lost = 0, []
while not os.path.exists(stop):
    name = names[sent % len(names)]
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
    query = struct.pack(">HHHHHH", sent & 0xffff, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    at = time.time()
    sock.send(query)
    while True:
        left = at + 1 - time.time()
        sock.settimeout(max(left, 0.001))
        try:
            reply = sock.recv(4096)
        except OSError:
            lost.append((at, name))
            break
        if reply[:2] == query[:2]:
            if reply[3] & 15 == 0 and reply[7] > 0:
                answered += 1
                slowest = max(slowest, time.time() - at)
            else:
                lost.append((at, name))
            break
    sent += 1
    if sent % 10 == 0:
        with open(stop + ".so_far", "w") as so_far:
            so_far.write(str(sent))
    time.sleep(0.0005)
print(json.dumps({"sent": sent, "answered": answered, "lost": lost, "slowest": slowest}))
"#;

/// Asks a name over UDP every 20 ms until there is an answer.
const AGAIN: &str = r#"
import socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.11", 53))
sock.settimeout(0.02)
name = sys.argv[1].encode()
query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\0\0\1\0\1"
while True:
    try:
        sock.send(query)
        reply = sock.recv(4096)
        if reply[3] & 15 == 0 and reply[7] > 0:
            break
    except OSError:
        pass
"#;

/// A server beyond the host: it has one address for names below `example`, and knows no others.
const UPSTREAM: &str = r#"
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("10.9.0.1", 53))
print("up", flush=True)
while True:
    query, peer = sock.recvfrom(4096)
    end = 12
    while query[end]:
        end += query[end] + 1
    question = query[12:end + 5]
    known = b"\x07example\0" in question.lower() and question[-3] == 1
    head = query[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1" + (b"\0\1" if known else b"\0\0") + b"\0\0\0\0"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xc0\0\2\7" if known else b""
    sock.sendto(head + question + answer, peer)
"#;

/// Takes every port that was published, which works only if nobody holds it.
const BIND: &str = r#"
import socket
for port in range(7000, 7150):
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).bind(("0.0.0.0", port))
"#;

/// What a stream of queries came to.
struct Asked {
    sent: u64,
    answered: u64,
    lost: Vec<f64>,
}

/// A stream of queries that goes on until it is told to end.
struct Asking {
    name: &'static str,
    process: Child,
}

impl Asking {
    fn begin(host: &Host, name: &'static str, sandbox: &str, names: &[&str]) -> Self {
        fs::write(host.path("asker.py"), ASKER).expect("a script");
        let script = host.path("asker.py").display().to_string();
        let stop = Self::stop_file(host, name);
        let words = [NETDNS, "exec", sandbox, "python3", &script, &stop];
        let process = host.spawn(name, &[&words, names].concat());
        host.until(&format!("pgrep -f {stop}"));
        Self { name, process }
    }

    fn stop_file(host: &Host, name: &str) -> String {
        host.path(&format!("{name}.stop")).display().to_string()
    }

    /// Waits until this many more were sent: what a machine that is busy does in a moment is no measure.
    fn goes_on(&self, host: &Host, more: u64) {
        let so_far = Self::stop_file(host, self.name) + ".so_far";
        let sent = || fs::read_to_string(&so_far).ok().and_then(|n| n.parse().ok()).unwrap_or(0u64);
        let (begun, deadline) = (sent(), Instant::now() + Duration::from_secs(20));
        while sent() < begun + more {
            assert!(Instant::now() < deadline, "the stream of queries stands at {}", sent());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(mut self, host: &Host) -> Asked {
        fs::write(Self::stop_file(host, self.name), "").expect("a file");
        self.process.wait().expect("it ends");
        let text = fs::read_to_string(host.path(self.name)).expect("its output");
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        println!("{}: {told}", self.name);
        let lost =
            told["lost"].as_array().expect("a list").iter().filter_map(|lost| lost[0].as_f64());
        let count = |of: &str| told[of].as_u64().expect("a count");
        Asked { sent: count("sent"), answered: count("answered"), lost: lost.collect() }
    }
}

/// A host with the server beyond it, the network `localnet`, and the sandboxes `db` and `web` on it.
fn host_with_names() -> Host {
    let mut host = Host::new();
    fs::write(host.path("upstream.py"), UPSTREAM).expect("a script");
    let script = host.path("upstream.py").display().to_string();
    let said = host.path("upstream").display().to_string();
    host.sh(&format!("ip netns exec router python3 {script} >{said} 2>&1 </dev/null &")).ok();
    host.until(&format!("grep -q up {said}"));
    host.start(&[]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("db", &["--network", "localnet"]);
    host.sleeper("web", &["--network", "localnet"]);
    host.until(&format!("{NETDNS} exec web getent ahostsv4 www.example"));
    host
}

/// Kills the resolver; returns when, in seconds since 1970.
fn kill_resolver(host: &Host) -> f64 {
    let pid = host.pid("ResolverPid");
    host.sh(&format!("kill -9 {pid}; echo $EPOCHREALTIME")).ok().parse().expect("a time")
}

/// Waits for a resolver that is not the one of this pid. Returns its pid.
fn next_resolver(host: &Host, old: u32) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match host.pid("ResolverPid") {
            pid if pid != 0 && pid != old => return pid,
            _ => assert!(Instant::now() < deadline, "no resolver comes after {old}"),
        }
    }
}

/// Links, rules, ports and mounts of the host, and processes that are no daemon.
fn left(host: &Host) -> String {
    let script = "ip -br link | cut -d' ' -f1 | sort; ip -br addr | awk '{print $1, $3}' | sort
        ss -tulnH | sort; cut -d' ' -f5 /proc/self/mountinfo | sort
        pgrep -c sleep; ls /run/netns /etc/netns";
    host.rules() + &host.run(&["bash", "-c", script]).out + &host.netdns(&["ps", "-a", "-q"]).ok()
}

fn inspect(host: &Host, name: &str) -> Value {
    let text = host.netdns(&["inspect", name]).ok();
    serde_json::from_str::<Value>(&text).expect("JSON")[0].take()
}

fn init_of(host: &Host, sandbox: &str) -> u64 {
    inspect(host, sandbox)["State"]["Pid"].as_u64().expect("a pid")
}

/// The status that dig shows for a name, asked from the namespace of a process: no manager is needed for that.
fn status_from(pid: u64, name: &str) -> String {
    format!(
        "nsenter -t {pid} -n dig +tries=1 +time=1 @127.0.0.11 {name} A | sed -n 's/.*status: \\([A-Z]*\\),.*/\\1/p'"
    )
}

#[test]
fn no_look_up_is_lost_while_the_manager_is_killed_and_started_again_fifty_times() {
    let mut host = host_with_names();
    let resolver = host.pid("ResolverPid");
    let stream = Asking::begin(&host, "stream", "web", &["db", "www.example"]);
    for _ in 0..50 {
        stream.goes_on(&host, 10);
        host.end_daemon("KILL");
        host.start(&[]);
    }
    for _ in 0..3 {
        host.end_daemon("TERM");
        host.start(&[]);
    }
    let asked = stream.end(&host);
    assert!(asked.sent >= 500, "{} queries show nothing", asked.sent);
    assert_eq!(asked.sent, asked.answered, "lost: {:?}", asked.lost);
    assert_eq!(resolver, host.pid("ResolverPid"), "the living resolver was not adopted");
}

#[test]
fn names_answer_while_the_manager_hangs() {
    let host = host_with_names();
    let (web, manager) = (init_of(&host, "web"), host.pid("ManagerPid"));
    host.sh(&format!("kill -STOP {manager}")).ok();
    for name in ["db", "www.example"] {
        assert_eq!(host.sh(&status_from(web, name)).ok(), "NOERROR", "{name}");
    }
    host.sh(&format!("kill -CONT {manager}")).ok();
    host.netdns(&["ps"]).ok();
}

#[test]
fn when_a_command_returns_its_name_is_known_though_the_resolver_died_meanwhile() {
    let host = host_with_names();
    let web = init_of(&host, "web");
    for n in 0..10 {
        let resolver = host.pid("ResolverPid");
        let run = format!("{NETDNS} run -d --name n{n} --network localnet sleep 3600");
        host.sh(&format!("(sleep 0.0{n}; kill -9 {resolver}) & {run}; wait")).ok();
        assert_eq!(host.sh(&status_from(web, &format!("n{n}"))).ok(), "NOERROR", "n{n}");
        next_resolver(&host, resolver);
    }
}

#[test]
fn a_killed_resolver_loses_at_most_what_it_had_read_and_libc_nothing() {
    let host = host_with_names();
    let stream = Asking::begin(&host, "stream", "web", &["db", "web", "db.localnet"]);
    let stop = Asking::stop_file(&host, "libc");
    let libc = format!(
        "sent=0 failed=0; while [ ! -e {stop} ]; do getent ahostsv4 db >/dev/null || failed=$((failed+1))
         sent=$((sent+1)); done; echo $sent $failed"
    );
    let mut getent = host.spawn("libc", &[NETDNS, "exec", "db", "bash", "-c", &libc]);
    let mut kills = Vec::new();
    let mut resolver = host.pid("ResolverPid");
    for _ in 0..50 {
        stream.goes_on(&host, 10);
        kills.push(kill_resolver(&host));
        resolver = next_resolver(&host, resolver);
    }
    let asked = stream.end(&host);
    fs::write(&stop, "").expect("a file");
    getent.wait().expect("it ends");
    let libc = fs::read_to_string(host.path("libc")).expect("its output");
    println!("libc: sent and failed: {libc}");
    let (sent, failed) = libc.trim().split_once(' ').expect("two numbers");
    assert!(sent.parse::<u64>().expect("a number") > 50 && failed == "0", "{libc}");
    assert!(asked.sent >= 500, "{} queries show nothing", asked.sent);
    // One client has one query under way: that is the batch. One sent later waits in its socket for the successor.
    let excused = |at: &f64| kills.iter().any(|kill| (kill - 0.1..kill + 0.005).contains(at));
    let late: Vec<&f64> = asked.lost.iter().filter(|at| !excused(at)).collect();
    assert!(late.is_empty(), "sent {}, lost {:?}, of these late {late:?}", asked.sent, asked.lost);
    assert!(asked.lost.len() <= kills.len());
}

#[test]
fn after_both_were_killed_names_answer_within_a_second_of_the_managers_start() {
    let mut host = host_with_names();
    let web = init_of(&host, "web");
    let before = left(&host);
    let resolver = host.pid("ResolverPid");
    host.end_daemon("KILL");
    host.sh(&format!("kill -9 {resolver}")).ok();
    host.until(&format!("! kill -0 {resolver}"));
    assert_eq!(host.sh(&status_from(web, "db")).out, "", "who answers when nobody is there?");
    let started = Instant::now();
    // What was asked while nobody listened is lost: this one asks again after a moment.
    fs::write(host.path("again.py"), AGAIN).expect("a script");
    let script = host.path("again.py").display().to_string();
    let web = web.to_string();
    let mut first = host.spawn("first", &["nsenter", "-t", &web, "-n", "python3", &script, "db"]);
    host.start(&[]);
    assert!(first.wait().expect("it ends").success());
    println!("names answer {:?} after the start", started.elapsed());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_eq!(before, left(&host));
}

#[test]
fn a_dead_or_stopped_resolver_is_replaced_and_given_the_same_sockets() {
    let host = host_with_names();
    let sockets = || host.inside("web", "ss -tulnH | awk '{print $1, $5}' | sort").ok();
    let before = sockets();
    assert_eq!(before.matches("127.0.0.11%lo:").count(), 2, "{before}");
    let first = host.pid("ResolverPid");
    host.sh(&format!("kill -9 {first}")).ok();
    let second = next_resolver(&host, first);
    host.inside("web", "getent ahostsv4 db").ok();
    assert_eq!(before, sockets());
    host.sh(&format!("kill -STOP {second}")).ok();
    next_resolver(&host, second);
    host.until(&format!("! kill -0 {second}"));
    host.inside("web", "getent ahostsv4 db").ok();
    assert_eq!(before, sockets());
}

#[test]
fn a_sandbox_that_dies_while_no_manager_runs_loses_its_name_at_once_and_its_link_at_the_next_start()
{
    let mut host = host_with_names();
    let (web, db) = (init_of(&host, "web"), init_of(&host, "db"));
    let links = "ip -br link | grep -c ^veth";
    assert_eq!(host.sh(links).ok(), "2");
    host.end_daemon("KILL");
    assert_eq!(host.sh(&status_from(web, "db")).ok(), "NOERROR");
    let killed = Instant::now();
    host.sh(&format!("kill -9 {db}")).ok();
    host.until(&format!("[ \"$({})\" = NXDOMAIN ]", status_from(web, "db")));
    println!("the name went {:?} after its sandbox", killed.elapsed());
    assert!(killed.elapsed() < PATIENCE, "{:?}", killed.elapsed());
    assert_eq!(host.sh(&status_from(web, "web")).ok(), "NOERROR");
    host.netdns(&["ps"]).fails(1);
    host.start(&[]);
    assert_eq!(host.sh(links).ok(), "1");
    let network = inspect(&host, "localnet");
    let members = network["Containers"].as_object().expect("a map");
    assert!(members.len() == 1 && members.values().all(|m| m["Name"] == "web"), "{members:?}");
    assert_eq!(inspect(&host, "db")["State"]["ExitCode"], 137);
    host.sh(&format!("{NETDNS} ps -a | grep -q 'Exited (137).*db$'")).ok();
    host.sh(&format!("{NETDNS} ps | grep -q 'Up .*web$'")).ok();
}

#[test]
fn the_end_of_a_sandbox_is_noticed_and_with_rm_nothing_of_it_stays() {
    let host = host_with_names();
    let web = init_of(&host, "web");
    host.sleeper("brief", &["--network", "localnet", "--rm"]);
    host.until(&format!("[ \"$({})\" = NOERROR ]", status_from(web, "brief")));
    for (name, state) in [("brief", ""), ("db", "Exited (137)")] {
        let pid = init_of(&host, name);
        host.sh(&format!("kill -9 {pid}")).ok();
        let listed = format!("{{ {NETDNS} ps -a | grep ' {name}$' || true; }}");
        host.until(&format!("[ \"$({})\" = NXDOMAIN ]", status_from(web, name)));
        host.until(&format!("! {listed} | grep -q Up"));
        let row = host.sh(&listed).ok();
        assert!(row.contains(state) && (state.is_empty() == row.is_empty()), "{row}");
    }
    host.until("[ $(ip -br link | grep -c ^veth) = 1 ]");
    host.netdns(&["run", "--rm", "--name", "short", "true"]).ok();
    assert!(!host.netdns(&["ps", "-a"]).ok().contains("short"));
}

#[test]
fn the_resolver_has_no_privilege() {
    let host = host_with_names();
    let resolver = host.pid("ResolverPid");
    let status = host.sh(&format!("cat /proc/{resolver}/status")).ok();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
    };
    for sort in ["Uid", "Gid"] {
        assert!(field(sort).split_whitespace().all(|id| id != "0"), "{sort} {}", field(sort));
    }
    assert_eq!(field("Groups"), "");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs"), "1");
    let command = host.sh(&format!("tr '\\0' ' ' </proc/{resolver}/cmdline")).ok();
    assert!(command.starts_with("netdns resolver"), "{command}");
}

#[test]
fn a_manager_killed_in_the_middle_of_commands_leaves_only_what_it_acknowledged() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    let warm = host.sleeper("warm", &["--network", "localnet", "-p", "9999:80"]);
    host.netdns(&["rm", "-f", &warm]).ok();
    let before = left(&host);
    let mut acknowledged = BTreeSet::new();
    for round in 0..15u64 {
        let file = host.path("names").display().to_string();
        let script = format!(
            ": >{file}; for n in 1 2 3 4 5 6; do
                {NETDNS} run -d --name r{round}-$n --network localnet -p $((7000+{round}*10+n)):80 sleep 3600 &&
                echo r{round}-$n >>{file}; done; true"
        );
        let mut running = host.spawn("running", &["bash", "-c", &script]);
        // A sweep through the steps of the commands, not a wait for something.
        std::thread::sleep(Duration::from_millis(20 + round * 37));
        host.end_daemon("KILL");
        running.wait().expect("it ends");
        host.start(&[]);
        let names = fs::read_to_string(&file).expect("names");
        acknowledged.extend(names.lines().map(str::to_owned));
        let listed = host.sh(&format!("{NETDNS} ps --format json")).ok();
        let up: BTreeSet<String> = listed
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .map(|row| row["Names"].as_str().expect("a name").to_owned())
            .collect();
        assert_eq!(acknowledged, up, "round {round}");
        let links = host.sh("ip -br link | grep -c ^veth || true").ok();
        assert_eq!(links, up.len().to_string(), "round {round}");
        let ports =
            host.sh("nft list map inet netdns ports_any | grep -o 'tcp \\. 7' | wc -l").ok();
        assert_eq!(ports, up.len().to_string(), "round {round}");
    }
    println!("acknowledged and there after each kill: {}", acknowledged.len());
    assert!(acknowledged.len() > 5, "the kills came too early to show anything");
    let all = host.netdns(&["ps", "-aq"]).ok();
    host.netdns(&[&["rm", "-f"], &all.lines().collect::<Vec<_>>()[..]].concat()).ok();
    assert_eq!(before, left(&host));
    host.run(&["python3", "-c", BIND]).ok();
}

#[test]
fn a_hundred_runs_at_once_all_come_up_and_leave_nothing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("warm", &["--network", "localnet"]);
    host.inside("warm", "getent ahostsv4 warm").ok();
    host.netdns(&["rm", "-f", "warm"]).ok();
    let before = left(&host);
    let descriptors = |host: &Host| {
        ["ManagerPid", "ResolverPid"]
            .map(|of| host.sh(&format!("ls /proc/{}/fd | wc -l", host.pid(of))).ok())
    };
    let opened = descriptors(&host);
    let script = format!(
        "for n in $(seq 100); do {NETDNS} run -d --name n$n --network localnet sleep 3600 & pids+=($!); done
         for pid in ${{pids[@]}}; do wait $pid; done"
    );
    host.sh(&script).ok();
    assert_eq!(host.netdns(&["ps", "-q"]).ok().lines().count(), 100);
    let network = inspect(&host, "localnet");
    let members = network["Containers"].as_object().expect("a map").values();
    let addresses: BTreeSet<&str> = members.filter_map(|m| m["IPv4Address"].as_str()).collect();
    assert_eq!(addresses.len(), 100);
    host.inside("n1", "for n in $(seq 100); do getent ahostsv4 n$n >/dev/null || exit 1; done")
        .ok();
    let all: Vec<String> = (1..=100).map(|n| format!("n{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    host.netdns(&[&["rm", "-f"], &all[..]].concat()).ok();
    assert_eq!(before, left(&host));
    assert_eq!(opened, descriptors(&host));
}

#[test]
fn files_of_runs_that_were_killed_and_of_sandboxes_that_are_forgotten_go_at_the_next_start() {
    let mut host = Host::with_daemon();
    let known = host.sleeper("known", &[]);
    let id = "ab".repeat(32);
    let nobodys = [".999999997", "999999998"].map(|name| host.path("run/exits").join(name));
    let forgotten = ["log", "log.1"].map(|end| host.path("state/logs").join(format!("{id}.{end}")));
    nobodys.iter().chain(&forgotten).for_each(|path| fs::write(path, "").expect("a file"));
    let theirs = host.path("state/logs/notes.txt");
    fs::write(&theirs, "").expect("a file");
    let exit = host.path("run/exits").join(init_of(&host, "known").to_string());
    host.end_daemon("TERM");
    host.start(&[]);
    let left = nobodys.iter().chain(&forgotten).filter(|path| path.exists()).collect::<Vec<_>>();
    assert!(left.is_empty(), "{left:?}");
    let log = host.path("state/logs").join(format!("{known}.log"));
    for kept in [&exit, &log, &theirs] {
        assert!(kept.exists(), "{}", kept.display());
    }
}

#[test]
fn a_reset_gets_through_while_commands_come_in() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    let run = format!("{NETDNS} run -d --network localnet sleep 3600");
    host.sh(&format!(
        "for n in $(seq 10); do {run} >/dev/null 2>&1 & done
         sleep 0.1; {NETDNS} reset -f; wait"
    ))
    .ok();
    assert!(!host.netdns(&["network", "ls"]).ok().contains("localnet"));
}

#[test]
fn many_networks_do_not_make_the_manager_take_its_own_table_for_another_tools() {
    let mut host = Host::new();
    host.start(&["--share-tables"]);
    host.sh(&format!(
        "for n in $(seq 100); do {NETDNS} network create --subnet 10.200.$n.0/24 n$n; done"
    ))
    .ok();
    // Whoever has lost count writes the whole table, and would lose count of that too.
    host.sh("nft flush table inet netdns").ok();
    host.until("nft list table inet netdns | grep -q 10.200.100.0");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(host.log().matches("another tool changed our firewall table").count(), 1);
}

#[test]
fn what_a_manager_that_died_has_left_goes_at_the_next_start() {
    let mut host = Host::with_daemon();
    let before = left(&host);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sh("nft add table inet theirs && ip link add br-theirs type bridge").ok();
    host.end_daemon("KILL");
    // As if it had died after it had recorded that the network goes.
    fs::remove_file(host.path("state/state.redb")).expect("a state file");
    host.start(&[]);
    let theirs = ["nft list table inet theirs", "ip link show br-theirs"];
    theirs.iter().for_each(|theirs| drop(host.sh(theirs).ok()));
    host.sh("nft delete table inet theirs && ip link del br-theirs").ok();
    assert_eq!(before, left(&host));
}

#[test]
fn a_run_directory_that_somebody_empties_is_filled_again_and_nothing_that_runs_is_lost() {
    let mut host = Host::with_daemon();
    let before = left(&host);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("db", &["--network", "localnet"]);
    host.sleeper("web", &["--network", "localnet", "-p", "8000-8999:8000-8999"]);
    let (manager, mut resolver) = (host.pid("ManagerPid"), host.pid("ResolverPid"));
    let run = host.path("run").display().to_string();
    for empty in ["rm -r $RUN/*", "rm -r $RUN", "rm $RUN/run.redb", "rm $RUN/pid"] {
        host.sh(&format!("RUN={run}; {empty}")).ok();
        host.until(&format!(
            "cd {run} && ls api.sock pid run.redb exits resolver.sock && {NETDNS} ps"
        ));
        assert_eq!(host.pid("ManagerPid"), manager);
        if empty.contains("-r") {
            resolver = next_resolver(&host, resolver);
        }
        assert_eq!(host.inside("web", "dig +short db").ok(), host.address("db", "localnet"));
    }
    let held = host.netdns(&["daemon"]).fails(1);
    assert!(held.contains(&format!("is held by pid {manager}")), "{held}");

    // The next manager finds everything: the sandboxes, and the resolver by its new socket.
    host.end_daemon("KILL");
    host.start(&[]);
    assert_eq!(host.pid("ResolverPid"), resolver);
    assert_eq!(host.inside("web", "dig +short db").ok(), host.address("db", "localnet"));
    host.netdns(&["reset", "-f"]).ok();
    assert_eq!(left(&host), before);
    assert_eq!(host.sh("cat /proc/sys/net/ipv4/ip_local_reserved_ports").ok(), "");
}

#[test]
fn what_stands_in_the_place_of_the_run_directory_is_waited_for_to_go() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("db", &["--network", "localnet"]);
    host.sleeper("web", &["--network", "localnet"]);
    let manager = host.pid("ManagerPid");
    let run = host.path("run").display().to_string();
    let log = host.path("daemon.log").display().to_string();
    host.sh(&format!("rm -r {run}; touch {run}")).ok();
    host.until(&format!("grep -q 'tried again until' {log}"));
    // A few more tries say nothing.
    host.sh("sleep 3").ok();
    assert_eq!(host.log().matches("tried again until").count(), 1, "{}", host.log());
    assert!(!host.log().contains("filled again"), "{}", host.log());
    host.sh(&format!("rm {run}")).ok();
    host.until(&format!("cd {run} && ls api.sock pid run.redb exits resolver.sock && {NETDNS} ps"));
    assert!(host.log().contains("filled again"), "{}", host.log());
    assert_eq!(host.pid("ManagerPid"), manager);
    host.until(&format!("{NETDNS} exec web getent ahostsv4 db"));
}

#[test]
fn a_reset_takes_what_bears_our_mark_though_nobody_knows_it_and_nothing_else() {
    let host = Host::with_daemon();
    let mark = format!("netdns:{}", "a".repeat(64));
    host.sh(&format!(
        "ip link add br-old type bridge && ip link set dev br-old alias {mark}
         ip link add br-theirs type bridge && ip link set dev br-theirs alias theirs"
    ))
    .ok();
    host.netdns(&["reset", "-f"]).ok();
    assert_eq!(host.sh("ip -br link show type bridge | cut -d' ' -f1").ok(), "br-theirs");
}

#[test]
fn a_reset_ends_what_an_earlier_manager_started_and_whose_record_is_lost() {
    let mut host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    let resolver = host.pid("ResolverPid");
    host.end_daemon("KILL");
    // Neither of another run directory nor of nobody's making.
    let strangers = "cd /run && mkdir -p other/exits
        unshare -p -f sleep 3600 >other/exits/7 2>&1 & unshare -p -f sleep 3600 >/dev/null 2>&1 &
        until [ $(pgrep -c sleep) = 4 ]; do :; done";
    host.sh(strangers).ok();
    host.sh(&format!("rm -r {}/*", host.path("run").display())).ok();
    host.start(&[]);
    assert_eq!(host.netdns(&["ps", "-aq"]).ok(), "", "nobody knows it");
    assert_ne!(host.pid("ResolverPid"), resolver);
    let said = host.netdns(&["reset", "-f"]);
    let ended = ["a sandbox of an earlier manager", &format!("pid {resolver}, is ended")];
    ended.iter().for_each(|text| assert!(said.err.contains(text), "{said:?}"));
    host.sh(&format!("! test -e /proc/{resolver}")).ok();
    assert_eq!(host.sh("pgrep -c sleep").ok(), "3", "the host's own and two strangers");
    assert_eq!(host.netdns(&["reset", "-f"]).err, "", "nothing is left to end");
}

#[test]
fn a_daemon_waits_for_one_that_is_just_ending() {
    let mut host = Host::with_daemon();
    let manager = host.pid("ManagerPid");
    // It ends while the next one, which it is in the way of, is asking.
    let other = "pgrep -cx netdns";
    let kill = format!(
        "n=$({other}); (while [ $({other}) = $n ]; do :; done; kill -KILL {manager}) >/dev/null 2>&1 &"
    );
    host.sh(&kill).ok();
    host.start(&[]);
    assert_ne!(host.pid("ManagerPid"), manager);
}
