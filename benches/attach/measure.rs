//! The run: levels, rounds within them, peers taking turns within rounds.

use super::host::Unable;
use super::peer::{self, Peer};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// So many endpoints present, measured in so many rounds.
#[derive(Clone, Copy)]
pub struct Level {
    pub endpoints: usize,
    pub rounds: usize,
}

impl Level {
    pub fn new(endpoints: usize, rounds: usize) -> Self {
        Self { endpoints, rounds }
    }
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// The process that puts a prepared namespace on the network, from start to end.
    Attach,
    /// From the start of that process until another sandbox has resolved the name.
    Known,
    /// The process that takes it off again.
    Detach,
    /// The process that starts a sandbox in the background.
    Run,
}

/// Samples of one peer in one round.
pub type Samples = BTreeMap<Act, Vec<Duration>>;

/// One line of raw output.
pub struct Row {
    pub endpoints: usize,
    pub round: usize,
    pub peer: &'static str,
    pub samples: Samples,
}

/// Resident memory of a program, in KiB.
pub struct Resident {
    pub endpoints: usize,
    pub program: &'static str,
    pub kib: u64,
}

/// All that was measured.
#[derive(Default)]
pub struct Run {
    pub rows: Vec<Row>,
    pub resident: Vec<Resident>,
    /// Peers that could not be measured from some number of endpoints on, and why.
    pub unable: Vec<(&'static str, usize, Unable)>,
    /// The names of all peers, and their versions.
    pub peers: Vec<(&'static str, String)>,
    /// The load of the machine before and after.
    pub load: [String; 2],
}

/// Measures every level.
pub fn measure(levels: &[Level]) -> Run {
    let mut run = Run { load: [load(), String::new()], ..Run::default() };
    let mut peers = Vec::new();
    for (name, start) in peer::ALL {
        match start() {
            Ok(peer) => {
                run.peers.push((name, peer.versions()));
                note_memory(&mut run, 0, peer.as_ref());
                peers.push((name, peer));
            }
            Err(why) => run.unable.push((name, 0, why)),
        }
    }
    for level in levels {
        peers.retain_mut(|(name, peer)| {
            eprintln!("{name}: filling up to {}", level.endpoints);
            let filled = peer.fill(level.endpoints);
            if filled.is_ok() {
                note_memory(&mut run, level.endpoints, peer.as_ref());
            }
            kept(&mut run, name, level, filled)
        });
        for round in 1..=level.rounds {
            eprintln!("{} endpoints, round {round}", level.endpoints);
            peers.retain_mut(|(name, peer)| {
                let mut samples = Samples::new();
                let measured = peer.round(&mut samples);
                run.rows.push(Row { endpoints: level.endpoints, round, peer: name, samples });
                kept(&mut run, name, level, measured)
            });
        }
    }
    run.load[1] = load();
    run
}

/// A peer that fails is left out from then on, and the table says why.
fn kept(run: &mut Run, name: &'static str, level: &Level, done: Result<(), Unable>) -> bool {
    let Err(why) = done else { return true };
    eprintln!("{name}: {why}");
    run.unable.push((name, level.endpoints, why));
    false
}

fn note_memory(run: &mut Run, endpoints: usize, peer: &dyn Peer) {
    for (program, pattern) in peer.programs() {
        run.resident.push(Resident { endpoints, program, kib: resident(pattern) });
    }
}

/// Sums VmRSS of the processes of this pid namespace whose command line contains a pattern, in KiB.
fn resident(pattern: &str) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let matching = processes.filter(|process| {
        let words = fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).replace('\0', " ").contains(pattern)
    });
    matching.filter_map(|process| vm_rss(&fs::read_to_string(process.join("status")).ok()?)).sum()
}

fn vm_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}
