//! Orphans: inits and resolvers that an earlier manager of this run directory has started, and this one knows nothing of, as
//! the record of them is lost. What they hold open says whose they are.

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A process that nobody knows.
pub(super) struct Orphan {
    /// What it is.
    pub what: &'static str,
    /// Its pid, for people.
    pub pid: i32,
    /// What it is ended by.
    pub process: Arc<OwnedFd>,
}

/// Finds them, but for these pids. Whoever is just about to attach has begun after this manager, and is none.
pub(super) fn find(run_dir: &Path, known: &BTreeSet<i32>) -> Vec<Orphan> {
    let ours = Ours::of(run_dir);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let unknown = pids.filter(|pid| !known.contains(pid));
    let orphan = |pid: i32| {
        let what = ours.kind(pid)?;
        let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // What was looked at may have ended, and another one have its pid.
        (ours.kind(pid)? == what).then(|| Orphan { what, pid, process: Arc::new(process) })
    };
    unknown.filter_map(orphan).collect()
}

/// What processes of ours hold open.
struct Ours {
    exits: PathBuf,
    resolver: BTreeSet<String>,
    began: u64,
}

impl Ours {
    fn of(run_dir: &Path) -> Self {
        let exits = fs::canonicalize(run_dir).unwrap_or(run_dir.to_owned()).join("exits");
        let socket = run_dir.join("resolver.sock").display().to_string();
        let listed = fs::read_to_string("/proc/thread-self/net/unix").unwrap_or_default();
        let bound = listed.lines().filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let inode = fields.nth(6)?;
            (fields.next()? == socket).then(|| format!("socket:[{inode}]"))
        });
        let began = began(std::process::id() as i32).unwrap_or(0);
        Self { exits, resolver: bound.collect(), began }
    }

    fn kind(&self, pid: i32) -> Option<&'static str> {
        if began(pid)? >= self.began {
            return None;
        }
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let mut open =
            fds.filter_map(|fd| fs::read_link(fd.path()).ok()?.into_os_string().into_string().ok());
        let init = is_init(pid);
        open.find_map(|to| {
            let file = Path::new(to.strip_suffix(" (deleted)").unwrap_or(&to));
            let writes_its_end = init && file.parent() == Some(&self.exits);
            let kinds = [(writes_its_end, "sandbox"), (self.resolver.contains(&to), "resolver")];
            kinds.into_iter().find_map(|(is, what)| is.then_some(what))
        })
    }
}

/// Whether a process is the first of a pid namespace below ours.
fn is_init(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let pids: Vec<&str> = pids.unwrap_or_default().split_ascii_whitespace().collect();
    pids.len() > 1 && pids.last() == Some(&"1")
}

/// Returns when a process began, in ticks since the boot (proc_pid_stat(5), field 22).
fn began(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}
