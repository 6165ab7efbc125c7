//! Spawn: how the manager starts a resolver process. What runs in it is `process`.

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A resolver that was started and is still to be reaped.
#[derive(Debug)]
pub struct Spawned {
    /// The process, for its id and for reaping it.
    pub child: Child,
    /// Its pidfd, for noticing its end and for signals that reach no other process.
    pub pidfd: OwnedFd,
}

/// Starts `exe resolver --fd 0` with the listening channel socket as its standard input, the way inetd does: so no other
/// descriptor has to survive the exec. Logs go to `log`.
pub fn spawn(exe: &Path, listener: &OwnedFd, log: Stdio) -> io::Result<Spawned> {
    let mut child = Command::new(exe)
        .args(["resolver", "--fd", "0"])
        .stdin(listener.try_clone()?)
        .stdout(Stdio::null())
        .stderr(log)
        .env_clear()
        .envs(std::env::var_os("RUST_LOG").map(|filter| ("RUST_LOG", filter)))
        .current_dir("/")
        .spawn()?;
    let pid = Pid::from_child(&child);
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Spawned { child, pidfd }),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error.into())
        }
    }
}
