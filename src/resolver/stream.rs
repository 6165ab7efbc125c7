//! Stream: what every TCP connection of a client has in common: how it is accepted, cut into messages, and answered. Who may
//! have how many, and what is answered, is not decided here.

use super::batch::ROOM;
use super::exchange::framed;
use crate::channel::Watched;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::task::{consume_budget, yield_now};
use tokio::time::{sleep, timeout};

/// How long a connection may be silent, or not take its answer.
pub const IDLE: Duration = Duration::from_secs(10);

/// How long no connection is accepted after one could not be, for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The bytes that a connection's queries are read into at first.
const USUAL: usize = 512;

/// Accepts connections until dropped. Whoever admits them closes one by dropping it.
pub async fn accept_each(
    listener: Arc<OwnedFd>,
    mut admit: impl FnMut(TcpStream),
) -> io::Result<()> {
    let watched = Watched::new(listener, Interest::READABLE)?;
    loop {
        let accepted = watched.async_io(Interest::READABLE, |fd| accept(fd)).await;
        match accepted.and_then(TcpStream::from_std) {
            Ok(stream) => admit(stream),
            Err(error) => {
                tracing::debug!(%error, "connection cannot be accepted");
                sleep(PAUSE).await;
            }
        }
        // Whoever connects without end has no more than one turn at a time.
        yield_now().await;
    }
}

fn accept(listener: &OwnedFd) -> io::Result<std::net::TcpStream> {
    let (socket, _) = socket2::SockRef::from(&listener.as_fd()).accept()?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Writes one reply; a client that does not take it in time is given up.
pub async fn write(writer: &mut WriteHalf<'_>, reply: &[u8]) -> io::Result<()> {
    if reply.is_empty() {
        return Ok(());
    }
    let framed = framed(reply)?;
    timeout(IDLE, writer.write_all(&framed)).await?
}

/// Cuts the stream into messages. Dropping a wait loses nothing.
pub struct Reader<'a> {
    stream: ReadHalf<'a>,
    buffer: Vec<u8>,
    /// How much of a message that is too long is yet to come.
    skip: usize,
}

impl<'a> Reader<'a> {
    /// Reads from where nobody has read yet.
    pub fn new(stream: ReadHalf<'a>) -> Self {
        Self { stream, buffer: Vec::with_capacity(USUAL), skip: 0 }
    }

    /// Waits for the next message; nothing at the end of the stream. One longer than [`ROOM`] is cut, as a datagram is,
    /// which makes it malformed: so much and no more is kept of what a client promises.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            consume_budget().await;
            if let Some(message) = self.cut() {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn cut(&mut self) -> Option<Vec<u8>> {
        let passed_over = self.skip.min(self.buffer.len());
        self.buffer.drain(..passed_over);
        self.skip -= passed_over;
        let (length, rest) = self.buffer.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let kept = length.min(ROOM);
        let message = rest.get(..kept)?.to_vec();
        self.buffer.drain(..2 + kept);
        self.skip = length - kept;
        Some(message)
    }
}
