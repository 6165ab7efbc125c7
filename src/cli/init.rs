//! The init: process 1 of a sandbox that `run` made. It waits to be attached, arranges its mounts, starts the command
//! as its child, reaps, forwards signals, keeps a bounded log when detached, and ends with the command's status, which
//! it writes where the manager finds it. It never talks to the manager, and outlives it.

mod capability;
mod log;
mod mounts;
mod process;
mod signals;

#[cfg(test)]
mod tests;

pub use capability::drop_to_default;
pub use mounts::as_ip_netns;
pub use process::{clone_init, close_others_on_exec, fork, open_process};
pub use signals::{Signals, attend};

use super::outcome::Failure;
use super::program::Program;
use super::run::REFUSED;
use crate::api::call::Attached;
use log::Log;
use mounts::Place;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_dumpable;
use nix::unistd::{Pid, close, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

/// What the init holds when it is cloned: it opens nothing of the host's afterwards.
pub struct Init {
    /// The command.
    pub program: Program,
    /// All capabilities, writable /proc/sys and /sys.
    pub privileged: bool,
    /// Its network namespace is nobody else's.
    pub own_network: bool,
    /// Sysctls of its network namespace.
    pub sysctls: BTreeMap<String, String>,
    /// Masked.
    pub run_dir: PathBuf,
    /// Masked.
    pub state_dir: PathBuf,
    /// What it is, as JSON, when it may go on; nothing when it must not.
    pub go: PipeReader,
    /// Why the command could not be started; closed without a word when it could.
    pub report: PipeWriter,
    /// Where the exit code goes, as decimal text.
    pub exit_file: File,
    /// The directory of the log; without one the command has the caller's stdio.
    pub logs: Option<File>,
}

/// A failure on its way through the pipe.
#[derive(Serialize, Deserialize)]
struct Report {
    text: String,
    hint: Option<String>,
    code: u8,
}

/// Reads what came through the pipe; nothing came when all is well.
pub fn read_report(bytes: &[u8]) -> Option<Failure> {
    if bytes.is_empty() {
        return None;
    }
    let unreadable = |error| Failure::new(format!("the sandbox's init failed: {error}"));
    let told = |report: Report| Failure {
        hint: report.hint,
        ..Failure::new(report.text).code(report.code)
    };
    Some(serde_json::from_slice(bytes).map_or_else(unreadable, told))
}

/// Tells the process that started this one why there is no command, and ends.
pub fn fail(report: &mut PipeWriter, failure: Failure) -> ! {
    let Failure { text, hint, code, general: _ } = failure;
    let bytes = serde_json::to_vec(&Report { text, hint, code }).expect("plain data");
    report.write_all(&bytes).ok();
    std::process::exit(code.into())
}

impl Init {
    /// Is the init; never returns.
    pub fn run(self, signals: Signals) -> ! {
        let Self {
            program,
            privileged,
            own_network,
            sysctls,
            run_dir,
            state_dir,
            mut go,
            mut report,
            mut exit_file,
            logs,
        } = self;
        let mut text = Vec::new();
        let attached: Attached =
            match go.read_to_end(&mut text).map(|_| serde_json::from_slice(&text)) {
                Ok(Ok(attached)) => attached,
                // The CLI is gone, or was refused and will kill us.
                _ => std::process::exit(REFUSED.into()),
            };
        drop(go);
        let signals = signals
            .block_all()
            .unwrap_or_else(|error| fail(&mut report, Failure::doing("block signals", error)));
        let place = Place {
            run_dir: &run_dir,
            state_dir: &state_dir,
            privileged,
            own_network,
            sysctls: &sysctls,
        };
        let mut log = settle(
            &place,
            &attached,
            logs,
            &[exit_file.as_raw_fd(), report.as_raw_fd(), signals.as_fd().as_raw_fd()],
        )
        .unwrap_or_else(|failure| fail(&mut report, failure));

        let command = match fork() {
            Ok(Some(pid)) => pid,
            Ok(None) => {
                if let Some(log) = &log {
                    log.take_stdio().and_then(|()| program.own_output()).unwrap_or_else(|error| {
                        fail(&mut report, Failure::doing("redirect the output", error))
                    });
                }
                start(&program, &signals, report)
            }
            Err(error) => fail(&mut report, Failure::doing("fork", error)),
        };
        drop(report);
        if let Some(log) = &mut log {
            log.close_writers();
        }
        let code = serve(command, signals, log.as_mut());
        // The manager takes an empty file for a killed init.
        write!(exit_file, "{code}").ok();
        std::process::exit(code.into())
    }
}

/// Makes the process what the sandbox is: host name, mounts, capabilities, and with a log its own session.
fn settle(
    place: &Place,
    attached: &Attached,
    logs: Option<File>,
    keep: &[RawFd],
) -> Result<Option<Log>, Failure> {
    nix::unistd::sethostname(&attached.hostname)
        .map_err(|error| Failure::doing("set the host name", error))?;
    mounts::arrange(place, attached)?;
    if !place.privileged {
        capability::drop_to_default()
            .map_err(|error| Failure::doing("drop capabilities", error))?;
    }
    // What it holds of the host's, as the directory of the logs, is not for the sandbox's programs: without this they
    // find it in /proc/1/fd, and the way from there to netdns's own directories. An exec undoes it.
    set_dumpable(false)
        .map_err(|error| Failure::doing("hide the init from the sandbox's programs", error))?;
    let Some(dir) = logs else { return Ok(None) };
    let kept = [keep, &[dir.as_raw_fd()]].concat();
    leave_terminal(&kept).map_err(|error| Failure::doing("leave the terminal", error))?;
    let log = Log::open(dir, &attached.id);
    log.map(Some).map_err(|error| Failure::doing("open the log", error))
}

/// Leaves the caller's session, terminal, pipes and locks, so that who waits for them to close need not wait for us.
pub fn leave_terminal(keep: &[RawFd]) -> io::Result<()> {
    setsid()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let ours = |fd: &RawFd| *fd <= 2 || *fd == null.as_raw_fd() || keep.contains(fd);
    for fd in open.into_iter().filter(|fd| !ours(fd)) {
        // The directory that was read is among them, and closed already.
        close(fd).ok();
    }
    Ok(())
}

/// Becomes the command.
pub fn start(program: &Program, signals: &Signals, mut report: PipeWriter) -> ! {
    let failure = match signals.restore() {
        Ok(()) => program.exec(),
        Err(error) => Failure::doing("restore signals", error),
    };
    fail(&mut report, failure)
}

/// Reaps, forwards signals and writes the log until the command ends; returns its exit code.
fn serve(command: Pid, mut signals: Signals, mut log: Option<&mut Log>) -> u8 {
    loop {
        wait(&signals, log.as_deref());
        if let Some(log) = log.as_deref_mut() {
            log.pump();
        }
        while let Some(signal) = signals.next() {
            signal.forward(command);
        }
        if let Some(code) = reap(command) {
            if let Some(log) = log {
                log.finish();
            }
            return code;
        }
    }
}

/// Waits until a signal or output is there.
fn wait(signals: &Signals, log: Option<&Log>) {
    let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    fds.extend(
        log.iter().flat_map(|log| log.readers()).map(|fd| PollFd::new(fd, PollFlags::POLLIN)),
    );
    // An interrupted wait is as good as one that ended.
    poll(&mut fds, PollTimeout::NONE).ok();
}

/// Reaps every child that has ended; returns the command's exit code if it is among them.
fn reap(command: Pid) -> Option<u8> {
    let mut code = None;
    while let Ok(Some((pid, status))) = process::ended(None) {
        if pid == command {
            code = Some(exit_code(status));
        }
    }
    code
}

/// Returns the exit code of a process that has ended: its own, or 128 and the signal's number.
fn exit_code(status: ExitStatus) -> u8 {
    let signalled = || 128 + status.signal().unwrap_or_default();
    status.code().unwrap_or_else(signalled) as u8
}
