//! Exchange: one question to one server over a connected socket. Which server, and what then, is not decided here.

use super::answer::reply_matches;
use crate::channel::Watched;
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// The longest reply over UDP that is read, in bytes: more than we ever ask for.
const ROOM: usize = 4096;

/// Asks over a connected UDP socket. Replies to other questions are passed over (RFC 5452): the wait goes on.
pub async fn over_udp(socket: &Watched, query: &[u8]) -> io::Result<Vec<u8>> {
    let send = |fd: &_| Ok(rustix::net::send(fd, query, SendFlags::NOSIGNAL)?);
    socket.async_io(Interest::WRITABLE, send).await?;
    let mut reply = vec![0; ROOM];
    loop {
        let receive = |fd: &_| Ok(rustix::net::recv(fd, &mut reply[..], RecvFlags::DONTWAIT)?);
        // A refusal by ICMP makes the socket fail but not readable.
        let (length, _) = socket.async_io(Interest::READABLE | Interest::ERROR, receive).await?;
        if reply_matches(query, &reply[..length]) {
            reply.truncate(length);
            return Ok(reply);
        }
    }
}

/// Asks over a TCP connection.
pub async fn over_tcp(mut stream: TcpStream, query: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(&framed(query)?).await?;
    loop {
        let length = stream.read_u16().await?;
        let mut reply = vec![0; usize::from(length)];
        stream.read_exact(&mut reply).await?;
        if reply_matches(query, &reply) {
            return Ok(reply);
        }
    }
}

/// Puts a message's length before it (RFC 1035 section 4.2.2).
pub fn framed(message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok([&length.to_be_bytes(), message].concat())
}
