//! `--metrics`: the address at which what was counted is shown. It is bound before anything is made or started. Whoever
//! can connect is served, so that all of them together get no more than a few of the manager's descriptors.

use crate::cli::outcome::Failure;
use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How many are served at once; the others wait in the kernel.
const PLACES: usize = 64;

/// How long one may take, from its connection to the end of the reply.
const LONGEST: Duration = Duration::from_secs(10);

/// Binds an address that others can ask.
pub async fn listener(address: SocketAddr) -> Result<TcpListener, Failure> {
    let own = "take an address of this host (ip -br addr), such as 127.0.0.1:9153";
    let unusable = |why| Failure::new(format!("cannot show metrics at {address}: {why}")).hint(own);
    if address.port() == 0 {
        return Err(unusable("nobody finds a port that is another with each start"));
    }
    // The kernel binds these, too, but nobody can connect to them.
    if address.ip().is_multicast() || is_broadcast(address) {
        return Err(unusable("it is the address of many"));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let kind = error.kind();
        let refused = Failure::doing(format!("show metrics at {address}"), error);
        match kind {
            ErrorKind::AddrNotAvailable => refused.hint(own),
            ErrorKind::AddrInUse => {
                refused.hint(format!("ss -lntp sport = :{} shows who has it", address.port()))
            }
            _ => refused,
        }
    })
}

/// Serves a few at a time, each one request, as long as the daemon lives.
pub async fn serve(mut listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(PLACES));
    while let Ok(place) = places.clone().acquire_owned().await {
        // This is axum's, which waits a second where there is no descriptor.
        let (stream, _) = Listener::accept(&mut listener).await;
        let router = router.clone();
        tokio::spawn(async move {
            // Whoever hangs up or is too slow hears no more, and there is nobody else to tell.
            let _ = tokio::time::timeout(LONGEST, answer(stream, router)).await;
            drop(place);
        });
    }
}

/// Answers one request. A connection that was kept for the next one might be cut off in the middle of its reply.
async fn answer(stream: TcpStream, router: Router) -> hyper::Result<()> {
    let service = TowerToHyperService::new(router);
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await
}

/// Whether the kernel would let only those ask it who mean to ask many.
fn is_broadcast(address: SocketAddr) -> bool {
    let asked =
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(address));
    address.is_ipv4() && asked.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
