//! The tables, every figure of which is computed from the raw samples, and the raw samples.

use super::case::Case;
use super::load::Load;
use super::run::{Run, Sample};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const INTRODUCTION: &str = "# Queries a second

Made by `cargo bench --bench qps` (see `main.rs` for what it needs); every figure is computed from [raw.txt](raw.txt).
Load is dnsperf's, with 4 clients and 50 queries outstanding, from within a sandbox; for the cases of many sandboxes, a
client of our own with 200 sockets and one query outstanding on each. \"Queries a second\" is the median of the rounds,
\"netdns to it\" netdns's figure divided by that of the row. \"CPU\" is what the server's processes spent on a query, the
median again; work that the kernel does for the asker is the asker's, whose own is beside it. p50 and p99 are of a lone client that asks one query
after the other, after the load; with a dead upstream it stops after 8 s. The echo answers each query with one record and
looks at nothing, the rewritten one behind the port rewrite that netdns has in each sandbox; the batched one takes and gives
up to 32 with a system call (`serve/`). The upstream is the batched echo on the host. Docker's resolver asks it from within
the container, netdns from the host. Each peer has a network namespace as its host; they take turns in every round.
";

/// Renders the report.
pub fn page(run: &Run) -> String {
    let mut text = String::from(INTRODUCTION);
    machine(&mut text, run);
    let cases: BTreeSet<Case> = run.samples.iter().map(|sample| sample.case).collect();
    for case in cases {
        let _ = write!(text, "\n## {} (`{}`)\n\n", case.title(), case.name());
        match case {
            Case::Fresh => fresh(&mut text, run),
            Case::Dead => dead(&mut text, run),
            _ => load(&mut text, run, case),
        }
        for (peer, at, why) in &run.unable {
            if at.is_none_or(|at| at == case) {
                let _ = writeln!(text, "| {peer} | not measured: {} |", why.replace('|', "/"));
            }
        }
    }
    text
}

/// Renders every sample.
pub fn raw(run: &Run) -> String {
    let mut text = String::from(
        "# case\tround\tpeer\tcompleted\tlost\ttook us\tserver's cpu us\tasker's cpu us\tresponse codes\tlatencies of a lone client, us\n",
    );
    for Sample { case, round, peer, load, cpu, latencies } in &run.samples {
        let load = load.as_ref().map_or("-\t-\t-\t-\t-\t-".to_owned(), |load| {
            let (took, cpu) = (load.took.as_micros(), cpu.as_micros());
            let asker = load.cpu.as_micros();
            format!("{}\t{}\t{took}\t{cpu}\t{asker}\t{}", load.completed, load.lost, load.codes)
        });
        let latencies: Vec<_> = latencies.iter().map(|took| took.as_micros().to_string()).collect();
        let _ = writeln!(text, "{}\t{round}\t{peer}\t{load}\t{}", case.name(), latencies.join(" "));
    }
    for (peer, case, why) in &run.unable {
        let _ = writeln!(text, "# {peer}, {}: {why}", case.map_or("all cases", Case::name));
    }
    text
}

/// Writes both files.
pub fn keep(page: &str, raw: &str) -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/qps");
    fs::write(dir.join("README.md"), page)?;
    fs::write(dir.join("raw.txt"), raw)
}

fn machine(text: &mut String, run: &Run) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find(|line| line.starts_with("model name"));
    let cpu =
        cpu.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let date = Command::new("date").args(["-u", "+%F"]).output().map(|output| output.stdout);
    let date = String::from_utf8(date.unwrap_or_default()).unwrap_or_default();
    let _ = writeln!(text, "\n* {}; {cores} cores, {cpu}; Linux {}", date.trim(), kernel.trim());
    let versions: Vec<String> =
        run.peers.iter().map(|(_, version)| version.replace('\n', " ")).collect();
    let _ = writeln!(text, "* {}", versions.join("; "));
    let rounds = run.samples.iter().map(|sample| sample.round).max().unwrap_or(0);
    let [before, after] = &run.machine_load;
    let _ = writeln!(
        text,
        "* {rounds} rounds of {} s; load average {before} before, {after} after",
        run.seconds
    );
}

fn load(text: &mut String, run: &Run, case: Case) {
    text.push_str("| | queries a second | netdns to it | CPU us | asker's CPU us | p50 us | p99 us | lost or failed |\n|---|---|---|---|---|---|---|---|\n");
    let rate = |sample: &&Sample| {
        let load = sample.load.as_ref()?;
        Some(load.completed as f64 / load.took.as_secs_f64())
    };
    let a_query = |load: &Load, cpu: Duration| {
        (load.completed > 0).then(|| cpu.as_secs_f64() * 1e6 / load.completed as f64)
    };
    let cost = |sample: &&Sample| a_query(sample.load.as_ref()?, sample.cpu);
    let asker = |sample: &&Sample| a_query(sample.load.as_ref()?, sample.load.as_ref()?.cpu);
    let ours = median(of(run, case, "netdns").iter().filter_map(rate));
    for (peer, _) in &run.peers {
        let samples = of(run, case, peer);
        let Some(theirs) = median(samples.iter().filter_map(rate)) else { continue };
        let ratio = ours.map_or(String::new(), |ours| format!("{:.2}", ours / theirs));
        let cost = median(samples.iter().filter_map(cost)).unwrap_or(0.0);
        let asker = median(samples.iter().filter_map(asker)).unwrap_or(0.0);
        let loads = samples.iter().filter_map(|sample| sample.load.as_ref());
        let lost: u64 = loads.map(|load| load.lost + load.wrong).sum();
        let latencies = sorted(samples.iter().flat_map(|sample| &sample.latencies));
        let (p50, p99) = (shown(&latencies, 50), shown(&latencies, 99));
        let _ = writeln!(
            text,
            "| {peer} | {theirs:.0} | {ratio} | {cost:.2} | {asker:.2} | {p50} | {p99} | {lost} |"
        );
    }
}

fn fresh(text: &mut String, run: &Run) {
    text.push_str("| | p50 us | netdns to it | p99 us |\n|---|---|---|---|\n");
    let all = |peer: &str| {
        let samples = of(run, Case::Fresh, peer);
        sorted(samples.iter().flat_map(|sample| &sample.latencies))
    };
    let ours = all("netdns");
    for (peer, _) in &run.peers {
        let theirs = all(peer);
        if theirs.is_empty() {
            continue;
        }
        let ratio = match ours.is_empty() {
            true => String::new(),
            false => {
                format!("{:.2}", rank(&ours, 50).as_secs_f64() / rank(&theirs, 50).as_secs_f64())
            }
        };
        let (p50, p99) = (shown(&theirs, 50), shown(&theirs, 99));
        let _ = writeln!(text, "| {peer} | {p50} | {ratio} | {p99} |");
    }
}

/// The first look-up of each round is the first that this server ever forwards.
fn dead(text: &mut String, run: &Run) {
    text.push_str("| | first query, median ms | worst ms | after it, p50 ms | p99 ms |\n|---|---|---|---|---|\n");
    for (peer, _) in &run.peers {
        let samples = of(run, Case::Dead, peer);
        let first = sorted(samples.iter().filter_map(|sample| sample.latencies.first()));
        let after = sorted(samples.iter().flat_map(|sample| sample.latencies.iter().skip(1)));
        if first.is_empty() || after.is_empty() {
            continue;
        }
        let cells = [rank(&first, 50), rank(&first, 100), rank(&after, 50), rank(&after, 99)];
        let cells = cells.map(|took| format!("{:.1}", took.as_secs_f64() * 1e3));
        let _ = writeln!(text, "| {peer} | {} |", cells.join(" | "));
    }
}

fn of<'a>(run: &'a Run, case: Case, peer: &str) -> Vec<&'a Sample> {
    run.samples.iter().filter(|sample| sample.case == case && sample.peer == peer).collect()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn sorted<'a>(latencies: impl Iterator<Item = &'a Duration>) -> Vec<Duration> {
    let mut latencies: Vec<Duration> = latencies.copied().collect();
    latencies.sort();
    latencies
}

/// Returns a percentile by nearest rank; of few samples, the 99th is the greatest.
fn rank(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn shown(sorted: &[Duration], percent: usize) -> String {
    if sorted.is_empty() {
        return String::new();
    }
    format!("{:.0}", rank(sorted, percent).as_secs_f64() * 1e6)
}
