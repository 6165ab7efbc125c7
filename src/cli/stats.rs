//! `stats`: what sandboxes have sent and received: once, or on a terminal again and again until it is interrupted. What is
//! shown stands in [`COLUMNS`] alone.

use super::outcome::{Failure, Outcome, each};
use super::print::{self, Format};
use crate::api::call::{InspectSandbox, ListStats};
use crate::api::client::Client;
use crate::api::view::{Flow, Stats};
use clap::Args;
use std::io::{self, IsTerminal};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How often what a terminal shows is read anew.
const INTERVAL: Duration = Duration::from_secs(1);

/// Clears a terminal and goes to its corner.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Flags of `stats`.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Stopped ones too
    #[arg(short, long)]
    all: bool,
    /// How the output looks
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show it once, on a terminal too
    #[arg(long)]
    no_stream: bool,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
    /// Names, ids or id prefixes; those that run without any
    sandbox: Vec<String>,
}

/// A heading, and what stands below it.
type Column = (&'static str, fn(&Stats) -> String);

/// The table's columns but the first, which is the id.
const COLUMNS: [Column; 9] = [
    ("NAME", |stats| stats.name.clone()),
    ("NETWORKS", |stats| {
        stats.links.iter().map(|link| link.network.as_str()).collect::<Vec<_>>().join(",")
    }),
    ("RECEIVED", |stats| size(received(stats, |flow| flow.bytes))),
    ("PACKETS", |stats| received(stats, |flow| flow.packets).to_string()),
    ("SENT", |stats| size(sent(stats, |flow| flow.bytes))),
    ("PACKETS", |stats| sent(stats, |flow| flow.packets).to_string()),
    ("LOST", |stats| {
        let lost = |flow: &Flow| flow.dropped + flow.errors;
        (received(stats, lost) + sent(stats, lost)).to_string()
    }),
    ("QUERIES", |stats| stats.dns.queries.to_string()),
    ("FORWARDED", |stats| stats.dns.forwarded.to_string()),
];

/// Shows what sandboxes have carried; 1 if one that was named is not there.
pub fn stats(args: &StatsArgs, client: &Client) -> Outcome {
    let mut wanted = Vec::new();
    let code = each(&args.sandbox, |name| {
        wanted.push(client.call(InspectSandbox { sandbox: name.clone() })?.id);
        Ok(())
    })?;
    if wanted.is_empty() && !args.sandbox.is_empty() {
        return Ok(code);
    }
    let live = io::stdout().is_terminal() && !args.no_stream;
    loop {
        let mut stats = client.call(ListStats {})?;
        stats.retain(|stats| match wanted.is_empty() {
            true => args.all || stats.running,
            false => wanted.contains(&stats.id),
        });
        stats.sort_by(|a, b| a.name.cmp(&b.name));
        show(&stats, args, live)?;
        if !live {
            return Ok(code);
        }
        std::thread::sleep(INTERVAL);
    }
}

fn show(stats: &[Stats], args: &StatsArgs, live: bool) -> Result<(), Failure> {
    if args.format == Format::Json {
        return print::json_lines(stats);
    }
    let clear = if live { CLEAR } else { "" };
    print::emit(&format!("{clear}{}", table(stats, args.no_trunc)))
}

fn table(stats: &[Stats], no_trunc: bool) -> String {
    const WIDTH: usize = COLUMNS.len() + 1;
    let mut heading = ["SANDBOX ID"; WIDTH];
    heading[1..].copy_from_slice(&COLUMNS.map(|(heading, _)| heading));
    let row = |stats: &Stats| -> [String; WIDTH] {
        let id = if no_trunc { &stats.id } else { stats.id.get(..12).unwrap_or(&stats.id) };
        std::array::from_fn(|at| match at {
            0 => id.to_owned(),
            at => COLUMNS[at - 1].1(stats),
        })
    };
    print::aligned(heading, &stats.iter().map(row).collect::<Vec<_>>())
}

fn received(stats: &Stats, of: impl Fn(&Flow) -> u64) -> u64 {
    stats.links.iter().map(|link| of(&link.received)).sum()
}

fn sent(stats: &Stats, of: impl Fn(&Flow) -> u64) -> u64 {
    stats.links.iter().map(|link| of(&link.sent)).sum()
}

/// Writes a number of bytes as Docker does: `1.23kB`, three digits that count.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        _ if unit == 0 => 0,
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}{}", UNITS[unit])
}
