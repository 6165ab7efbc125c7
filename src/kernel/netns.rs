//! Entering a network namespace: the only setns of the library.
//!
//! A namespace is entered on a fresh thread that ends there, never on a worker of a runtime, so no thread ever has to find
//! its way back.

use super::KernelError;
use super::rtnl::Rtnl;
use crate::plan::Place;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::fstat;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

/// Runs `work` on a fresh thread inside a network namespace, and waits for it.
///
/// Sockets that it opens belong to that namespace for good. Fails if the thread cannot be started or the namespace not
/// be entered.
pub fn within<T: Send>(ns: BorrowedFd<'_>, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let inside = thread::Builder::new().name("netns".into()).spawn_scoped(scope, || {
            setns(ns, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })?;
        inside.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Runs `work` on a fresh thread in a network namespace of its own, which ends with the thread and what it opened.
pub(super) fn fresh<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let inside = thread::Builder::new().name("netns".into()).spawn_scoped(scope, || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })?;
        inside.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Returns device and inode, which tell one namespace from another while either is open.
pub fn identity(ns: impl AsFd) -> io::Result<(u64, u64)> {
    let stat = fstat(ns)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Opens a sandbox's namespace, if it is still the one that was attached.
pub(super) fn open(place: &Place) -> Result<OwnedFd, KernelError> {
    let path = place.origin.key();
    match open_file(&path).and_then(|ns| Ok((identity(&ns)?, ns))) {
        Ok((identity, ns)) if identity == place.netns => Ok(ns),
        Ok(_) => Err(KernelError::NamespaceChanged { path }),
        Err(source) => Err(KernelError::Namespace { path, source }),
    }
}

/// Opens what may stand for a namespace, without waiting for a writer of a FIFO or taking a terminal.
pub(super) fn open_file(path: &Path) -> io::Result<OwnedFd> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    Ok(OpenOptions::new().read(true).custom_flags(flags).open(path)?.into())
}

/// Runs `work` inside a sandbox's namespace. The calling thread waits.
pub(super) fn enter<T: Send>(
    place: &Place,
    work: impl FnOnce() -> Result<T, KernelError> + Send,
) -> Result<T, KernelError> {
    let ns = open(place)?;
    let failed = |source| KernelError::Namespace { path: place.origin.key(), source };
    within(ns.as_fd(), work).map_err(failed)?
}

/// The same, with a route socket of that namespace.
pub(super) fn talk<T: Send>(
    place: &Place,
    talk: impl FnOnce(&Rtnl) -> Result<T, KernelError> + Send,
) -> Result<T, KernelError> {
    let failed = |source| KernelError::Socket { what: "a route socket in a sandbox", source };
    enter(place, || talk(&Rtnl::open().map_err(failed)?))
}
