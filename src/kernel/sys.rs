//! The question about namespaces that neither nix nor rustix asks, and the signals that they have no word for. The only
//! unsafe code of this module.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Sends a process a signal by its number, which may be a real-time one.
pub fn send_signal(process: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    let (fd, info, flags) = (process.as_raw_fd(), std::ptr::null::<libc::siginfo_t>(), 0);
    // SAFETY: a null siginfo is allowed, the rest are integers; the descriptor is borrowed for the call.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, info, flags) };
    if sent == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether a descriptor on nsfs is of a network namespace.
pub(super) fn is_netns(ns: BorrowedFd<'_>) -> bool {
    // SAFETY: NS_GET_NSTYPE takes no argument and returns an integer; the descriptor is borrowed for the call.
    let kind = unsafe { libc::ioctl(ns.as_raw_fd(), libc::NS_GET_NSTYPE) };
    kind == libc::CLONE_NEWNET
}
