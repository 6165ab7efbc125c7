//! The table, every figure of which is computed from the raw samples, and the raw samples.

use super::measure::{Act, Run};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const INTRODUCTION: &str = "# Attach, detach, run

Made by `cargo bench --bench attach` (see `benches/attach/main.rs` for what it needs); every figure is computed from
`benches/attach/raw.txt`. Times are those of whole processes, in milliseconds, as a user waits for them: `netdns attach`,
`netavark setup`, `docker network connect`, and for the bare kernel two `ip -batch` with the same netlink operations (no
address management, record, firewall or names). \"Name resolves\" is from the start of that process until a query from
another sandbox was answered with an address; one that was not after 1 s counts as 1 s. aardvark-dns 1.4.0 at times does not
answer for seconds when it is asked while it reloads; why was not looked into, so take its figures there with care. Each
peer has a network namespace as its host; they take turns in every round, each with namespaces that were made before
the first of them is attached and are removed after the last was detached.
";

/// Renders the report.
pub fn table(run: &Run) -> String {
    let mut text = String::from(INTRODUCTION);
    write_machine(&mut text, run);
    for (act, title) in [
        (Act::Attach, "Attach"),
        (Act::Known, "Attach, until the name resolves"),
        (Act::Detach, "Detach"),
        (Act::Run, "Run in the background (`run -d`)"),
    ] {
        write_act(&mut text, run, act, title);
    }
    write_ratios(&mut text, run);
    write_memory(&mut text, run);
    text
}

/// Renders every sample: endpoints, round, peer, act, microseconds.
pub fn raw(run: &Run) -> String {
    let mut text = String::from("# endpoints\tround\tpeer\tact\tmicroseconds of each sample\n");
    for row in &run.rows {
        for (act, samples) in &row.samples {
            let samples: Vec<_> = samples.iter().map(|took| took.as_micros().to_string()).collect();
            let samples = samples.join(" ");
            push(
                &mut text,
                format_args!(
                    "{}\t{}\t{}\t{act:?}\t{samples}\n",
                    row.endpoints, row.round, row.peer
                ),
            );
        }
    }
    text.push_str("# endpoints\tprogram\tresident KiB\n");
    for resident in &run.resident {
        let (endpoints, program, kib) = (resident.endpoints, resident.program, resident.kib);
        push(&mut text, format_args!("{endpoints}\t{program}\t{kib}\n"));
    }
    for (peer, endpoints, why) in &run.unable {
        push(&mut text, format_args!("# {peer} ended at {endpoints} endpoints: {why}\n"));
    }
    text
}

/// Writes both files.
pub fn keep(table: &str, raw: &str) -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/attach");
    fs::write(dir.join("README.md"), table)?;
    fs::write(dir.join("raw.txt"), raw)
}

fn write_machine(text: &mut String, run: &Run) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find(|line| line.starts_with("model name"));
    let cpu =
        cpu.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let date = Command::new("date").args(["-u", "+%F"]).output().map(|output| output.stdout);
    let date = String::from_utf8(date.unwrap_or_default()).unwrap_or_default();
    let versions: Vec<&str> = run.peers.iter().map(|(_, version)| version.as_str()).collect();
    push(
        text,
        format_args!("\n* {}; {cores} cores, {cpu}; Linux {}\n", date.trim(), kernel.trim()),
    );
    push(text, format_args!("* {}\n", versions.join("; ").replace('\n', " ")));
    let stat = read("/proc/self/stat");
    let nice = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(16));
    let (nice, [before, after]) = (nice.unwrap_or("?"), &run.load);
    push(
        text,
        format_args!(
            "* load average {before} before, {after} after; everything at niceness {nice}\n"
        ),
    );
}

fn write_act(text: &mut String, run: &Run, act: Act, title: &str) {
    push(
        text,
        format_args!("\n## {title}\n\n| endpoints present | peer | p50 ms | p99 ms | samples |\n"),
    );
    text.push_str("|---|---|---|---|---|\n");
    for endpoints in levels(run) {
        for peer in peers(run) {
            let samples = samples(run, endpoints, peer, act);
            if samples.is_empty() {
                continue;
            }
            let (p50, p99, count) = (rank(&samples, 50), rank(&samples, 99), samples.len());
            push(
                text,
                format_args!("| {endpoints} | {peer} | {} | {} | {count} |\n", ms(p50), ms(p99)),
            );
        }
        for (peer, from, why) in run.unable.iter().filter(|(_, from, _)| *from <= endpoints) {
            let why = why.replace('|', "/");
            push(
                text,
                format_args!("| {endpoints} | {peer} | not measured from {from} on: {why} | | |\n"),
            );
        }
    }
}

fn write_ratios(text: &mut String, run: &Run) {
    text.push_str("\n## Ratios of medians\n\n| what | ratio |\n|---|---|\n");
    let median = |endpoints, peer, act| {
        let samples = samples(run, endpoints, peer, act);
        (!samples.is_empty()).then(|| rank(&samples, 50).as_secs_f64())
    };
    let levels: Vec<usize> = levels(run).into_iter().collect();
    let (Some(least), Some(most)) = (levels.first(), levels.last()) else { return };
    if least != most
        && let Some((many, few)) =
            median(*most, "netdns", Act::Attach).zip(median(*least, "netdns", Act::Attach))
    {
        push(
            text,
            format_args!("| netdns attach, {most} endpoints : {least} | {:.2} |\n", many / few),
        );
    }
    for endpoints in &levels {
        for peer in peers(run).into_iter().filter(|peer| *peer != "netdns") {
            // Of the time until a name resolves there is no ratio: aardvark-dns is silent for seconds at times.
            let both = median(*endpoints, peer, Act::Attach).zip(median(
                *endpoints,
                "netdns",
                Act::Attach,
            ));
            let Some((theirs, ours)) = both else { continue };
            let ratio = theirs / ours;
            push(
                text,
                format_args!("| attach, {endpoints} endpoints, {peer} : netdns | {ratio:.1} |\n"),
            );
        }
    }
}

fn write_memory(text: &mut String, run: &Run) {
    text.push_str("\n## Resident memory\n\n| program | endpoints present | MB | KiB an endpoint more |\n|---|---|---|---|\n");
    for resident in &run.resident {
        let same = run.resident.iter().filter(|other| other.program == resident.program);
        // The first figure that is not nothing is what the rest grew from.
        let base = same.into_iter().find(|other| other.kib > 0);
        let more = base.filter(|base| resident.endpoints > base.endpoints).map(|base| {
            let grown = resident.kib.saturating_sub(base.kib) as f64;
            format!("{:.1}", grown / (resident.endpoints - base.endpoints) as f64)
        });
        let megabytes = resident.kib as f64 * 1024.0 / 1e6;
        let (program, endpoints) = (resident.program, resident.endpoints);
        push(
            text,
            format_args!(
                "| {program} | {endpoints} | {megabytes:.1} | {} |\n",
                more.unwrap_or_default()
            ),
        );
    }
}

fn levels(run: &Run) -> BTreeSet<usize> {
    run.rows.iter().map(|row| row.endpoints).collect()
}

fn peers(run: &Run) -> Vec<&'static str> {
    run.peers.iter().map(|(name, _)| *name).collect()
}

/// Returns a peer's samples of all rounds, in ascending order.
fn samples(run: &Run, endpoints: usize, peer: &str, act: Act) -> Vec<Duration> {
    let rows = run.rows.iter().filter(|row| row.endpoints == endpoints && row.peer == peer);
    let mut samples: Vec<_> =
        rows.filter_map(|row| row.samples.get(&act)).flatten().copied().collect();
    samples.sort();
    samples
}

/// Returns a percentile by nearest rank; of few samples, the 99th is the greatest.
fn rank(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

fn ms(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f64() * 1e3)
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a String does not fail");
}
