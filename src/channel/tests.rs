use super::*;
use crate::model::{Id, SandboxId};
use crate::registry::Update;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("netdns-channel-{name}-{}", std::process::id()))
}

fn sandbox(number: u8) -> SandboxId {
    SandboxId(Id::from_bytes([number; 32]))
}

fn accept(listener: &OwnedFd) -> Connection {
    let flags = rustix::net::SocketFlags::NONBLOCK;
    Connection::new(rustix::net::accept_with(listener, flags).unwrap()).unwrap()
}

#[tokio::test]
async fn a_descriptor_arrives_with_its_message() {
    let path = path("fd");
    let listener = listen(&path).unwrap();
    let (client, _unasked) = Client::connect(&path).unwrap();
    let other = accept(&listener);
    let set = SocketSet { sandbox: sandbox(1), fds: vec![FdKind::Udp] };
    let message = ToResolver::Sockets(set.clone());
    let asked = std::fs::File::open("/dev/null").unwrap();
    let fds = [asked.as_fd()];
    let answer = async {
        let packet: Packet<ToResolver> = other.recv().await.unwrap().unwrap();
        assert_eq!(packet.message, ToResolver::Sockets(set));
        assert_eq!(packet.fds.len(), 1);
        let flags = rustix::io::fcntl_getfd(&packet.fds[0]).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        other.send(packet.seq, &FromResolver::Ack, &[]).await.unwrap();
    };
    let (reply, ()) = tokio::join!(client.request(&message, &fds), answer);
    assert_eq!(reply.unwrap(), FromResolver::Ack);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_request_fails_when_the_resolver_goes() {
    let path = path("gone");
    let listener = listen(&path).unwrap();
    let (client, mut unasked) = Client::connect(&path).unwrap();
    let other = accept(&listener);
    let go = async {
        let _: Option<Packet<ToResolver>> = other.recv().await.unwrap();
        drop(other);
    };
    let (reply, ()) = tokio::join!(client.request(&ToResolver::Ping, &[]), go);
    assert!(matches!(reply, Err(ChannelError::Closed)));
    assert!(unasked.next().await.is_none());
    let again = client.request(&ToResolver::Ping, &[]).await;
    assert!(matches!(again, Err(ChannelError::Closed)));
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn an_unknown_message_keeps_its_number() {
    let path = path("unknown");
    let listener = listen(&path).unwrap();
    let ours = Connection::connect(&path).unwrap();
    let other = accept(&listener);
    ours.send(7, &"Juggle", &[]).await.unwrap();
    let received = other.recv::<ToResolver>().await;
    assert!(matches!(received, Err(ChannelError::Malformed { seq: Some(7), .. })));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn batches_keep_order_and_fit_a_packet() {
    let updates: Vec<_> = (0..3000_u32).map(|n| Update::RemoveSandbox(sandbox(n as u8))).collect();
    let cut: Vec<_> = batches(updates.clone()).collect();
    assert!(cut.len() > 1);
    assert!(cut.iter().all(|batch| serde_json::to_vec(batch).unwrap().len() <= 61 * 1024));
    assert_eq!(cut.concat(), updates);
}
