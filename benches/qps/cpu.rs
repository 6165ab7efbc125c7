//! How long processes have run.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
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

/// Returns what this thread, or all children that have ended, spent, kernel included.
pub fn of(whom: UsageWho) -> Duration {
    let Ok(usage) = getrusage(whom) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
