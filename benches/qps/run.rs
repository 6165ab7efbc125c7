//! The run: rounds, cases within them, peers taking turns within cases.

use super::case::Case;
use super::cpu;
use super::host::Unable;
use super::load::{self, Load};
use super::peer::{self, Peer, Target};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How many look-ups of a lone client there are each time, and how many where some of them are slow.
const ALONE: usize = 200;
const ALONE_DEAD: usize = 50;

/// Names of an upstream in a round: more than anybody answers in it.
const UNCACHED_A_SECOND: usize = 150_000;

/// What is measured.
pub struct Plan {
    pub cases: Vec<Case>,
    pub peers: Vec<&'static peer::Entry>,
    pub rounds: u32,
    pub seconds: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self { cases: Case::all(), peers: peer::ALL.iter().collect(), rounds: 5, seconds: 1 }
    }
}

/// What one peer did in one case of one round.
pub struct Sample {
    pub case: Case,
    pub round: u32,
    pub peer: &'static str,
    /// None where only latency is measured.
    pub load: Option<Load>,
    /// What the server's processes spent on that load.
    pub cpu: Duration,
    /// Of a lone client, in the order of its look-ups.
    pub latencies: Vec<Duration>,
}

/// All that was measured.
#[derive(Default)]
pub struct Run {
    pub samples: Vec<Sample>,
    /// What a peer could not do, and why; in all cases if none is named.
    pub unable: Vec<(&'static str, Option<Case>, Unable)>,
    /// The names of the peers, and their versions.
    pub peers: Vec<(&'static str, String)>,
    /// The load of the machine before and after.
    pub machine_load: [String; 2],
    pub seconds: u32,
}

/// Measures everything.
pub fn measure(plan: &Plan) -> Run {
    let mut run = Run {
        machine_load: [machine_load(), String::new()],
        seconds: plan.seconds,
        ..Run::default()
    };
    let mut peers = Vec::new();
    for (name, start) in &plan.peers {
        eprintln!("{name}: starting");
        match start(&plan.cases) {
            Ok(peer) => {
                run.peers.push((name, peer.versions()));
                peers.push((*name, peer));
            }
            Err(why) => fail(&mut run, name, None, why),
        }
    }
    for round in 1..=plan.rounds {
        for case in &plan.cases {
            eprintln!("round {round}: {}", case.name());
            // None is always the first to find the machine warm, or cold.
            let turn = usize::from(!peers.is_empty());
            peers.rotate_left(turn);
            for (name, peer) in &mut peers {
                if run.unable.iter().any(|(of, at, _)| of == name && *at == Some(*case)) {
                    continue;
                }
                match sample(peer.as_mut(), *case, round, plan.seconds) {
                    Ok((load, cpu, latencies)) => {
                        run.samples.push(Sample {
                            case: *case,
                            round,
                            peer: name,
                            load,
                            cpu,
                            latencies,
                        });
                    }
                    Err(why) => fail(&mut run, name, Some(*case), why),
                }
            }
        }
    }
    run.machine_load[1] = machine_load();
    run
}

fn fail(run: &mut Run, name: &'static str, case: Option<Case>, why: Unable) {
    eprintln!("{name}: {}: {why}", case.map_or("all", Case::name));
    run.unable.push((name, case, why));
}

type Measured = (Option<Load>, Duration, Vec<Duration>);

fn sample(peer: &mut dyn Peer, case: Case, round: u32, seconds: u32) -> Result<Measured, Unable> {
    let targets = peer.targets(case)?;
    let Some(target) = targets.first() else { return Err("there is nobody to ask".to_owned()) };
    let names = |prefix: &str, count| {
        let names = (0..count).map(|number| name(case, target, prefix, round, number));
        names
            .enumerate()
            .map(|(id, name)| load::query(id as u16, &name, target.kind))
            .collect::<Vec<_>>()
    };
    if let Case::Fresh | Case::Dead = case {
        let count = if case == Case::Dead { ALONE_DEAD } else { ALONE };
        let latencies = load::alone(target, &names("d", count), true)?;
        return Ok((None, Duration::ZERO, latencies));
    }
    // Whoever is asked for the first time may have to ask others.
    load::alone(target, &names("w", 1), false)?;
    let before = cpu::spent(&target.pids);
    let load = match case.sandboxes() {
        Some(_) => {
            load::spread(&targets, &load::query(1, &target.name, target.kind), 200, seconds)?
        }
        None => {
            let queries = queries(case, target, round, seconds)?;
            let expected = if case == Case::Nxdomain { "NXDOMAIN" } else { "NOERROR" };
            load::dnsperf(target, &queries, seconds, case == Case::Tcp, expected)?
        }
    };
    let cpu = cpu::spent(&target.pids).saturating_sub(before);
    let latencies = match case {
        Case::Tcp => Vec::new(),
        _ => load::alone(target, &names("l", ALONE), false)?,
    };
    Ok((Some(load), cpu, latencies))
}

/// Returns the name to ask for: a new one each time where answers must not be remembered, and one far from the last
/// among many.
fn name(case: Case, target: &Target, prefix: &str, round: u32, number: usize) -> String {
    match case {
        Case::Uncached | Case::Dead => format!("{prefix}{round}-{number}.{}", target.name),
        Case::Many => peer::one_of_many(number * 7919 % peer::NAMES),
        _ => target.name.clone(),
    }
}

/// Writes a file of queries for dnsperf.
fn queries(case: Case, target: &Target, round: u32, seconds: u32) -> Result<PathBuf, Unable> {
    let path = PathBuf::from(format!("/run/bench/queries-{}-{}", case.name(), target.name));
    let count = match case {
        Case::Uncached => UNCACHED_A_SECOND * seconds as usize,
        Case::Many => peer::NAMES / 2,
        _ => 1,
    };
    let write = || {
        let mut file = BufWriter::new(fs::File::create(&path)?);
        for number in 0..count {
            let name = name(case, target, "u", round, number);
            writeln!(file, "{name} {}", target.kind)?;
        }
        file.flush()
    };
    write().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Returns the machine's load of the last minute.
pub fn machine_load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}
