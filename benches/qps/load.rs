//! Asking: dnsperf for throughput, a lone client for latency, one with many sockets for many sandboxes.

use super::cpu;
use super::host::Unable;
use super::peer::{Target, packaged};
use netdns::kernel::netns::within;
use nix::sys::resource::UsageWho;
use rustix::event::epoll;
use std::fs::File;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// When a lone client stops, if all it asks is slow.
const LONG_ENOUGH: Duration = Duration::from_secs(8);

/// What a load came to.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Queries that were answered.
    pub completed: u64,
    /// Queries that were not.
    pub lost: u64,
    /// Queries that were answered with another response code than they should be.
    pub wrong: u64,
    /// From the first query to the last reply.
    pub took: Duration,
    /// What the asker spent of a processor's time.
    pub cpu: Duration,
    /// Response codes, as dnsperf prints them.
    pub codes: String,
}

/// How many clients dnsperf plays, and how many queries wait for their replies at once.
const CLIENTS: &str = "4";
const OUTSTANDING: &str = "50";

/// Runs dnsperf in the asker's namespace.
pub fn dnsperf(
    target: &Target,
    queries: &Path,
    seconds: u32,
    tcp: bool,
    expected: &str,
) -> Result<Load, Unable> {
    let program = packaged("/usr/bin/dnsperf", "dnsperf")?;
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", target.ns.display())).arg(program);
    command.args(["-s", target.server, "-c", CLIENTS, "-q", OUTSTANDING, "-t", "5"]);
    command.args(["-l", &seconds.to_string(), "-d"]).arg(queries);
    command.args(["-m", if tcp { "tcp" } else { "udp" }]);
    if let Some(local) = target.local {
        command.args(["-a", local]);
    }
    let before = cpu::of(UsageWho::RUSAGE_CHILDREN);
    let output = command.output().map_err(|error| format!("nsenter (util-linux): {error}"))?;
    let cpu = cpu::of(UsageWho::RUSAGE_CHILDREN).saturating_sub(before);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
        line.map(str::trim)
    };
    let number = |key: &str| value(key)?.split_whitespace().next()?.parse::<f64>().ok();
    let all = number("Queries completed:").zip(number("Run time (s):"));
    let Some((completed, took)) = all else {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("dnsperf: {}", errors.lines().last().unwrap_or("it said nothing")));
    };
    let codes = value("Response codes:").unwrap_or("none").to_owned();
    let right =
        codes.split(", ").find_map(|code| code.strip_prefix(expected)?.split_whitespace().next());
    let right: u64 = right.and_then(|count| count.parse().ok()).unwrap_or(0);
    let wrong = (completed as u64).saturating_sub(right);
    if wrong > right {
        return Err(format!("{expected} was to be answered, and it was {codes}"));
    }
    Ok(Load {
        wrong,
        completed: completed as u64,
        lost: number("Queries lost:").unwrap_or(0.0) as u64,
        took: Duration::from_secs_f64(took),
        cpu,
        codes,
    })
}

/// Asks for names one after the other, from one socket, or each from a socket of its own. Returns how long each took;
/// what is not answered within five seconds took that long. Begins none after eight seconds.
pub fn alone(target: &Target, queries: &[Vec<u8>], fresh: bool) -> Result<Vec<Duration>, Unable> {
    let failed = |error: io::Error| format!("{}: {error}", target.server);
    let ns = File::open(&target.ns).map_err(failed)?;
    let ask = || {
        let mut kept = socket(target)?;
        let mut latencies = Vec::with_capacity(queries.len());
        let began = Instant::now();
        for query in queries {
            let started = Instant::now();
            if started - began > LONG_ENOUGH {
                break;
            }
            if fresh {
                kept = socket(target)?;
            }
            kept.send(query)?;
            let mut reply = [0; 4096];
            // One that comes late belongs to an earlier question.
            while kept.recv(&mut reply).is_ok_and(|length| length < 2 || reply[..2] != query[..2]) {
            }
            latencies.push(started.elapsed());
        }
        Ok(latencies)
    };
    within(ns.as_fd(), ask).map_err(failed)?.map_err(failed)
}

/// Asks for one name from so many sockets, which are spread over the targets; one query a socket is on its way.
pub fn spread(
    targets: &[Target],
    query: &[u8],
    sockets: usize,
    seconds: u32,
) -> Result<Load, Unable> {
    let failed = |error: io::Error| format!("many sockets: {error}");
    let sockets: Vec<UdpSocket> = (0..sockets)
        .map(|number| inside(&targets[number % targets.len()]))
        .collect::<io::Result<_>>()
        .map_err(failed)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    for (number, socket) in sockets.iter().enumerate() {
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&poll, socket, data, epoll::EventFlags::IN)
            .map_err(|error| failed(error.into()))?;
        socket.set_nonblocking(true).and_then(|()| socket.send(query)).map_err(failed)?;
    }
    let (started, before) = (Instant::now(), cpu::of(UsageWho::RUSAGE_THREAD));
    let end = Duration::from_secs(seconds.into());
    let mut load = Load { codes: "not looked at".to_owned(), ..Load::default() };
    let mut events = Vec::with_capacity(256);
    let mut reply = [0; 4096];
    while started.elapsed() < end {
        events.clear();
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait))
            .map_err(|error| failed(error.into()))?;
        for event in &events {
            let socket = &sockets[event.data.u64() as usize];
            if socket.recv(&mut reply).is_ok() {
                load.completed += 1;
                socket.send(query).map_err(failed)?;
            }
        }
    }
    load.took = started.elapsed();
    load.cpu = cpu::of(UsageWho::RUSAGE_THREAD).saturating_sub(before);
    Ok(load)
}

fn inside(target: &Target) -> io::Result<UdpSocket> {
    let ns = File::open(&target.ns)?;
    within(ns.as_fd(), || socket(target))?
}

fn socket(target: &Target) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((target.local.unwrap_or("0.0.0.0"), 0))?;
    socket.connect((target.server, 53))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(socket)
}

/// Encodes a query with RD for a name and type.
pub fn query(id: u16, name: &str, kind: &str) -> Vec<u8> {
    let kind: u8 = if kind == "PTR" { 12 } else { 1 };
    let mut packet = id.to_be_bytes().to_vec();
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        packet.push(label.len() as u8);
        packet.extend(label.bytes());
    }
    packet.extend([0, 0, kind, 0, 1]);
    packet
}
