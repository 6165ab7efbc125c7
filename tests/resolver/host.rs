//! The host itself over TCP: as few connections, and as short, as a sandbox's.

use crate::lab::*;
use hickory_proto::op::Message;
use netdns::channel::{FromResolver, ToResolver};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

#[tokio::test]
async fn the_host_has_64_connections_and_the_idlest_makes_room() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    let (udp, tcp) = ("127.0.0.1:0", "127.0.0.1:0");
    let (udp, tcp) = (UdpSocket::bind(udp).unwrap(), TcpListener::bind(tcp).unwrap());
    let message = ToResolver::HostDns(udp.local_addr().unwrap());
    let served = lab.client().request(&message, &[udp.as_fd(), tcp.as_fd()]).await.unwrap();
    assert_eq!(served, FromResolver::Ack);

    let ask = |stream: &mut TcpStream| {
        write_tcp(stream, &query("web.localnet.").to_vec().unwrap());
        read_tcp(stream).map(|reply| addresses(&Message::from_vec(&reply).unwrap()))
    };
    let connect = || {
        let stream = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(6))).unwrap();
        stream
    };
    let mut streams: Vec<_> = (0..200).map(|_| connect()).collect();
    // Once the last is answered, all have been accepted.
    assert_eq!(ask(&mut streams[199]), Some(vec![[172, 18, 0, 3]]));
    assert!(streams[..136].iter_mut().all(|stream| read_tcp(stream).is_none()));
    assert!(streams[136..].iter_mut().all(|stream| ask(stream).is_some()));
    assert_eq!(addresses(&inside.ask("web.")), [[172, 18, 0, 3]]);
    // What is cut stays on its connection, and the next is answered.
    write_tcp(&mut streams[199], &[0; 60_000]);
    assert_eq!(read_tcp(&mut streams[199]).map(|reply| reply[3] & 15), Some(1));
    assert!(ask(&mut streams[199]).is_some());
}
