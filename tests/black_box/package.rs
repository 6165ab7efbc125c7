//! The Debian package, on a clean Debian with systemd: it installs, serves, upgrades and goes as any other.

use crate::debian::Debian;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// All files, but for what keeps a record of what was done: logs, and the package manager's former lists.
const FILES: &str = "find / -xdev -not -path '/var/log/*' -not -path '/var/lib/dpkg/*-old' | sort";

/// Processes of ours, as their command lines begin.
const OURS: &str = r"grep -qzs '^\(.*/\)\?[n]etdns$' /proc/[0-9]*/cmdline";

#[test]
fn the_package_installs_serves_and_goes_and_leaves_nothing() {
    let machine = Debian::boot();
    machine.give(package());
    let before = machine.sh(FILES).ok();

    machine.sh("dpkg -i /tmp/netdns.deb").ok();
    machine.sh("systemctl is-enabled netdns && systemctl is-active netdns").ok();
    machine.sh("systemctl enable --now netdns").ok();
    machine
        .sh("test -s /usr/share/man/man1/netdns.1.gz && test -s /usr/share/man/man1/netdns-run.1.gz
            grep -q network /usr/share/bash-completion/completions/netdns
            grep -q network /usr/share/zsh/vendor-completions/_netdns
            grep -q network /usr/share/fish/vendor_completions.d/netdns.fish")
        .ok();
    settle(&machine);

    machine.sh("dpkg -r netdns").ok();
    machine
        .sh(&format!("! test -e /run/netdns && test \"$(ls /sys/class/net)\" = lo && ! {OURS}"))
        .ok();
    machine.sh("dpkg -i /tmp/netdns.deb").ok();
    let kept = machine.sh("netdns network ls --format json && netdns ps -a -q").ok();
    assert!(
        kept.contains("localnet") && kept.ends_with('}'),
        "networks stay, sandboxes do not: {kept}"
    );

    machine.sh("dpkg -P netdns").ok();
    machine.sh(&format!("! systemctl cat netdns && ! {OURS}")).ok();
    assert_eq!(machine.sh(FILES).ok(), before);
}

#[test]
fn resolver_and_sandboxes_outlive_restart_kill_upgrade_and_stop_of_the_unit() {
    let machine = Debian::boot();
    machine.give(package());
    machine.sh("dpkg -i /tmp/netdns.deb").ok();
    settle(&machine);
    let resolver = pid(&machine, "ResolverPid");
    let web = machine.sh("netdns inspect web | sed -n 's/.*\"Pid\": \\([0-9]*\\).*/\\1/p'").ok();
    let unit = |of: &str| machine.sh(&format!("cat /proc/{of}/cgroup")).ok();
    assert!(unit(&resolver).ends_with("/netdns.service"), "{}", unit(&resolver));
    assert!(!unit(&web).contains("netdns.service"), "{}", unit(&web));

    let again = |act: &str| {
        let last = main_pid(&machine);
        machine.sh(act).ok();
        machine.until(&format!(
            "pid=$(systemctl show -P MainPID netdns)
             test $pid != 0 && test $pid != {last} && systemctl is-active netdns"
        ));
        machine.sh("netdns exec web getent ahostsv4 db").ok();
        pid(&machine, "ResolverPid")
    };
    assert_eq!(again("systemctl restart netdns"), resolver);
    assert_eq!(again("systemctl kill --signal=KILL --kill-whom=main netdns"), resolver);
    // A package's program is another build, whose own resolver takes over.
    let resolver = again("dpkg -i /tmp/netdns.deb");
    machine.sh("systemctl stop netdns").ok();
    machine.sh(&format!("nsenter -t {web} -n -m getent ahostsv4 db")).ok();
    machine.sh("! systemctl is-failed netdns").ok();
    machine.sh("systemctl start netdns").ok();
    assert_eq!(pid(&machine, "ResolverPid"), resolver);
}

/// Makes the package of the program under test, once.
fn package() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("netdns.deb");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".packaging/deb.sh");
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let made = Command::new(script).args(["--no-build", profile]).arg(&package).output();
        let made = made.expect("bash runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        package
    })
}

/// Makes a network with two sandboxes, of which one finds the other.
fn settle(machine: &Debian) {
    machine
        .sh("netdns network create localnet
            netdns run -d --name web --network localnet sleep 3600
            netdns run -d --name db --network localnet sleep 3600
            netdns exec web getent ahostsv4 db")
        .ok();
}

fn main_pid(machine: &Debian) -> String {
    machine.sh("systemctl show -P MainPID netdns").ok()
}

/// Returns a pid that `status` shows.
fn pid(machine: &Debian, of: &str) -> String {
    let status = machine.sh("netdns status --format json").ok();
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    status[of].to_string()
}
