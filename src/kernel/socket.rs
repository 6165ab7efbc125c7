//! Sockets made inside a sandbox, which belong to its namespace wherever they are read.

use super::route::lo;
use super::{DnsSockets, InsideSockets, KernelError, link, netns, nft};
use crate::plan::Place;
use crate::plan::nft::RESOLVER;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// How many connections wait to be accepted.
const BACKLOG: i32 = 128;

/// The port of DNS (RFC 1035 section 4.2).
const DNS_PORT: u16 = 53;

/// Queries that may wait while no resolver lives, in bytes of the kernel's accounting.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Makes a sandbox's DNS sockets: at ephemeral ports with the table that leads port 53 there, or at port 53.
pub(super) fn dns(place: &Place, direct: bool) -> Result<DnsSockets, KernelError> {
    netns::talk(place, |rtnl| {
        // An address of 127.0.0.0/8 can be bound before, but nothing would arrive.
        link::set_up(rtnl, &lo(), Vec::new())?;
        let at = if direct { DNS_PORT } else { 0 };
        let udp =
            listener(Type::DGRAM, Protocol::UDP, at).map_err(failed("a DNS socket over UDP"))?;
        let tcp = listener(Type::STREAM, Protocol::TCP, at)
            .and_then(|tcp| tcp.listen(BACKLOG).map(|()| tcp))
            .map_err(failed("a DNS socket over TCP"))?;
        let nft_owner = match direct {
            true => None,
            false => Some(nft::own_dns_table(port(&udp)?, port(&tcp)?)?),
        };
        Ok(DnsSockets { udp: udp.into(), tcp: tcp.into(), nft_owner })
    })
}

/// Makes unconnected sockets for asking a sandbox's own servers.
pub(super) fn inside(place: &Place, udp: usize, tcp: usize) -> Result<InsideSockets, KernelError> {
    let open = |kind, protocol, count| -> Result<Vec<OwnedFd>, KernelError> {
        let sockets = (0..count).map(|_| socket(kind, protocol).map(OwnedFd::from));
        sockets.collect::<io::Result<_>>().map_err(failed("a socket in a sandbox"))
    };
    netns::enter(place, || {
        Ok(InsideSockets {
            udp: open(Type::DGRAM, Protocol::UDP, udp)?,
            tcp: open(Type::STREAM, Protocol::TCP, tcp)?,
        })
    })
}

fn listener(kind: Type, protocol: Protocol, port: u16) -> io::Result<Socket> {
    let socket = socket(kind, protocol)?;
    if kind == Type::DGRAM {
        // Beyond net.core.rmem_max only with the privilege in the host's user namespace.
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER))?;
        // The kernel need not look up for each reply whether the address that it comes from is local.
        if let Err(error) = socket.set_ip_transparent_v4(true) {
            tracing::debug!(%error, "replies cost a look-up more");
        }
    }
    socket.bind_device(Some(b"lo"))?;
    socket.bind(&SocketAddr::from((RESOLVER, port)).into())?;
    Ok(socket)
}

fn port(socket: &Socket) -> Result<u16, KernelError> {
    let address = socket.local_addr().map_err(failed("a DNS socket"))?;
    Ok(address.as_socket().expect("the socket was bound to an IPv4 address").port())
}

fn socket(kind: Type, protocol: Protocol) -> io::Result<Socket> {
    Socket::new(Domain::IPV4, kind.nonblocking().cloexec(), Some(protocol))
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> KernelError {
    move |source| KernelError::Socket { what, source }
}
