//! Starting and ending the resolver's process.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A process that cannot be confused with another one of the same pid.
#[derive(Debug)]
pub struct Process {
    /// Its pid, for people.
    pub pid: i32,
    fd: OwnedFd,
}

impl Process {
    /// Takes hold of a living process.
    pub fn of(pid: i32) -> io::Result<Self> {
        let raw = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { pid, fd: pidfd_open(raw, PidfdFlags::empty())? })
    }

    /// Ends it, stopped or not; one that has ended already is fine.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.fd, Signal::KILL);
    }
}

/// Starts `netdns resolver` with a listening socket as its standard input, and returns it. A thread waits for it,
/// so that a dead one is no zombie.
pub fn resolver(listener: &OwnedFd, log: &Path) -> io::Result<Process> {
    let log = OpenOptions::new().create(true).append(true).mode(0o640).open(log)?;
    // The link in /proc still leads to this build after an upgrade has replaced the file.
    let mut child = Command::new("/proc/self/exe")
        .arg0("netdns")
        .args(["resolver", "--fd", "0"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(listener.try_clone()?))
        .stdout(Stdio::null())
        .stderr(Stdio::from(log))
        .spawn()?;
    let process = Process::of(child.id() as i32)?;
    std::thread::Builder::new().name("reaper".into()).spawn(move || child.wait())?;
    Ok(process)
}
