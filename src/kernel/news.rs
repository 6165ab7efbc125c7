//! What the kernel tells whoever listens: a netlink socket that is a member of groups.

use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, TokioSocket};
use std::io;

/// Room for one datagram, in bytes.
const DATAGRAM: usize = 64 << 10;

/// A listener in one network namespace.
pub(super) struct News {
    socket: TokioSocket,
    datagram: Vec<u8>,
}

impl News {
    /// Listens from now on, in the namespace of the calling thread, which is inside a runtime. Up to `queue` bytes wait to
    /// be read; without the right to that the kernel's default holds.
    pub(super) fn listen(protocol: isize, groups: &[u32], queue: usize) -> io::Result<Self> {
        let mut socket = TokioSocket::new(protocol)?;
        socket.socket_mut().bind_auto()?;
        for group in groups {
            socket.socket_mut().add_membership(*group)?;
        }
        let news = Self { socket, datagram: Vec::with_capacity(DATAGRAM) };
        news.set_queue(queue);
        Ok(news)
    }

    /// Sets how many bytes wait to be read, if there is a right to.
    pub(super) fn set_queue(&self, bytes: usize) {
        setsockopt(self.socket.socket_ref(), RcvBufForce, &bytes).ok();
    }

    /// Waits for the next datagram. What [`is_lost`] tells is an error like others.
    pub(super) async fn next(&mut self) -> io::Result<&[u8]> {
        self.datagram.clear();
        self.socket.recv(&mut self.datagram).await?;
        Ok(&self.datagram)
    }

    /// Returns a datagram that need not be waited for.
    pub(super) fn queued(&mut self) -> Option<io::Result<&[u8]>> {
        self.datagram.clear();
        match self.socket.socket_ref().recv(&mut self.datagram, libc::MSG_DONTWAIT) {
            Ok(_) => Some(Ok(&self.datagram)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Whether an error says that the kernel had more to tell than the queue holds.
pub(super) fn is_lost(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}
