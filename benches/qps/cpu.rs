//! How long processes have run.

use std::fs;
use std::time::Duration;

/// Sums the time on a processor of all threads of some processes. A thread that has ended no longer counts.
pub fn spent(pids: &[u32]) -> Duration {
    let tasks = pids.iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).ok());
    let tasks = tasks.flatten().flatten().map(|task| task.path().join("schedstat"));
    let nanoseconds = tasks.filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}
