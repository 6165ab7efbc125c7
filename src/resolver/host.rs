//! Host: names for the host itself (`--host-dns`), at a loopback address. hickory's server listens; what it sends is what
//! a sandbox would be sent, but that nobody else is ever asked: what is not ours is refused, so that the host's own
//! resolver can be told which domains lead here.

use super::answer::{Outcome, Transport, answer, failure};
use super::encode::UDP_MAX;
use super::view::View;
use super::wire::{Rcode, ede};
use crate::registry::Registry;
use hickory_proto::op::{Header, HeaderCounts, Message, Metadata, ResponseCode};
use hickory_server::Server;
use hickory_server::net::NetError;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use rustix::io::ioctl_fionbio;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(5);

/// How many replies wait for a slow reader.
const BUFFERED: usize = 32;

/// Where the host itself is answered.
#[derive(Debug)]
pub struct HostListener {
    address: SocketAddr,
    sockets: [OwnedFd; 2],
    /// Serves; dropped with the rest.
    _serving: JoinSet<()>,
}

impl HostListener {
    /// Serves at a UDP socket and a listening TCP socket until dropped. To be called within a runtime.
    pub fn start(
        address: SocketAddr,
        sockets: [OwnedFd; 2],
        registry: Arc<Registry>,
    ) -> io::Result<Self> {
        let [udp, tcp] = &sockets;
        for socket in &sockets {
            ioctl_fionbio(socket, true)?;
        }
        let udp = tokio::net::UdpSocket::from_std(UdpSocket::from(udp.try_clone()?))?;
        let tcp = tokio::net::TcpListener::from_std(TcpListener::from(tcp.try_clone()?))?;
        let mut server = Server::new(HostNames { registry, turn: AtomicU32::new(0) });
        server.register_socket(udp);
        server.register_listener(tcp, IDLE, BUFFERED);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            if let Err(error) = server.block_until_done().await {
                tracing::error!(%address, %error, "the host is not served");
            }
        });
        Ok(Self { address, sockets, _serving: serving })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the UDP and the TCP socket.
    pub fn sockets(&self) -> [BorrowedFd<'_>; 2] {
        self.sockets.each_ref().map(AsFd::as_fd)
    }
}

/// Answers the host out of the registry.
struct HostNames {
    registry: Arc<Registry>,
    turn: AtomicU32,
}

impl HostNames {
    /// Returns the reply to a packet; nothing if it gets none.
    fn reply(&self, packet: &[u8], transport: Transport) -> Option<Message> {
        let room = if transport == Transport::Udp { UDP_MAX } else { usize::from(u16::MAX) };
        let mut out = vec![0; room];
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let length = match answer(&View::of_host(&self.registry), packet, transport, turn, &mut out)
        {
            Outcome::Nothing => return None,
            Outcome::Reply(length) => length,
            Outcome::Forward(what) => {
                what.alone(packet, transport, &mut out).unwrap_or_else(|| {
                    let why = Some(ede::NOT_AUTHORITATIVE);
                    failure(packet, Rcode::Refused, why, transport, &mut out)
                })
            }
        };
        Message::from_vec(&out[..length]).ok()
    }
}

#[async_trait::async_trait]
impl RequestHandler for HostNames {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let transport = match request.protocol() {
            Protocol::Udp => Transport::Udp,
            _ => Transport::Tcp,
        };
        let Some(reply) = self.reply(request.as_slice(), transport) else {
            return unsent(request);
        };
        let Message { metadata, answers, authorities, additionals, edns, .. } = &reply;
        let builder = MessageResponseBuilder::new(&request.queries, edns.as_ref());
        let message = builder.build(*metadata, answers, authorities, [], additionals);
        let sent: Result<_, NetError> = response.send_response(message).await;
        sent.unwrap_or_else(|error| {
            // A client that went away is no news.
            tracing::debug!(%error, "reply is dropped");
            unsent(request)
        })
    }
}

/// What is said to hickory of a reply that was not sent.
fn unsent(request: &Request) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = ResponseCode::ServFail;
    Header { metadata, counts: HeaderCounts::default() }.into()
}
