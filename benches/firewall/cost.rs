//! What a peer's programs hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What some processes hold, and what they have done.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// How many there are.
    pub processes: usize,
    /// Their memory, of what several share the part of each (`Pss`), in KiB.
    pub kib: u64,
    /// Their open files and sockets.
    pub descriptors: usize,
    /// What their living threads have run.
    pub cpu: Duration,
}

/// Sums up the processes of this pid namespace whose command line contains one of these texts.
pub fn of(programs: &[&str]) -> Cost {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let matching = processes.filter(|process| {
        let words = fs::read(process.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        programs.iter().any(|program| words.contains(program))
    });
    matching.fold(Cost::default(), |sum, process| Cost {
        processes: sum.processes + 1,
        kib: sum.kib + pss(&process),
        descriptors: sum.descriptors + entries(&process.join("fd")).len(),
        cpu: sum.cpu + spent(&process),
    })
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn pss(process: &Path) -> u64 {
    let text = fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn spent(process: &Path) -> Duration {
    let nanoseconds = entries(&process.join("task")).into_iter().filter_map(|task| {
        let text = fs::read_to_string(task.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}
