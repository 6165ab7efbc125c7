use super::*;
use std::net::UdpSocket;
use tokio::task::LocalSet;

/// Makes as many as are enough, has something come to each before it is left to others or not, and draws one. Returns
/// whether it is one of them.
async fn draws_an_old_one(something_comes: bool) -> bool {
    let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = upstream.local_addr().unwrap();
    let sockets = Arc::new(Sockets::new(1024));
    let take = || Port::take(&sockets, server, false).unwrap();
    let address = |port: &Port| {
        SocketAddr::try_from(rustix::net::getsockname(port.socket.get_ref()).unwrap()).unwrap()
    };
    let ports: Vec<Port> = (0..ENOUGH).map(|_| take()).collect();
    let old: Vec<SocketAddr> = ports.iter().map(address).collect();
    for port in ports {
        if something_comes {
            upstream.send_to(b"late", address(&port)).unwrap();
        }
        port.keep();
    }
    // The first that is not fit leaves too few to draw from.
    old.contains(&address(&take()))
}

#[tokio::test]
async fn a_socket_to_which_something_has_come_is_not_used_again() {
    LocalSet::new().run_until(async { assert!(!draws_an_old_one(true).await) }).await;
}

#[tokio::test]
async fn a_socket_whose_question_was_answered_is_used_again() {
    LocalSet::new().run_until(async { assert!(draws_an_old_one(false).await) }).await;
}

#[tokio::test]
async fn sockets_lie_idle_only_while_there_are_plenty() {
    let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sockets = Arc::new(Sockets::new(8));
    let take = || Port::take(&sockets, upstream.local_addr().unwrap(), false).unwrap();
    LocalSet::new()
        .run_until(async {
            let ports: Vec<Port> = (0..8).map(|_| take()).collect();
            ports.into_iter().for_each(Port::keep);
            // Three quarters are free again: nobody who needs a socket finds none because others lie idle.
            let free: Vec<_> = std::iter::from_fn(|| sockets.permit(false).ok()).collect();
            assert!((6..8).contains(&free.len()), "{free:?}");
        })
        .await;
}
