//! Host: names for the host itself (`--host-dns`), at a loopback address. What it is sent is what a sandbox would be sent,
//! but that nobody else is ever asked: what is not ours is refused, so that the host's own resolver can be told which
//! domains lead here. hickory's server has the datagrams; the connections are held as a sandbox's are, since that server
//! bounds neither their number nor, without descriptors, its zeal.

use super::answer::{Outcome, Transport, answer, failure};
use super::connections::{Activity, Connections};
use super::encode::UDP_MAX;
use super::stream::{IDLE, Reader, accept_each, write};
use super::view::View;
use super::wire::{Rcode, ede};
use crate::model::{Id, SandboxId};
use crate::registry::Registry;
use hickory_proto::op::{Header, HeaderCounts, Message, Metadata, ResponseCode};
use hickory_server::Server;
use hickory_server::net::NetError;
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use rustix::io::ioctl_fionbio;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Whose the host's connections are: no sandbox's.
const NOBODY: SandboxId = SandboxId(Id::from_bytes([0; 32]));

/// Where the host itself is answered.
#[derive(Debug)]
pub struct HostListener {
    address: SocketAddr,
    udp: OwnedFd,
    tcp: Arc<OwnedFd>,
    /// Serves; dropped with the rest.
    _serving: JoinSet<()>,
}

impl HostListener {
    /// Serves at a UDP socket and a listening TCP socket until dropped. To be called within a `LocalSet`.
    pub fn start(
        address: SocketAddr,
        [udp, tcp]: [OwnedFd; 2],
        registry: Arc<Registry>,
    ) -> io::Result<Self> {
        for socket in [&udp, &tcp] {
            ioctl_fionbio(socket, true)?;
        }
        let names = || HostNames { registry: registry.clone(), turn: AtomicU32::new(0) };
        let mut server = Server::new(names());
        server.register_socket(tokio::net::UdpSocket::from_std(UdpSocket::from(udp.try_clone()?))?);
        let (names, tcp) = (Rc::new(names()), Arc::new(tcp));
        let (mut serving, listener) = (JoinSet::new(), tcp.clone());
        serving.spawn_local(async move {
            if let Err(error) = server.block_until_done().await {
                tracing::error!(%address, %error, "the host is not served");
            }
        });
        serving.spawn_local(async move {
            if let Err(error) = connections(names, listener).await {
                tracing::error!(%address, %error, "the host is not served over TCP");
            }
        });
        Ok(Self { address, udp, tcp, _serving: serving })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the UDP and the TCP socket.
    pub fn sockets(&self) -> [BorrowedFd<'_>; 2] {
        [self.udp.as_fd(), self.tcp.as_fd()]
    }
}

/// Accepts the host's connections until dropped, and they end with it. There are as many as a sandbox may have.
async fn connections(names: Rc<HostNames>, listener: Arc<OwnedFd>) -> io::Result<()> {
    let (mut open, mut tasks) = (Connections::new(usize::MAX), JoinSet::new());
    accept_each(listener, |stream| {
        while let Some(ended) = tasks.try_join_next() {
            ended.into_iter().for_each(|key| open.remove(key));
        }
        if open.make_room(NOBODY) {
            let (activity, key) = (Rc::new(Activity::new()), open.next_key(NOBODY));
            let (names, its) = (names.clone(), activity.clone());
            let task = tasks.spawn_local(async move {
                // A peer that breaks off is no news.
                let _ = converse(&names, &its, stream).await;
                key
            });
            open.add(key, activity, task);
        }
    })
    .await
}

async fn converse(names: &HostNames, activity: &Activity, mut stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = Reader::new(reader);
    while let Some(query) = timeout(IDLE, reader.next()).await?? {
        if let Some(reply) = names.reply(&query, Transport::Tcp) {
            write(&mut writer, &reply).await?;
        }
        activity.touch(false);
    }
    Ok(())
}

/// Answers the host out of the registry.
struct HostNames {
    registry: Arc<Registry>,
    turn: AtomicU32,
}

impl HostNames {
    /// Returns the reply to a packet; nothing if it gets none.
    fn reply(&self, packet: &[u8], transport: Transport) -> Option<Vec<u8>> {
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
        out.truncate(length);
        Some(out)
    }
}

#[async_trait::async_trait]
impl RequestHandler for HostNames {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let reply = self.reply(request.as_slice(), Transport::Udp);
        let Some(reply) = reply.and_then(|reply| Message::from_vec(&reply).ok()) else {
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
