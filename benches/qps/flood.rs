//! A quiet sandbox's look-ups while another floods the resolver: a local name and a forwarded one that was never asked
//! before, without a flood and with one of each kind, in turn. Writes `flood.md`.

use super::case::Case;
use super::host::Unable;
use super::load::{self, query};
use super::peer::{self, Target};
use super::run::machine_load;
use netdns::kernel::netns::within;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many look-ups of each sort there are in a turn.
const LOOK_UPS: usize = 500;

/// How many connections are held at once.
const HELD: usize = 1000;

/// Floods for a moment; returns how much was sent.
type Flood = fn(&Target, u64) -> io::Result<u64>;

const KINDS: [(&str, Option<Flood>); 6] = [
    ("no flood", None),
    ("a local name", Some(|target, turn| datagrams(target, turn, |_| query(1, "web", "A")))),
    ("unknown names", Some(|target, turn| datagrams(target, turn, unknown))),
    ("garbage", Some(|target, turn| datagrams(target, turn, garbage))),
    ("compression loops", Some(|target, turn| datagrams(target, turn, loops))),
    ("TCP connections that say nothing", Some(connections)),
];

const INTRODUCTION: &str = "# While another sandbox floods

Made by `cargo bench --bench qps -- flood ROUNDS`. A lone client in a quiet sandbox asks one query after the other while one
thread in another sandbox sends as fast as it goes; all of them share the machine's cores, so what else the machine does shows
in the 99th percentile, and the row without a flood says how much that is.
";

/// Measures the peers that serve two sandboxes, and returns a table of each.
pub fn measure(rounds: u64) -> Result<String, Unable> {
    let mut page = String::from(INTRODUCTION);
    for name in ["netdns", "docker"] {
        let [(_, start)] = peer::chosen(name)?[..] else { continue };
        let (mut peer, before) = (start(&[Case::Sandboxes2]), machine_load());
        let peer = peer.as_mut().map_err(|why| why.clone());
        let table = peer
            .and_then(|peer| peer.targets(Case::Sandboxes2))
            .and_then(|targets| table(&targets, rounds));
        let _ = write!(page, "\n## {name}\n\n");
        let _ = match table {
            Ok(table) => write!(
                page,
                "{rounds} rounds of {LOOK_UPS} look-ups each; load average {before} before, {} after.\n\n{table}",
                machine_load()
            ),
            Err(why) => writeln!(page, "Not measured: {why}"),
        };
    }
    Ok(page)
}

/// Writes the page.
pub fn keep(page: &str) -> io::Result<()> {
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/qps/flood.md"), page)
}

fn table(targets: &[Target], rounds: u64) -> Result<String, Unable> {
    let [quiet, greedy, ..] = targets else { return Err("it has one sandbox".to_owned()) };
    let mut took: Vec<[Vec<Duration>; 2]> = vec![Default::default(); KINDS.len()];
    let mut sent = vec![0.0; KINDS.len()];
    for round in 0..rounds {
        for (place, (kind, flood)) in KINDS.iter().enumerate() {
            eprintln!("round {round}: {kind}");
            let flooding = flood.map(|flood| Flooding::begin(greedy, flood)).transpose()?;
            let unasked = |number| format!("q{round}-{place}-{number}.example.net");
            let names = (0..LOOK_UPS).map(|number| (quiet.name.clone(), unasked(number)));
            let (local, forwarded): (Vec<_>, Vec<_>) = names.unzip();
            for (took, names) in took[place].iter_mut().zip([local, forwarded]) {
                let numbered = names.iter().enumerate();
                let queries = numbered.map(|(id, name)| query(id as u16, name, "A"));
                took.extend(load::alone(quiet, &queries.collect::<Vec<_>>(), false)?);
            }
            sent[place] += flooding.map_or(Ok(0.0), Flooding::end)? / rounds as f64;
        }
    }
    let mut text = String::from(
        "| another floods with | a second | local p50 us | p99 us | forwarded p50 us | p99 us |\n|---|---|---|---|---|---|\n",
    );
    for ((took, sent), (kind, _)) in took.iter_mut().zip(sent).zip(KINDS) {
        let [local, forwarded] = took.each_mut().map(|took| {
            took.sort();
            let rank = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
            format!("{} | {}", rank(50).as_micros(), rank(99).as_micros())
        });
        let _ = writeln!(text, "| {kind} | {sent:.0} | {local} | {forwarded} |");
    }
    Ok(text)
}

/// A thread that floods until it is ended.
struct Flooding {
    thread: JoinHandle<io::Result<()>>,
    go_on: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    begun: Instant,
}

impl Flooding {
    /// Returns once there is a flood.
    fn begin(target: &Target, flood: Flood) -> Result<Self, Unable> {
        let (go_on, sent) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let (its_go_on, its_sent, target) = (go_on.clone(), sent.clone(), target.clone());
        let thread = std::thread::spawn(move || {
            let ns = File::open(&target.ns)?;
            within(ns.as_fd(), || {
                for turn in 0.. {
                    if !its_go_on.load(Ordering::Relaxed) {
                        break;
                    }
                    its_sent.fetch_add(flood(&target, turn)?, Ordering::Relaxed);
                }
                Ok(())
            })?
        });
        while sent.load(Ordering::Relaxed) == 0 && !thread.is_finished() {
            std::thread::yield_now();
        }
        Ok(Self { thread, go_on, sent, begun: Instant::now() })
    }

    /// Returns how much was sent a second.
    fn end(self) -> Result<f64, Unable> {
        self.go_on.store(false, Ordering::Relaxed);
        let rate = self.sent.load(Ordering::Relaxed) as f64 / self.begun.elapsed().as_secs_f64();
        let ended = self.thread.join().map_err(|_| "the flood broke off".to_owned())?;
        ended.map(|()| rate).map_err(|error| format!("the flood: {error}"))
    }
}

/// Sends a thousand datagrams as fast as it goes. What does not fit into the socket is lost.
fn datagrams(target: &Target, turn: u64, packet: impl Fn(u64) -> Vec<u8>) -> io::Result<u64> {
    let socket = UdpSocket::bind((target.local.unwrap_or("0.0.0.0"), 0))?;
    socket.connect((target.server, 53))?;
    socket.set_nonblocking(true)?;
    let sent = (0..1000).filter(|number| socket.send(&packet(turn * 1000 + number)).is_ok());
    Ok(sent.count() as u64)
}

/// A name that no flood before has asked for.
fn unknown(_: u64) -> Vec<u8> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    query(number as u16, &format!("f{number}.example.net"), "A")
}

fn garbage(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..number % 600).map(|_| next()).collect()
}

/// A question, and records whose names lead to each other in a circle.
fn loops(number: u64) -> Vec<u8> {
    let mut packet = query(number as u16, "web", "A");
    packet[11] = 200;
    let first = packet.len() as u16;
    for record in 0..200 {
        packet.extend((0xc000 | (first + (record + 1) % 200 * 12)).to_be_bytes());
        packet.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    packet
}

/// Connects a thousand times, promises a message each time, and lets all go.
fn connections(target: &Target, _: u64) -> io::Result<u64> {
    let mut held = Vec::with_capacity(HELD);
    for _ in 0..HELD {
        // One that is turned away is no less of a flood.
        if let Ok(mut stream) = TcpStream::connect((target.server, 53)) {
            let _ = stream.write_all(&[0xff, 0xff]);
            held.push(stream);
        }
    }
    Ok(held.len() as u64)
}
