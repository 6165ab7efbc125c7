//! How many queries a second, at what cost and after how long, beside Docker's resolver, aardvark-dns, dnsmasq, unbound
//! and an echo.
//!
//! ```text
//! cargo bench --bench qps                                     # all of it: ten minutes; writes README.md and raw.txt here
//! cargo bench --bench qps -- --only local,tcp                 # some cases; prints only
//! cargo bench --bench qps -- --rounds 2 --seconds 1 --peers netdns,dnsmasq
//! cargo bench --bench qps -- flood 5                          # a quiet sandbox while another floods, in five rounds
//! ```
//!
//! Needs root and Debian's packages dnsperf, docker.io, aardvark-dns, dnsmasq-base, unbound, busybox-static, iproute2,
//! nftables and util-linux; it installs nothing. `NETDNS_BENCH_PACKAGES` names a directory into which packages were
//! unpacked instead (`dpkg -x`). What is missing becomes a row that says so. Everything lives in namespaces that end
//! with the program. The peers take turns within each round, so that what else the machine does hits all of them.

mod case;
mod cpu;
mod flood;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../attach/host.rs"]
mod host;
mod load;
mod peer;
mod report;
mod run;
mod serve;
#[path = "../attach/stage.rs"]
mod stage;

use case::Case;
use run::Plan;
use std::process::ExitCode;

const USAGE: &str =
    "usage: qps [--only CASE,...] [--peers PEER,...] [--rounds N] [--seconds S] | qps flood ROUNDS";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [verb, kind, address, places @ ..] = &words[..]
        && verb == "serve"
    {
        return serve::serve(kind, address, places);
    }
    if let [verb, rounds] = &words[..]
        && verb == "flood"
        && let Ok(rounds) = rounds.parse()
    {
        return flood(rounds);
    }
    let (plan, whole) = match plan(words) {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("qps: {why}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    if !stage::is_inside() {
        return stage::enter();
    }
    if let Err(why) = peer::settle() {
        eprintln!("qps: {why}");
        return ExitCode::FAILURE;
    }
    let run = run::measure(&plan);
    let (page, raw) = (report::page(&run), report::raw(&run));
    println!("{page}");
    if whole && let Err(error) = report::keep(&page, &raw) {
        eprintln!("qps: cannot write the report: {error}");
        return ExitCode::FAILURE;
    }
    if run.samples.is_empty() {
        eprintln!("qps: nothing was measured");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures a quiet sandbox's look-ups while another floods.
fn flood(rounds: u64) -> ExitCode {
    if !stage::is_inside() {
        return stage::enter();
    }
    let measured = peer::settle().and_then(|()| flood::measure(rounds));
    let kept = measured.and_then(|page| {
        println!("{page}");
        flood::keep(&page).map_err(|error| format!("cannot write the report: {error}"))
    });
    match kept {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("qps: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; also whether it asks for the whole run.
fn plan(words: Vec<String>) -> Result<(Plan, bool), String> {
    let whole = words.is_empty();
    let mut plan = Plan::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{word} {value}: not a number above 0")),
        };
        match word.as_str() {
            "--only" => plan.cases = Case::chosen(&value)?,
            "--peers" => plan.peers = peer::chosen(&value)?,
            "--rounds" => plan.rounds = number()?,
            "--seconds" => plan.seconds = number()?,
            _ => return Err(format!("{word} is no flag")),
        }
    }
    Ok((plan, whole))
}
