//! Beside Docker, or another tool whose FORWARD chain drops: everything works, and their rules stay what they are.

use crate::host::{Host, PATIENCE};
use crate::ports::{SERVER, ask, serve, unanswered};
use serde_json::Value;
use std::fs;
use std::process::Child;
use std::time::Instant;

/// Docker's daemon in the host's namespaces, with directories of its own.
pub struct Dockerd(Child);

impl Dockerd {
    /// Starts it and waits until its network is there.
    pub fn start(host: &Host) -> Self {
        // Its key goes to no other place.
        host.sh("mkdir -p /etc/docker && mount -t tmpfs none /etc/docker").ok();
        let path = |name: &str| host.path(name).display().to_string();
        let host_flag = format!("unix://{}", path("docker.sock"));
        let (data, exec, pid) = (path("docker"), path("docker.run"), path("docker.pid"));
        let words = [
            ["dockerd", "--storage-driver", "vfs"].as_slice(),
            &["--data-root", &data, "--exec-root", &exec, "--pidfile", &pid, "--host", &host_flag],
        ]
        .concat();
        let log = path("docker.log");
        let _ = fs::remove_file(&log);
        let mut process = host.spawn("docker.log", &words);
        let ready = format!("grep -q 'API listen on' {log}");
        let started = Instant::now();
        while host.sh(&ready).code != 0 {
            let runs = process.try_wait().expect("a child").is_none();
            let said = fs::read_to_string(&log).unwrap_or_default();
            assert!(runs && started.elapsed() < PATIENCE, "dockerd (docker.io) is needed:\n{said}");
        }
        Self(process)
    }

    /// Ends it; its rules stay.
    pub fn stop(mut self, host: &Host) {
        host.sh(&format!("kill -TERM $(cat {})", host.path("docker.pid").display())).ok();
        self.0.wait().expect("nsenter ends with dockerd");
    }
}

/// Returns every rule that `iptables` lists, as everybody else made it: without those that bear our
/// mark.
fn others_rules(host: &Host) -> String {
    let rules = host.sh("iptables -S && iptables -t nat -S");
    assert_eq!(rules.err, "", "iptables lists them without complaint");
    let rules = rules.ok();
    rules.lines().filter(|line| !line.contains(MARK)).map(|line| format!("{line}\n")).collect()
}

const MARK: &str = "--comment netdns";

/// Returns our rules wherever they stand, without the chain.
fn our_rules(host: &Host) -> Vec<String> {
    let rules = host.sh("iptables -S").ok();
    rules.lines().filter(|line| line.contains(MARK)).map(str::to_owned).collect()
}

/// Says that the rules which make us work stand exactly once, and before all others of a chain.
#[track_caller]
fn assert_first_in(host: &Host, chain: &str, docker: bool) {
    let group = "0x6e64";
    let mark = "-m comment --comment netdns";
    let docker = docker
        .then(|| format!("-A {chain} -o docker0 -m devgroup --src-group {group} {mark} -j RETURN"));
    let accepts = [
        format!("-A {chain} -m devgroup --src-group {group} {mark} -j ACCEPT"),
        format!(
            "-A {chain} -m devgroup --dst-group {group} -m conntrack --ctstate RELATED,ESTABLISHED {mark} -j ACCEPT"
        ),
        format!(
            "-A {chain} -m devgroup --dst-group {group} -m conntrack --ctstate DNAT {mark} -j ACCEPT"
        ),
    ];
    let wanted: Vec<String> = docker.into_iter().chain(accepts).collect();
    assert_eq!(our_rules(host), wanted, "they stand exactly once");
    let listed = host.sh(&format!("iptables -S {chain} | grep ^-A")).ok();
    let first: Vec<&str> = listed.lines().take(wanted.len()).collect();
    assert_eq!(first, wanted, "they stand first");
}

#[track_caller]
fn assert_forward_drops(host: &Host) {
    let rules = host.sh("iptables -S FORWARD").ok();
    assert!(rules.starts_with("-P FORWARD DROP"), "nothing is in the way: {rules}");
}

/// Bridged frames pass the rules of IPv4, as Docker and Kubernetes set it.
pub fn bridged_frames_pass_the_firewall(host: &Host) {
    let key = "net.bridge.bridge-nf-call-iptables";
    let set = host.sh(&format!("sysctl -qw {key}=1"));
    assert_eq!(set.code, 0, "the module br_netfilter is needed: {}", set.err);
}

/// Makes a network with a server, a neighbour that can ask, and a server beyond the host.
fn settle(host: &Host) {
    host.netdns(&["network", "create", "localnet"]).ok();
    serve(host, "web", &["--network", "localnet", "-p", "5000:80"]);
    host.sleeper("client", &["--network", "localnet"]);
    let server = host.path("server.py");
    fs::write(&server, SERVER).expect("a program");
    host.router(&format!("python3 {} 80/tcp >/dev/null 2>&1 &", server.display())).ok();
    host.until("bash -c ': </dev/tcp/10.9.0.1/80'");
}

/// Says that neighbours talk, by name and through a published port, and that there is a way out and a way in.
#[track_caller]
fn assert_works(host: &Host) {
    host.inside("client", "ping -c1 -W5 web").ok();
    let web = host.address("web", "localnet");
    host.inside("client", &ask(&format!("{web}:81/tcp"))).ok();
    assert_eq!(host.inside("client", &ask("10.9.0.1:80/tcp")).ok(), "10.9.0.2");
    assert_eq!(host.router(&ask("10.9.0.2:5000/tcp")).ok(), "10.9.0.1");
    host.inside("client", &ask("10.9.0.2:5000/tcp")).ok();
    host.inside("web", &ask("10.9.0.2:5000/tcp")).ok();
    host.sh(&ask("127.0.0.1:5000/tcp")).ok();
    host.router(&unanswered("10.9.0.2:81/tcp")).ok();
    host.router("ip route replace 172.16.0.0/12 via 10.9.0.2").ok();
    host.router(&unanswered(&format!("{web}:81/tcp"))).ok();
}

fn subnet(host: &Host, network: &str) -> String {
    let shown = host.netdns(&["network", "inspect", network]).ok();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    shown[0]["IPAM"]["Config"][0]["Subnet"].as_str().expect("a subnet").to_owned()
}

fn docker_subnet(host: &Host) -> String {
    host.sh("ip -4 route show dev docker0 | cut -d' ' -f1").ok()
}

#[test]
fn everything_works_where_docker_was_first() {
    let mut host = Host::new();
    let docker = Dockerd::start(&host);
    let before = others_rules(&host);
    host.start(&[]);
    assert_forward_drops(&host);
    assert_eq!(our_rules(&host), [""; 0], "a start changes nothing");
    assert_eq!(docker_subnet(&host), "172.17.0.0/16");
    assert_eq!(subnet(&host, "bridge"), "172.18.0.0/16");

    bridged_frames_pass_the_firewall(&host);
    settle(&host);
    assert_works(&host);
    host.sleeper("default", &[]);
    host.inside("default", "ping -c1 -W5 10.9.0.1").ok();
    assert_first_in(&host, "DOCKER-USER", true);
    assert_eq!(others_rules(&host), before);

    docker.stop(&host);
    let docker = Dockerd::start(&host);
    host.until("iptables -S DOCKER-USER | sed -n 2p | grep -q 'comment netdns'");
    assert_forward_drops(&host);
    assert_works(&host);
    assert_first_in(&host, "DOCKER-USER", true);

    host.netdns(&["reset", "-f"]).ok();
    assert_eq!(our_rules(&host), [""; 0]);
    assert_eq!(others_rules(&host), before);
    docker.stop(&host);
}

#[test]
fn everything_works_where_docker_comes_later() {
    let host = Host::with_daemon();
    bridged_frames_pass_the_firewall(&host);
    settle(&host);
    assert_works(&host);
    assert_eq!(our_rules(&host), [""; 0], "nothing is in the way yet");

    let docker = Dockerd::start(&host);
    assert_eq!(docker_subnet(&host), "172.17.0.0/16", "the default network has no link yet");
    // Docker closes FORWARD only where it finds forwarding switched off; other tools do it anyway.
    host.sh("iptables -P FORWARD DROP").ok();
    host.until("iptables -S DOCKER-USER | grep -q 'comment netdns'");
    assert_works(&host);
    assert_first_in(&host, "DOCKER-USER", true);
    host.sleeper("default", &[]);
    assert_ne!(subnet(&host, "bridge"), docker_subnet(&host));
    host.inside("default", "ping -c1 -W5 10.9.0.1").ok();

    let others = others_rules(&host);
    host.netdns(&["reset", "-f"]).ok();
    assert_eq!(our_rules(&host), [""; 0]);
    assert_eq!(others_rules(&host), others);
    docker.stop(&host);
}

#[test]
fn everything_works_where_another_firewall_drops_what_is_forwarded() {
    let host = Host::with_daemon();
    bridged_frames_pass_the_firewall(&host);
    let closings = ["iptables -P FORWARD DROP", "iptables -A FORWARD -j REJECT"];
    let openings = ["iptables -P FORWARD ACCEPT", "iptables -D FORWARD -j REJECT"];
    host.sh(closings[0]).ok();
    settle(&host);
    for (closing, opening) in closings.into_iter().zip(openings) {
        host.sh(closing).ok();
        host.until("iptables -S FORWARD | grep -q 'comment netdns'");
        assert_works(&host);
        assert_first_in(&host, "FORWARD", false);
        // Whoever reloads its rules takes ours along.
        host.sh("iptables -D FORWARD 1; iptables -I FORWARD -s 192.0.2.1 -j DROP").ok();
        host.until("iptables -S FORWARD | sed -n 2p | grep -q 'comment netdns'");
        assert_first_in(&host, "FORWARD", false);
        assert_works(&host);
        host.sh("iptables -D FORWARD -s 192.0.2.1 -j DROP").ok();
        host.sh(opening).ok();
        host.until("! iptables -S FORWARD | grep -q 'comment netdns'");
    }
    host.sh(closings[0]).ok();
    host.until("iptables -S FORWARD | grep -q 'comment netdns'");
    host.netdns(&["rm", "-f", "web", "client"]).ok();
    host.netdns(&["network", "rm", "localnet"]).ok();
    assert_eq!(our_rules(&host), [""; 0], "they go with the last network");
}

#[test]
fn without_foreign_hooks_nothing_is_put_into_the_rules_of_others() {
    let mut host = Host::new();
    bridged_frames_pass_the_firewall(&host);
    host.sh("iptables -P FORWARD DROP").ok();
    let before = host.sh("iptables -S").ok();
    host.start(&["--no-foreign-hooks"]);
    settle(&host);
    host.sh("iptables -A FORWARD -s 192.0.2.1 -j DROP && iptables -D FORWARD 1").ok();
    host.inside("client", "! ping -c1 -W1 10.9.0.1").ok();
    host.inside("client", "! ping -c1 -W1 web").ok();
    host.router(&unanswered("10.9.0.2:5000/tcp")).ok();
    assert_eq!(host.sh("iptables -S").ok(), before);

    host.end_daemon("TERM");
    host.start(&[]);
    assert_works(&host);
    assert_first_in(&host, "FORWARD", false);
    // The next daemon may be told otherwise.
    host.end_daemon("TERM");
    host.start(&["--no-foreign-hooks"]);
    assert_eq!(host.sh("iptables -S").ok(), before);
}

#[test]
fn dockers_containers_and_ours_meet_at_published_ports_alone() {
    let mut host = Host::new();
    let docker = Dockerd::start(&host);
    host.start(&[]);
    settle(&host);
    // What Docker does for a container that publishes port 81.
    host.sh("ip netns add container
             ip link add c0 type veth peer name eth0 netns container
             ip link set c0 master docker0 up
             ip netns exec container sh -c 'ip link set lo up
                 ip addr add 172.17.0.2/16 dev eth0 && ip link set eth0 up
                 ip route add default via 172.17.0.1'
             iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 6000 -j DNAT --to-destination 172.17.0.2:81
             iptables -A DOCKER -d 172.17.0.2 ! -i docker0 -o docker0 -p tcp --dport 81 -j ACCEPT")
        .ok();
    let words = ["ip", "netns", "exec", "container", "python3", "-c", SERVER, "80/tcp", "81/tcp"];
    let mut server = host.spawn("container", &words);
    host.until("bash -c ': </dev/tcp/172.17.0.2/81'");
    let container =
        |script: &str| host.run(&["ip", "netns", "exec", "container", "bash", "-euc", script]);

    host.inside("client", &unanswered("172.17.0.2:80/tcp")).ok();
    host.inside("client", &ask("10.9.0.2:6000/tcp")).ok();
    host.router(&ask("10.9.0.2:6000/tcp")).ok();
    let web = host.address("web", "localnet");
    container(&unanswered(&format!("{web}:81/tcp"))).ok();
    container(&ask("10.9.0.2:5000/tcp")).ok();
    container("ping -c1 -W5 10.9.0.1").ok();
    let _ = server.kill();
    let _ = server.wait();
    docker.stop(&host);
}
