//! What the machine gives to manager and resolver: nameservers and descriptors.

use super::Finding;
use super::known::Known;
use crate::etc::{HostResolv, usable};
use std::fs;
use std::io;
use std::path::Path;

/// Where systemd-resolved writes the servers that it asks itself (systemd-resolved.service(8)).
const BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

/// What the manager and the resolver keep open for each sandbox, rounded up.
const DESCRIPTORS: u64 = 16;

/// Says who is asked for names that netdns does not know.
pub fn nameservers(path: &Path, known: &Known) -> Finding {
    const CHECK: &str = "nameservers";
    let file = path.display();
    let read = |path: &Path| match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    };
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => {
            return Finding::fail(
                CHECK,
                format!("cannot read {file}: {error}"),
                "it names the host's servers",
            );
        }
    };
    let behind = HostResolv::parse(&read(Path::new(BEHIND_STUB)).unwrap_or_default()).nameservers;
    let host = HostResolv { behind, ..HostResolv::parse(&text) };
    let list = |servers: &[std::net::IpAddr]| {
        servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    if host.nameservers.is_empty() {
        let seen = format!("none in {file}: names that netdns does not know fail");
        let hint = format!("write nameserver lines to {file}, or: netdns daemon --dns IP");
        // The daemon's own servers stand in the line about its upstreams.
        let given = known.answers().is_some_and(|answers| !answers.status.upstreams.is_empty());
        return match given {
            true => {
                Finding::warn(CHECK, format!("none in {file}: the default network has none"), hint)
            }
            false => Finding::fail(CHECK, seen, hint),
        };
    }
    let servers = list(&host.nameservers);
    let reachable = usable(&host);
    let loopback = host.nameservers.iter().all(std::net::IpAddr::is_loopback);
    match (reachable.is_empty(), loopback) {
        (true, _) => Finding::warn(
            CHECK,
            format!(
                "{servers} in {file}: sandboxes on the default network cannot reach it and have no DNS; on others netdns asks it for them"
            ),
            "use networks of your own, or run --dns IP",
        ),
        (false, true) => Finding::ok(
            CHECK,
            format!("{servers} in {file}; behind it, from systemd-resolved: {}", list(&reachable)),
        ),
        (false, false) => Finding::ok(CHECK, format!("{servers} in {file}")),
    }
}

/// Says for how many sandboxes the descriptors of manager and resolver suffice.
pub fn descriptors(known: &Known) -> Finding {
    const CHECK: &str = "descriptors";
    let pid = known.answers().map(|answers| answers.status.manager_pid.to_string());
    let (of, whose) = match &pid {
        Some(pid) => (pid.as_str(), "the daemon"),
        None => ("self", "a daemon started here"),
    };
    let hint = "ulimit -Hn 1048576 before netdns daemon, or LimitNOFILE= in its unit";
    let Some(limit) = hard_limit(of) else {
        return Finding::warn(CHECK, format!("the limit of {whose} cannot be read"), hint);
    };
    let sandboxes = limit / DESCRIPTORS;
    let running = known.answers().map_or(0, |answers| answers.status.running as u64);
    let seen =
        format!("{limit} for {whose}: enough for about {sandboxes} sandboxes, {running} run");
    if sandboxes < running + running / 4 {
        return Finding::fail(CHECK, seen, hint);
    }
    match limit < 4096 {
        true => Finding::warn(CHECK, seen, hint),
        false => Finding::ok(CHECK, seen),
    }
}

fn hard_limit(of: &str) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{of}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}
