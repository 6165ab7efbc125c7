//! Transport: numbered messages with descriptors over one SOCK_SEQPACKET Unix socket.
//!
//! Both sides use the same [`Connection`]; which one asks is not known here. Received descriptors are close-on-exec from
//! their first moment, and a peer that is gone raises no SIGPIPE.

use super::Watched;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    UCred,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::fs::{Permissions, remove_file, set_permissions};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::Interest;

/// The number of what nobody asked for.
pub const UNASKED: u64 = 0;

/// The longest packet, in bytes: what Linux takes as one in a Unix socket of [`BUFFER`] bytes.
const PACKET: usize = 512 * 1024;

/// The send buffer asked for, in bytes; the default holds no registration of the largest size.
const BUFFER: usize = 1024 * 1024;

/// The most descriptors that one message carries: the kernel's SCM_MAX_FD.
const DESCRIPTORS: usize = 253;

/// What went wrong between manager and resolver.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The socket failed.
    #[error("channel")]
    Io(#[from] io::Error),
    /// A message could not be read; its number is known if at least the envelope could.
    #[error("message {seq:?} on the channel is not understood")]
    Malformed {
        /// The number of the request that it was or answers.
        seq: Option<u64>,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A message lost bytes or descriptors on the way.
    #[error("message on the channel is truncated")]
    Truncated,
    /// The other side has gone.
    #[error("channel is closed")]
    Closed,
}

/// One message as it arrived.
#[derive(Debug)]
pub struct Packet<T> {
    /// The request's number, or [`UNASKED`].
    pub seq: u64,
    /// The message.
    pub message: T,
    /// The descriptors that came with it.
    pub fds: Vec<OwnedFd>,
}

/// One end of a channel; it lives in a tokio runtime.
#[derive(Debug)]
pub struct Connection {
    fd: Watched,
}

/// Listens on a Unix socket that root alone may connect to, in the place of one that an earlier resolver left.
pub fn listen(path: &Path) -> io::Result<OwnedFd> {
    match remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = seqpacket()?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    set_permissions(path, Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, 16)?;
    Ok(socket)
}

fn seqpacket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

impl Connection {
    /// Connects to a listening resolver.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = seqpacket()?;
        rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
        Self::new(socket)
    }

    /// Takes a connected, nonblocking socket.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        if rustix::net::sockopt::set_socket_send_buffer_size_force(&socket, BUFFER).is_err() {
            rustix::net::sockopt::set_socket_send_buffer_size(&socket, BUFFER)?;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        Ok(Self { fd: Watched::new(Arc::new(socket), interest)? })
    }

    /// Returns who called connect or, on the other side, last called listen.
    pub fn peer(&self) -> io::Result<UCred> {
        Ok(rustix::net::sockopt::socket_peercred(self.fd.get_ref())?)
    }

    /// Sends one message, waiting while the other side is behind.
    pub async fn send<T: Serialize>(
        &self,
        seq: u64,
        message: &T,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        let json = serde_json::to_vec(&(seq, message)).map_err(io::Error::from)?;
        let sent = self.fd.async_io(Interest::WRITABLE, |fd| send(fd.as_fd(), &json, fds)).await;
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ChannelError::Closed,
            _ => error.into(),
        })
    }

    /// Receives one message; nothing when the other side has closed. Dropping the future loses no message.
    pub async fn recv<T: DeserializeOwned>(&self) -> Result<Option<Packet<T>>, ChannelError> {
        let received = self.fd.async_io(Interest::READABLE, |fd| receive(fd.as_fd())).await;
        let (json, fds, whole) = match received {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            received => received?,
        };
        if json.is_empty() {
            return Ok(None);
        }
        if !whole {
            return Err(ChannelError::Truncated);
        }
        let (seq, message) = decode(&json)?;
        Ok(Some(Packet { seq, message, fds }))
    }
}

fn send(socket: BorrowedFd<'_>, json: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::TOOMANYREFS.into());
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::net::sendmsg(socket, &[IoSlice::new(json)], &mut control, flags)?;
    Ok(())
}

/// Receives one packet, its descriptors, and whether it is whole.
fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>, bool)> {
    let mut json = vec![0; PACKET];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let mut parts = [IoSliceMut::new(&mut json)];
    let received = rustix::net::recvmsg(socket, &mut parts, &mut control, flags)?;
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    json.truncate(received.bytes);
    let lost = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
    Ok((json, fds, !received.flags.intersects(lost)))
}

/// Reads a packet's number and message; of one whose message is unknown, the number at least, so that it can be refused.
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<(u64, T), ChannelError> {
    #[derive(Deserialize)]
    struct Envelope(u64, IgnoredAny);

    serde_json::from_slice(json).map_err(|source| {
        let seq = serde_json::from_slice(json).ok().map(|Envelope(seq, _)| seq);
        ChannelError::Malformed { seq, source }
    })
}
