//! How long it takes until ports are published, and what holds them.

use super::case::Case;
use super::cost::{self, Cost};
use super::host::Unable;
use super::peer::{self, Peer};
use super::{Plan, Run};
use std::time::Duration;

/// How many ports a sandbox with many has.
const MANY: usize = 1000;

/// How many sandboxes, with and without a port, are started and ended in a round beside many others.
const PAIRS: usize = 6;

const FIRST: usize = 20_000;

/// One sandbox that was started, looked at and ended.
pub struct Applied {
    pub case: Case,
    pub peer: &'static str,
    pub round: usize,
    /// How many sandboxes with a port were there before.
    pub present: usize,
    /// How many ports it has; none, to compare with.
    pub ports: usize,
    /// How long the command that starts it took.
    pub started: Duration,
    /// How long the command that ends it took.
    pub ended: Duration,
    /// What the peer's long-running programs held beforehand and while it was there; what they ran in between.
    pub cost: [Cost; 2],
}

type Peers = Vec<(&'static str, Box<dyn Peer>)>;

/// Measures the cases of a plan that are about this.
pub fn measure(plan: &Plan, run: &mut Run) {
    let shapes = [Case::One, Case::Range, Case::Singles, Case::Udp];
    let shapes: Vec<Case> = shapes.into_iter().filter(|case| plan.cases.contains(case)).collect();
    let beside = plan.cases.contains(&Case::Endpoints);
    if shapes.is_empty() && !beside {
        return;
    }
    let mut peers = started(run);
    for round in 1..=plan.rounds {
        for case in &shapes {
            eprintln!("round {round}: {}", case.name());
            peers.retain(|(name, peer)| {
                let ports = if *case == Case::One { 1 } else { MANY.min(peer.most().0) };
                let samples = [0, ports].map(|ports| sample(peer.as_ref(), *case, ports));
                kept(run, (name, *case, round, 0), samples)
            });
        }
    }
    if beside {
        endpoints(plan, run, &mut peers);
    }
}

fn started(run: &mut Run) -> Peers {
    let mut peers = Vec::new();
    for (name, start) in peer::ALL {
        match start() {
            Ok(peer) => {
                run.versions.push(peer.version());
                peers.push((name, peer));
            }
            Err(why) => run.unable.push((name.to_owned(), Case::One, why)),
        }
    }
    peers
}

/// What is known of a sandbox before it is started.
type About = (&'static str, Case, usize, usize);

type Sample = Result<Applied, Unable>;

/// Notes samples; a peer that fails is left out from then on, and the table says why.
fn kept(
    run: &mut Run,
    (peer, case, round, present): About,
    samples: impl IntoIterator<Item = Sample>,
) -> bool {
    for sample in samples {
        match sample {
            Ok(applied) => run.applied.push(Applied { peer, round, present, ..applied }),
            Err(why) => {
                eprintln!("{peer}: {why}");
                run.unable.push((peer.to_owned(), case, why));
                return false;
            }
        }
    }
    true
}

fn sample(peer: &dyn Peer, case: Case, ports: usize) -> Sample {
    let programs = peer.programs();
    let before = cost::of(programs);
    let started = peer.start("measured", &publish(case, ports))?;
    let with = cost::of(programs);
    let ended = peer.end("measured")?;
    let cost = [before, with];
    Ok(Applied { case, peer: "", round: 0, present: 0, ports, started, ended, cost })
}

fn publish(case: Case, ports: usize) -> Vec<String> {
    let last = FIRST + ports.saturating_sub(1);
    match case {
        _ if ports == 0 => Vec::new(),
        Case::Range => vec![format!("{FIRST}-{last}:{FIRST}-{last}")],
        Case::Udp => vec![format!("{FIRST}-{last}:{FIRST}-{last}/udp")],
        // In the sandbox they have other numbers, so that nobody can make a range of them.
        _ => (FIRST..=last).map(|port| format!("{port}:{}", port + 10_000)).collect(),
    }
}

/// Pairs of sandboxes with and without a port, beside none, and beside many that have one.
fn endpoints(plan: &Plan, run: &mut Run, peers: &mut Peers) {
    for present in [0, plan.endpoints] {
        peers.retain(|(name, peer)| {
            let present = present.min(peer.most().1);
            eprintln!("{name}: filling up to {present}");
            let port = |one: usize| [format!("{}:80", 30_000 + one)];
            let mut filled =
                (0..present).map(|one| peer.start(&format!("f{one}"), &port(one)).map(drop));
            match filled.find_map(Result::err) {
                None => true,
                Some(why) => {
                    run.unable.push(((*name).to_owned(), Case::Endpoints, why));
                    false
                }
            }
        });
        for round in 1..=plan.rounds {
            eprintln!("round {round}: endpoints, beside {present}");
            peers.retain(|(name, peer)| {
                let present = present.min(peer.most().1);
                let ports = [0, 1].into_iter().cycle().take(2 * PAIRS);
                let samples = ports.map(|ports| sample(peer.as_ref(), Case::Endpoints, ports));
                kept(run, (name, Case::Endpoints, round, present), samples)
            });
        }
    }
}
