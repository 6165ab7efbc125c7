//! Watched: a shared descriptor whose readiness a tokio runtime reports.

use std::io;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A nonblocking descriptor that is watched by the runtime it was made in until it is dropped.
#[derive(Debug)]
pub struct Watched(AsyncFd<Arc<OwnedFd>>);

impl Watched {
    /// Watches a descriptor; to be called within a tokio runtime.
    pub fn new(fd: Arc<OwnedFd>, interest: Interest) -> io::Result<Self> {
        // SAFETY: the Arc keeps the descriptor open and the same while it is registered, since nothing here hands out
        // the AsyncFd mutably or lets it out of this type.
        let watched = unsafe { AsyncFd::register_with_interest(fd, interest) };
        Ok(Self(watched?))
    }
}

impl Deref for Watched {
    type Target = AsyncFd<Arc<OwnedFd>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
