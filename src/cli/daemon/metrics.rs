//! `--metrics`: the address at which what was counted is shown. It is bound before anything is made or started.

use crate::cli::outcome::Failure;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use tokio::net::TcpListener;

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

/// Whether the kernel would let only those ask it who mean to ask many.
fn is_broadcast(address: SocketAddr) -> bool {
    let asked =
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(address));
    address.is_ipv4() && asked.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
