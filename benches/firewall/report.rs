//! The tables, every figure of which is computed from the raw samples, and the raw samples.

use super::apply::Applied;
use super::case::Case;
use super::ground::BY_HAND;
use super::path::{Carried, What};
use super::{Plan, Run};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

const INTRODUCTION: &str = "# Ports and rules

Made by `cargo bench --bench firewall` (see `main.rs` for what it needs); every figure is computed from [raw.txt](raw.txt).
Figures are medians. Whoever is compared has a network namespace as its host; they take turns in every round.
";

const APPLY: &str = "
## Ports: time, memory, descriptors

Times are those of whole processes, in milliseconds, as a user waits for them: `netdns run -d -p ...` and `docker run -d -p
...`. \"The ports\" is what that takes more than the same without a port, a moment before. Memory (of what processes share,
the part of each), descriptors and processes are what the long-running programs have more while the sandbox is there:
netdns's daemon and resolver; dockerd, containerd and a docker-proxy for each port. Docker is asked for 100 ports where
netdns is asked for 1,000.

| case | | ports | run ms | the ports ms | end ms | memory KiB | descriptors | processes |
|---|---|---|---|---|---|---|---|---|
";

const ENDPOINTS: &str = "
## The last sandbox's port beside the first's

Sandboxes with a port each are there; one more is started and ended, without a port and with one. \"The port\" is the
difference; \"CPU\" is what the long-running programs ran for the command that starts it. Docker is not asked for more than
50 sandboxes.

| | present | run ms | with a port ms | the port ms | CPU ms | with a port | the port |
|---|---|---|---|---|---|---|---|
";

const PATH: &str = "
A ruleset written by hand that does the same for two ports and nothing more (`ground.rs`) is what netdns is compared with:
the ratio is the median of the rounds' ratios, and 0.95 or more is what is asked of netdns with default settings. Streams are
iperf3's; connections are made one after the other, each accepted and reset. With `guard=off` the bridge's table looks at a
frame's port alone. With `expose=enforce` neighbours are routed by the host.

";

/// Renders the report.
pub fn page(plan: &Plan, run: &Run) -> String {
    let mut text = String::from(INTRODUCTION);
    machine(&mut text, plan, run);
    apply(&mut text, run);
    endpoints(&mut text, run);
    for (case, title) in [
        (Case::Published, "From beyond the host, through a published port"),
        (Case::Neighbours, "From a neighbour"),
    ] {
        path(&mut text, run, case, title);
    }
    for (who, case, why) in &run.unable {
        let _ = writeln!(text, "\nNot measured: {who}, from `{}` on: {why}", case.name());
    }
    text
}

/// Renders every sample.
pub fn raw(run: &Run) -> String {
    let mut text = String::from(
        "# case\tround\tpeer\tpresent\tports\trun us\tend us\tKiB, descriptors, processes, CPU us: before, with\n",
    );
    for Applied { case, peer, round, present, ports, started, ended, cost } in &run.applied {
        let (started, ended) = (started.as_micros(), ended.as_micros());
        let cost = cost.map(|cost| {
            let cpu = cost.cpu.as_micros();
            format!("{} {} {} {cpu}", cost.kib, cost.descriptors, cost.processes)
        });
        let _ = writeln!(
            text,
            "{}\t{round}\t{peer}\t{present}\t{ports}\t{started}\t{ended}\t{}",
            case.name(),
            cost.join("\t")
        );
    }
    text.push_str("# case\tround\tground\twhat\tbits or connections a second\n");
    for Carried { case, what, ground, round, rate } in &run.carried {
        let _ = writeln!(text, "{}\t{round}\t{ground}\t{what:?}\t{rate:.0}", case.name());
    }
    for (who, case, why) in &run.unable {
        let _ = writeln!(text, "# {who}, {}: {why}", case.name());
    }
    text
}

/// Writes both files.
pub fn keep(page: &str, raw: &str) -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/firewall");
    fs::write(dir.join("README.md"), page)?;
    fs::write(dir.join("raw.txt"), raw)
}

fn machine(text: &mut String, plan: &Plan, run: &Run) {
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
    if !run.versions.is_empty() {
        let _ = writeln!(text, "* {}", run.versions.join("; ").replace('\n', " "));
    }
    let ([before, after], Plan { rounds, seconds, .. }) = (&run.load, plan);
    let _ = writeln!(
        text,
        "* {rounds} rounds, streams and connections for {seconds} s in each; load average {before} before, {after} after"
    );
}

fn apply(text: &mut String, run: &Run) {
    let all = run.applied.iter().filter(|applied| applied.case != Case::Endpoints);
    let rows: BTreeSet<_> =
        all.filter(|a| a.ports > 0).map(|a| (a.case, std::cmp::Reverse(a.peer), a.ports)).collect();
    if !rows.is_empty() {
        text.push_str(APPLY);
    }
    for (case, std::cmp::Reverse(peer), ports) in rows {
        let of = |ports, figure: &dyn Fn(&Applied) -> f64| {
            let all = run.applied.iter();
            let same = all.filter(|a| (a.case, a.peer, a.ports) == (case, peer, ports));
            median(same.map(figure).collect())
        };
        let grown = |figure: &dyn Fn(&super::cost::Cost) -> usize| {
            of(ports, &|a| figure(&a.cost[1]) as f64 - figure(&a.cost[0]) as f64)
        };
        let (with, without) = (of(ports, &run_ms), of(0, &run_ms));
        let _ = writeln!(
            text,
            "| {} | {peer} | {ports} | {with:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} |",
            case.name(),
            with - without,
            of(ports, &|a| a.ended.as_secs_f64() * 1e3),
            grown(&|cost| cost.kib as usize),
            grown(&|cost| cost.descriptors),
            grown(&|cost| cost.processes),
        );
    }
}

fn run_ms(applied: &Applied) -> f64 {
    applied.started.as_secs_f64() * 1e3
}

fn cpu_ms(applied: &Applied) -> f64 {
    let [before, with] = applied.cost.map(|cost| cost.cpu.as_secs_f64() * 1e3);
    with - before
}

fn endpoints(text: &mut String, run: &Run) {
    let all = run.applied.iter().filter(|applied| applied.case == Case::Endpoints);
    let rows: BTreeSet<_> = all.map(|a| (std::cmp::Reverse(a.peer), a.present)).collect();
    if rows.is_empty() {
        return;
    }
    text.push_str(ENDPOINTS);
    let of = |peer, present, ports, figure: &dyn Fn(&Applied) -> f64| {
        let all = run.applied.iter().filter(|applied| applied.case == Case::Endpoints);
        let same = all.filter(|a| (a.peer, a.present, a.ports) == (peer, present, ports));
        median(same.map(figure).collect())
    };
    for (std::cmp::Reverse(peer), present) in &rows {
        let of = |ports, figure| of(peer, *present, ports, figure);
        let [without, with] = [0, 1].map(|ports| of(ports, &run_ms));
        let [idle, busy] = [0, 1].map(|ports| of(ports, &cpu_ms));
        let _ = writeln!(
            text,
            "| {peer} | {present} | {without:.1} | {with:.1} | {:.1} | {idle:.2} | {busy:.2} | {:.2} |",
            with - without,
            busy - idle,
        );
    }
    let ours: Vec<usize> =
        rows.iter().filter(|(peer, _)| peer.0 == "netdns").map(|(_, present)| *present).collect();
    let [none, many] = ours[..] else { return };
    let port =
        |present, figure| of("netdns", present, 1, figure) - of("netdns", present, 0, figure);
    let _ = writeln!(
        text,
        "\nThe port of netdns's sandbox beside {many} costs {:.2} times what the first costs, in CPU {:.2} times (at most 1.5 \
         is asked); the whole command with it {:.2} times.",
        port(many, &run_ms) / port(none, &run_ms),
        port(many, &cpu_ms) / port(none, &cpu_ms),
        of("netdns", many, 1, &run_ms) / of("netdns", none, 1, &run_ms),
    );
}

fn path(text: &mut String, run: &Run, case: Case, title: &str) {
    let carried = || run.carried.iter().filter(|carried| carried.case == case);
    if carried().next().is_none() {
        return;
    }
    let _ = write!(text, "\n## {title} (`{}`)\n", case.name());
    text.push_str(PATH);
    text.push_str("| | stream Gbit/s | to by hand | connections a second | to by hand |\n|---|---|---|---|---|\n");
    let mut grounds: Vec<&str> = Vec::new();
    for Carried { ground, .. } in carried() {
        if !grounds.contains(ground) {
            grounds.push(ground);
        }
    }
    // That which the others are compared with comes first; the names of the others say what is switched.
    grounds.sort_by_key(|ground| (*ground != BY_HAND, *ground));
    for ground in grounds {
        let rates = |ground: &str, what| {
            let same = carried().filter(|c| c.ground == ground && c.what == what);
            same.map(|c| (c.round, c.rate)).collect::<Vec<_>>()
        };
        let cells =
            [(What::Stream, 1e9, 2), (What::Connections, 1.0, 0)].map(|(what, unit, digits)| {
                let (ours, by_hand) = (rates(ground, what), rates(BY_HAND, what));
                let ratios = ours.iter().filter_map(|(round, rate)| {
                    let same = by_hand.iter().find(|(other, _)| other == round)?;
                    Some(rate / same.1)
                });
                let ratio = median(ratios.collect());
                let rate = median(ours.iter().map(|(_, rate)| rate / unit).collect());
                format!("{rate:.digits$} | {ratio:.3}")
            });
        let _ = writeln!(text, "| {ground} | {} |", cells.join(" | "));
    }
}

/// Returns the middle of some figures, or that of both middles; of none, no number.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => (figures[middle - 1] + figures[middle]) / 2.0,
        _ => figures[middle],
    }
}
