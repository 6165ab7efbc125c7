//! Looking at a namespace before it becomes a sandbox: it is one, it is not the host's, its process lives.

use super::{KernelError, Looked, netns, sys};
use crate::model::{AttachTo, Origin, Refusal};
use crate::plan::Place;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Opens and checks what a request names. `host` is the identity of the host's own namespace.
pub(super) fn look(attach: &AttachTo, host: (u64, u64)) -> Result<Looked, KernelError> {
    let (origin, pidfd) = match attach {
        AttachTo::Init(pid) | AttachTo::Shared(pid) => (Origin::Init(*pid), Some(process(*pid)?)),
        AttachTo::Pid(pid) => (Origin::Pid(*pid), Some(process(*pid)?)),
        AttachTo::Netns(path) => (Origin::Netns(path.clone()), None),
    };
    let netns = namespace(&origin)?;
    if netns == host && !matches!(attach, AttachTo::Shared(_)) {
        return Err(Refusal::HostNamespace(shown(&origin)).into());
    }
    // The pid that the path went through was the pidfd's only if that process has not ended since.
    if let (Some(pid), Some(pidfd)) = (origin.pid(), &pidfd)
        && has_ended(pidfd.as_fd())
    {
        return Err(Refusal::NoSuchProcess(pid).into());
    }
    Ok(Looked { place: Place { origin, netns }, pidfd })
}

fn process(pid: i32) -> Result<OwnedFd, KernelError> {
    let missing = || KernelError::from(Refusal::NoSuchProcess(pid));
    let raw = Some(pid).filter(|pid| *pid > 0).and_then(Pid::from_raw).ok_or_else(missing)?;
    pidfd_open(raw, PidfdFlags::empty()).map_err(|errno| match errno {
        Errno::SRCH | Errno::INVAL | Errno::NOENT => missing(),
        _ => KernelError::Socket { what: "a pidfd", source: errno.into() },
    })
}

fn shown(origin: &Origin) -> String {
    match origin {
        Origin::Init(pid) | Origin::Pid(pid) => format!("process {pid}"),
        Origin::Netns(path) => path.display().to_string(),
    }
}

fn namespace(origin: &Origin) -> Result<(u64, u64), KernelError> {
    let path = origin.key();
    let failed = |source: io::Error| KernelError::Namespace { path: path.clone(), source };
    let ns =
        netns::open_file(&path).map_err(|error| match (error.raw_os_error(), origin.pid()) {
            (Some(libc::EACCES | libc::EMFILE | libc::ENFILE), _) => failed(error),
            (_, Some(pid)) => Refusal::NoSuchProcess(pid).into(),
            (_, None) => Refusal::NotANamespace(shown(origin)).into(),
        })?;
    let is_nsfs =
        fstatfs(&ns).map_err(|errno| failed(errno.into()))?.filesystem_type() == NSFS_MAGIC;
    if !is_nsfs || !sys::is_netns(ns.as_fd()) {
        return Err(Refusal::NotANamespace(shown(origin)).into());
    }
    netns::identity(&ns).map_err(failed)
}

/// Whether a pidfd's process has ended, also if nobody has reaped it yet.
fn has_ended(pidfd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}
