//! The question about namespaces that neither nix nor rustix asks. The only unsafe code of this module.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Whether a descriptor on nsfs is of a network namespace.
pub(super) fn is_netns(ns: BorrowedFd<'_>) -> bool {
    // SAFETY: NS_GET_NSTYPE takes no argument and returns an integer; the descriptor is borrowed for the call.
    let kind = unsafe { libc::ioctl(ns.as_raw_fd(), libc::NS_GET_NSTYPE) };
    kind == libc::CLONE_NEWNET
}
