//! What packets go through costs them: one stream, and connections one after the other.

use super::case::Case;
use super::ground::{self, Ground, Grounds};
use super::host::{Host, Unable};
use super::{Plan, Run, connect, stream};
use std::net::SocketAddr;

/// What was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Bits a second of one stream.
    Stream,
    /// Connections a second.
    Connections,
}

/// What one ground carried in one round.
pub struct Carried {
    pub case: Case,
    pub what: What,
    pub ground: &'static str,
    pub round: usize,
    pub rate: f64,
}

/// Measures the cases of a plan that are about this.
pub fn measure(plan: &Plan, run: &mut Run) {
    let cases = [Case::Published, Case::Neighbours];
    let cases: Vec<Case> = cases.into_iter().filter(|case| plan.cases.contains(case)).collect();
    let Some(first) = cases.first() else { return };
    let mut grounds = match ground::all() {
        Ok(grounds) => grounds,
        Err(why) => return run.unable.push(("everybody".to_owned(), *first, why)),
    };
    let clients = std::mem::take(&mut grounds.clients);
    for what in [What::Stream, What::Connections] {
        let served = grounds.grounds.iter().try_for_each(|ground| serve(ground, what));
        if let Err(why) = served {
            run.unable.push((format!("{what:?}"), *first, why));
            continue;
        }
        for case in &cases {
            each(plan, run, (*case, what), &clients, &mut grounds);
        }
    }
}

fn each(
    plan: &Plan,
    run: &mut Run,
    (case, what): (Case, What),
    clients: &[Host],
    Grounds { grounds, .. }: &mut Grounds,
) {
    for round in 1..=plan.rounds {
        eprintln!("round {round}: {}, {what:?}", case.name());
        // Whoever goes first differs from round to round.
        grounds.rotate_left(1);
        for ground in &*grounds {
            match carry(ground, case, what, clients, plan.seconds) {
                Ok(rate) => {
                    let ground = ground.name;
                    run.carried.push(Carried { case, what, ground, round, rate });
                }
                Err(why) => run.unable.push((ground.name.to_owned(), case, why)),
            }
        }
    }
}

fn serve(ground: &Ground, what: What) -> Result<(), Unable> {
    match what {
        What::Stream => stream::serve(&ground.server, ground.ports.stream),
        What::Connections => connect::serve(&ground.server, ground.ports.connections),
    }
}

fn carry(
    ground: &Ground,
    case: Case,
    what: What,
    clients: &[Host],
    seconds: usize,
) -> Result<f64, Unable> {
    let port = match what {
        What::Stream => ground.ports.stream,
        What::Connections => ground.ports.connections,
    };
    let (from, to): (&Host, SocketAddr) = match case {
        Case::Neighbours => (&ground.neighbour, ground.direct(port)),
        _ => (&clients[ground.client], Ground::published(port)),
    };
    match what {
        What::Stream => stream::throughput(from, to, seconds),
        What::Connections => connect::rate(from, to, seconds),
    }
}
