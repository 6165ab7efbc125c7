//! Exchange: messages to and from one server over a connected socket. Which server, what counts as its answer, and what
//! then, is not decided here.

use crate::channel::Watched;
use rustix::net::{RecvFlags, SendFlags};
use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// The longest reply over UDP that is read, in bytes: more than we ever ask for.
const ROOM: usize = 4096;

thread_local! {
    static BUFFER: RefCell<[u8; ROOM]> = const { RefCell::new([0; ROOM]) };
}

/// Sends over a connected UDP socket.
pub async fn send_udp(socket: &Watched, query: &[u8]) -> io::Result<()> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let send =
        |fd: &Arc<OwnedFd>| -> io::Result<usize> { Ok(rustix::net::send(fd, query, flags)?) };
    match send(socket.get_ref()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.async_io(Interest::WRITABLE, send).await.map(drop)
        }
        sent => sent.map(drop),
    }
}

/// Waits for the next message over UDP.
pub async fn listen_udp(socket: &Watched) -> io::Result<Vec<u8>> {
    let receive = |fd: &_| {
        BUFFER.with_borrow_mut(|buffer| {
            let (length, _) = rustix::net::recv(fd, &mut buffer[..], RecvFlags::DONTWAIT)?;
            Ok(buffer[..length].to_vec())
        })
    };
    // A refusal by ICMP makes the socket fail but not readable.
    socket.async_io(Interest::READABLE | Interest::ERROR, receive).await
}

/// Sends over a TCP connection.
pub async fn send_tcp(stream: &mut TcpStream, query: &[u8]) -> io::Result<()> {
    stream.write_all(&framed(query)?).await
}

/// Waits for the next message over TCP.
pub async fn listen_tcp(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

/// Puts a message's length before it (RFC 1035 section 4.2.2).
pub fn framed(message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok([&length.to_be_bytes(), message].concat())
}
