//! How long it takes until a namespace is on a network and its name resolves, beside Docker, netavark and `ip`.
//!
//! ```text
//! cargo bench --bench attach              # all of it: some minutes; writes README.md and raw.txt beside this file
//! cargo bench --bench attach -- --quick   # two rounds with one endpoint; prints only
//! ```
//!
//! Needs root and Debian's packages docker.io, netavark, aardvark-dns, busybox-static, iptables, iproute2 and
//! util-linux; it installs nothing. `NETDNS_BENCH_PACKAGES` names a directory into which the middle three were unpacked
//! instead (`dpkg -x`). What is missing becomes a row that says so. Everything lives in namespaces that end with the
//! program. The peers take turns within each round, so that what else the machine does hits all of them.

mod asker;
mod host;
mod measure;
mod peer;
mod report;
mod stage;

use measure::{Level, measure};
use std::process::ExitCode;

/// What a full run measures: so many endpoints present, so many rounds.
const LEVELS: [usize; 3] = [1, 100, 500];
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let quick = std::env::args().any(|word| word == "--quick");
    if !stage::is_inside() {
        return stage::enter();
    }
    let (levels, rounds) = if quick { (&LEVELS[..1], 2) } else { (&LEVELS[..], ROUNDS) };
    let levels: Vec<Level> =
        levels.iter().map(|endpoints| Level::new(*endpoints, rounds)).collect();
    let run = measure(&levels);
    let (table, raw) = (report::table(&run), report::raw(&run));
    println!("{table}");
    if !quick && let Err(error) = report::keep(&table, &raw) {
        eprintln!("attach: cannot write the report: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
