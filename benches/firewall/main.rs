//! What a published port costs: to apply, in memory and descriptors, beside Docker; and what the rules cost a packet,
//! beside a hand-written minimal ruleset.
//!
//! ```text
//! cargo bench --bench firewall                           # all of it: some minutes; writes README.md and raw.txt here
//! cargo bench --bench firewall -- --only one,neighbours  # some cases; prints only
//! cargo bench --bench firewall -- --rounds 1 --seconds 1 --endpoints 50
//! ```
//!
//! Needs root and Debian's packages docker.io, iperf3, busybox-static, iptables, iproute2, nftables and util-linux; it
//! installs nothing. `NETDNS_BENCH_PACKAGES` names a directory into which iperf3 (with libiperf0 and libsctp1) and
//! busybox-static were unpacked instead (`dpkg -x`). What is missing becomes a row that says so. Everything lives in
//! namespaces that end with the program. Whoever is compared takes turns within each round, so that what else the machine
//! does hits all of them.

mod apply;
mod case;
mod connect;
mod cost;
mod ground;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../attach/host.rs"]
mod host;
mod path;
mod peer;
mod report;
#[path = "../attach/stage.rs"]
mod stage;
mod stream;

use case::Case;
use std::fs;
use std::process::ExitCode;

const USAGE: &str = "usage: firewall [--only CASE,...] [--rounds N] [--seconds S] [--endpoints N]";

/// What is measured, and for how long.
pub struct Plan {
    cases: Vec<Case>,
    rounds: usize,
    /// How long each stream, and each loop of connections, goes on.
    seconds: usize,
    /// How many sandboxes with a port each there are in the end.
    endpoints: usize,
}

/// All that was measured.
#[derive(Default)]
pub struct Run {
    applied: Vec<apply::Applied>,
    carried: Vec<path::Carried>,
    /// Who could not do what, and why.
    unable: Vec<(String, Case, host::Unable)>,
    versions: Vec<String>,
    /// The load of the machine before and after.
    load: [String; 2],
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let whole = words.is_empty();
    let plan = match plan(words) {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("firewall: {why}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    if !stage::is_inside() {
        return stage::enter();
    }
    let mut run = Run { load: [load(), String::new()], ..Run::default() };
    apply::measure(&plan, &mut run);
    path::measure(&plan, &mut run);
    run.load[1] = load();
    let (page, raw) = (report::page(&plan, &run), report::raw(&run));
    println!("{page}");
    if whole && let Err(error) = report::keep(&page, &raw) {
        eprintln!("firewall: cannot write the report: {error}");
        return ExitCode::FAILURE;
    }
    if run.applied.is_empty() && run.carried.is_empty() {
        eprintln!("firewall: nothing was measured");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn plan(words: Vec<String>) -> Result<Plan, String> {
    let mut plan = Plan { cases: Case::ALL.to_vec(), rounds: 5, seconds: 2, endpoints: 500 };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{word} {value}: not a number above 0")),
        };
        match word.as_str() {
            "--only" => plan.cases = Case::chosen(&value)?,
            "--rounds" => plan.rounds = number()?,
            "--seconds" => plan.seconds = number()?,
            "--endpoints" => plan.endpoints = number()?,
            _ => return Err(format!("{word} is no flag")),
        }
    }
    Ok(plan)
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}
