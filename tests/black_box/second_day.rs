//! What people reach for on the second day: logs, kill, wait, rename, aliases.

use crate::host::Host;
use std::fs;

fn with_localnet() -> Host {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host
}

fn knows(host: &Host, asker: &str, name: &str) -> bool {
    host.netdns(&["exec", asker, "getent", "hosts", name]).code == 0
}

#[test]
fn a_rename_is_seen_by_the_next_query_in_the_files_and_after_a_restart() {
    let mut host = with_localnet();
    host.sleeper("old", &["--network", "localnet"]);
    host.sleeper("asker", &["--network", "localnet"]);
    assert!(knows(&host, "asker", "old"));
    host.netdns(&["rename", "old", "new"]).ok();
    assert!(knows(&host, "asker", "new") && !knows(&host, "asker", "old"));
    let hosts = host.inside("new", "cat /etc/hosts").ok();
    assert!(hosts.contains(" new") && !hosts.contains(" old"), "{hosts}");
    let reverse = format!("dig +short -x {}", host.address("new", "localnet"));
    assert_eq!(host.inside("asker", &reverse).ok(), "new.localnet.");
    host.end_daemon("KILL");
    host.start(&[]);
    assert!(knows(&host, "asker", "new"));
    host.netdns(&["inspect", "new"]).ok();

    let taken = host.netdns(&["rename", "new", "asker"]).fails(1);
    assert!(taken.contains("Conflict. The name \"asker\" is already in use"), "{taken}");
    let same = host.netdns(&["rename", "new", "new"]).fails(1);
    assert!(same.contains("Renaming a sandbox with the same name"), "{same}");
    let reserved = host.netdns(&["rename", "new", "localhost"]).fails(1);
    assert!(reserved.contains("reserved"), "{reserved}");
    assert!(knows(&host, "asker", "new"), "a refusal changes nothing");
}

#[test]
fn aliases_come_and_go_on_a_live_sandbox() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("asker", &["--network", "localnet"]);
    assert!(!knows(&host, "asker", "www"));
    host.netdns(&["alias", "add", "localnet", "web", "www"]).ok();
    assert!(knows(&host, "asker", "www") && knows(&host, "asker", "www.localnet"));
    host.netdns(&["alias", "add", "localnet", "web", "www"]).ok();
    host.netdns(&["alias", "rm", "localnet", "web", "WWW"]).ok();
    assert!(!knows(&host, "asker", "www") && knows(&host, "asker", "web"));
    let missing = host.netdns(&["alias", "rm", "localnet", "web", "www"]).fails(1);
    assert!(missing.contains("sandbox web has no alias www"), "{missing}");
    let warned = host.netdns(&["alias", "add", "localnet", "web", "asker"]);
    assert!(warned.code == 0 && warned.err.contains("both answer"), "{warned:?}");
    host.sleeper("plain", &[]);
    let refused = host.netdns(&["alias", "add", "bridge", "plain", "x"]).fails(1);
    assert!(refused.contains("network-scoped aliases are only supported"), "{refused}");
}

#[test]
fn wait_prints_the_code_of_whatever_ends_and_kill_ends_it() {
    let host = with_localnet();
    let run = |name: &str, script: &str| {
        host.netdns(&["run", "-d", "--name", name, "bash", "-c", script]).ok()
    };
    run("seven", "exit 7");
    assert_eq!(host.netdns(&["wait", "seven"]).ok(), "7");
    assert_eq!(host.netdns(&["wait", "seven"]).ok(), "7", "of one that has ended, too");
    let script = "trap 'exit 9' USR1; echo up; while :; do read -t 0.05 < <(:) || sleep 0.05; done";
    let id = run("patient", script);
    host.until(&format!("grep -q up {}/state/logs/{id}.log", host.dir().display()));
    let waiting = [env!("CARGO_BIN_EXE_netdns"), "wait", "patient"];
    let mut waiter = host.spawn("waited", &waiting);
    assert_eq!(host.netdns(&["kill", "-s", "USR1", "patient"]).ok(), "patient");
    waiter.wait().expect("wait ends");
    let waited = fs::read_to_string(host.path("waited")).expect("its output");
    assert_eq!(waited.trim(), "9");

    host.sleeper("victim", &[]);
    assert_eq!(host.netdns(&["kill", "victim"]).ok(), "victim");
    assert_eq!(host.netdns(&["wait", "victim"]).ok(), "137");
    let again = host.netdns(&["kill", "victim"]).fails(1);
    assert!(again.contains("sandbox victim is not running"), "{again}");
    let odd = host.netdns(&["kill", "-s", "NONSENSE", "victim"]).fails(1);
    assert!(odd.contains("invalid signal: NONSENSE"), "{odd}");
}

#[test]
fn every_signal_reaches_the_command_and_ends_it_if_it_likes() {
    let host = with_localnet();
    for (signal, code) in [("ABRT", "134"), ("PIPE", "141"), ("40", "168"), ("SIGRTMAX", "192")] {
        let id = host.sleeper("victim", &[]);
        assert_eq!(host.netdns(&["kill", "-s", signal, "victim"]).ok(), "victim");
        assert_eq!(host.netdns(&["wait", &id]).ok(), code, "{signal}");
        host.netdns(&["rm", "victim"]).ok();
    }
    let by_itself = host.netdns(&["run", "--rm", "bash", "-c", "kill -40 $$"]);
    by_itself.fails(168);
    host.sleeper("still", &[]);
    host.inside("still", "kill -40 $$").fails(168);
    let stop = host.netdns(&["kill", "-s", "STOP", "still"]).fails(1);
    assert!(stop.contains("sandbox still cannot be stopped by SIGSTOP"), "{stop}");
}

#[test]
fn logs_are_what_the_sandbox_said_with_times_tails_and_to_the_end() {
    let host = with_localnet();
    let script = "for n in 1 2 3; do echo line $n; done; echo trouble >&2; sleep 0.3; echo last";
    host.netdns(&["run", "-d", "--name", "loud", "bash", "-c", script]).ok();
    let followed = host.netdns(&["logs", "-f", "loud"]);
    assert_eq!(followed.out, "line 1\nline 2\nline 3\nlast\n");
    assert_eq!(followed.err, "trouble\n");
    assert_eq!(host.netdns(&["logs", "-n", "1", "loud"]).ok(), "last");
    assert_eq!(host.netdns(&["logs", "-n", "0", "loud"]).ok(), "");
    let timed = host.netdns(&["logs", "-t", "-n", "1", "loud"]).ok();
    assert!(timed.starts_with("20") && timed.ends_with("Z last"), "{timed}");
    host.netdns(&["rm", "loud"]).ok();
    host.netdns(&["logs", "loud"]).fails(1);
    host.netdns(&["run", "--name", "front", "true"]).ok();
    let none = host.netdns(&["logs", "front"]).fails(1);
    assert!(none.contains("sandbox front has no log"), "{none}");
}

#[test]
fn a_followed_log_goes_on_without_the_daemon() {
    let mut host = with_localnet();
    let (go, netdns) = (host.path("go"), env!("CARGO_BIN_EXE_netdns"));
    let script =
        format!("echo before; until [ -e {} ]; do sleep 0.05; done; echo after", go.display());
    host.netdns(&["run", "-d", "--name", "loud", "bash", "-c", &script]).ok();
    let mut follower = host.spawn("followed", &[netdns, "logs", "-f", "loud"]);
    host.until(&format!("grep -q before {}", host.path("followed").display()));
    host.end_daemon("KILL");
    host.until(&format!("grep -q 'following goes on' {}", host.path("followed").display()));
    fs::write(&go, "").expect("a file");
    host.until(&format!("grep -q after {}", host.path("followed").display()));
    host.start(&[]);
    assert!(follower.wait().expect("it ends with the sandbox").success());
}

#[test]
fn a_log_is_bounded_and_its_end_is_kept() {
    let host = with_localnet();
    let script = "head -c 45000000 /dev/zero | tr '\\0' x | fold -w 99; echo; echo the end";
    let id = host.netdns(&["run", "-d", "--name", "flood", "bash", "-c", script]).ok();
    host.netdns(&["wait", "flood"]).ok();
    assert_eq!(host.netdns(&["logs", "-n", "1", "flood"]).ok(), "the end");
    let size = format!("du -cb {}/state/logs/{id}.log* | tail -1 | cut -f1", host.dir().display());
    let size: u64 = host.sh(&size).ok().parse().expect("bytes");
    assert!(size <= 20_000_000, "{size}");
}

#[test]
fn completions_are_words_that_the_shell_understands() {
    let host = Host::new();
    let netdns = env!("CARGO_BIN_EXE_netdns");
    let completes =
        "COMP_WORDS=(netdns netw) COMP_CWORD=1; _netdns netdns netw netdns; echo ${COMPREPLY[@]}";
    let script = format!("source <({netdns} completion bash); {completes}");
    assert_eq!(host.sh(&script).ok(), "network");
    assert!(host.netdns(&["completion", "fish"]).ok().contains("complete -c netdns"));
    host.netdns(&["completion", "tcl"]).fails(2);
}

#[test]
fn wait_ends_with_whatever_ends_the_sandbox() {
    let host = with_localnet();
    host.sh("ip netns add blue").ok();
    host.netdns(&["attach", "--netns", "/run/netns/blue", "--name", "blue"]).ok();
    host.sleeper("job", &[]);
    let netdns = env!("CARGO_BIN_EXE_netdns");
    for (name, end, code) in [("blue", "detach", "0"), ("job", "rm -f", "137")] {
        let waits = format!("timeout 10 {netdns} wait {name} & sleep 0.3");
        let waited = host.sh(&format!("{waits}; {netdns} {end} {name} >/dev/null; wait $!")).ok();
        assert_eq!(waited, code, "{end}");
    }
}
