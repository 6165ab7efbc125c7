//! The namespaces that the whole benchmark lives in, and what is outside of them: one directory of cgroups.

use std::path::Path;
use std::process::{Command, ExitCode};

const INSIDE: &str = "NETDNS_BENCH_INSIDE";

/// Which benchmark this is.
const NAME: &str = env!("CARGO_CRATE_NAME");

/// Process 1 reaps what is orphaned, and everything ends with it. No run may take longer than half an hour.
const INIT: &str = r#"
    mount -t tmpfs none /run && mkdir -p /run/netns /run/bench
    for dir in /etc/netns /etc/docker; do [ ! -d "$dir" ] || mount -t tmpfs none "$dir"; done
    ip link set lo up
    timeout 1800 "$@" & wait $!
"#;

/// Whether this is the process inside.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Returns the cgroup under which Docker makes those of its containers.
pub fn cgroup() -> String {
    std::env::var(INSIDE).unwrap_or_default()
}

/// Starts this program again in namespaces of its own, and cleans up after it.
pub fn enter() -> ExitCode {
    let cgroup = format!("netdns-bench-{}", std::process::id());
    let dirs = ["/etc/netns", "/etc/docker"].map(Path::new);
    let missing: Vec<&Path> = dirs.into_iter().filter(|dir| !dir.exists()).collect();
    for dir in &missing {
        // What cannot be made fails later, where it is needed.
        let _ = std::fs::create_dir(dir);
    }
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"])
        .args(["--mount-proc", "bash", "-euc", INIT, "bench"])
        .args(std::env::args_os())
        .env(INSIDE, &cgroup)
        .env("LC_ALL", "C")
        .env("NETDNS_RUN_DIR", "/run/bench/netdns")
        .env("NETDNS_STATE_DIR", "/run/bench/netdns-state")
        .env("NETDNS_RESOLV_CONF", "/run/bench/resolv.conf")
        .env("DOCKER_HOST", "unix:///run/bench/docker.sock")
        .status();
    for dir in missing {
        let _ = std::fs::remove_dir(dir);
    }
    remove_cgroups(&cgroup);
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("{NAME}: {status}; it needs root, unshare (util-linux), ip (iproute2)");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{NAME}: unshare (util-linux) is needed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The processes in them ended with their pid namespace; empty cgroups stay.
fn remove_cgroups(name: &str) {
    let find = "find /sys/fs/cgroup -depth -type d -path \"*/$1*\" -exec rmdir {} + 2>/dev/null";
    for _ in 0..10 {
        let done = Command::new("sh").args(["-c", find, "sh", name]).status();
        if done.is_ok_and(|status| status.success()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}
