//! Upstreams that lie, or say too much, or nothing that can be read: they are not believed, and poison nobody.

use crate::lab::*;
use crate::{SERVER, knows};
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};
use netdns::channel::FdKind;
use netdns::registry::{Forward, SandboxView, Update};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;

const FORGED: [u8; 4] = [203, 0, 113, 66];

/// An upstream that answers with bytes, and may have others send theirs first.
fn answers(with: impl Fn(&UdpSocket, Message, SocketAddr) + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, sender)) = socket.recv_from(&mut buffer) {
            with(&socket, Message::from_vec(&buffer[..length]).unwrap(), sender);
        }
    });
    address
}

/// A reply of so many addresses, each in 16 bytes.
fn many(query: &Message, count: u16) -> Vec<u8> {
    let mut reply = known(query, &[]).to_vec().unwrap();
    reply[6..8].copy_from_slice(&count.to_be_bytes());
    for number in 0..count {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0]);
        reply.extend(number.to_be_bytes());
    }
    reply
}

fn truncated(query: Message) -> Vec<Message> {
    let mut reply = known(&query, &[]);
    reply.metadata.truncation = true;
    vec![reply]
}

#[tokio::test]
async fn what_comes_from_another_port_or_address_is_not_believed() {
    let others = ["127.0.0.1:0", "127.0.0.2:0"].map(|at| UdpSocket::bind(at).unwrap());
    let server = answers(move |socket, query, asker| {
        let forged = known(&query, &[FORGED]).to_vec().unwrap();
        for other in &others {
            other.send_to(&forged, asker).unwrap();
        }
        socket.send_to(&known(&query, &[SERVER]).to_vec().unwrap(), asker).unwrap();
    });
    let lab = Lab::start();
    let inside = lab.serve(2, &[server]).await;
    for name in ["a.example.", "b.example.", "a.example."] {
        assert_eq!(addresses(&inside.ask(name)), [SERVER]);
    }
}

#[tokio::test]
async fn what_answers_another_question_is_not_believed_and_case_does_not_count() {
    let server = answers(|socket, query, asker| {
        let send = |change: &dyn Fn(&mut Message)| {
            let mut reply = known(&query, &[FORGED]);
            change(&mut reply);
            socket.send_to(&reply.to_vec().unwrap(), asker).unwrap();
        };
        send(&|reply| reply.metadata.id ^= 1);
        send(&|reply| {
            reply.queries[0].set_query_type(RecordType::TXT);
        });
        send(&|reply| {
            reply.queries[0].set_query_class(DNSClass::CH);
        });
        send(&|reply| reply.queries.clear());
        send(&|reply| reply.queries.push(reply.queries[0].clone()));
        send(&|reply| reply.metadata.message_type = MessageType::Query);
        socket.send_to(b"no message", asker).unwrap();
        socket.send_to(&[0xff; 3000], asker).unwrap();
        let mut reply = known(&query, &[SERVER]).to_vec().unwrap();
        reply[13..13 + 7].make_ascii_uppercase();
        socket.send_to(&reply, asker).unwrap();
    });
    let lab = Lab::start();
    let inside = lab.serve(2, &[server]).await;
    let reply = inside.ask("eXample.com.");
    assert_eq!(addresses(&reply), [SERVER]);
    assert_eq!(reply.queries[0].name().to_string(), "eXample.com.");
    assert_eq!(addresses(&inside.ask("example.com.")), [SERVER], "nor was it kept");
}

#[tokio::test]
async fn replies_of_500_records_and_of_64_kib_arrive_whole_over_tcp() {
    let lab = Lab::start();
    let server = upstream(truncated);
    let listener = TcpListener::bind(server).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let query = Message::from_vec(&read_tcp(&mut stream).unwrap()).unwrap();
            let name = query.queries[0].name().to_string();
            let count: u16 = name.split('.').next().unwrap().parse().unwrap();
            write_tcp(&mut stream, &many(&query, count));
        }
    });
    let inside = lab.serve(2, &[server]).await;
    for count in [500, 4090_u16] {
        let name = format!("{count}.example.");
        assert!(inside.ask(&name).metadata.truncation);
        let mut stream = inside.connect();
        write_tcp(&mut stream, &query(&name).to_vec().unwrap());
        let reply = read_tcp(&mut stream).unwrap();
        assert_eq!(addresses(&Message::from_vec(&reply).unwrap()).len(), usize::from(count));
    }
}

#[tokio::test]
async fn a_server_that_says_too_much_or_nonsense_makes_room_for_the_next() {
    let lab = Lab::start();
    let overlong = answers(|socket, query, asker| {
        socket.send_to(&many(&query, 3000), asker).unwrap();
    });
    let nonsense = answers(|socket, query, asker| {
        let mut reply = known(&query, &[]).to_vec().unwrap();
        reply[7] = 200;
        reply.extend([0xc0; 900]);
        socket.send_to(&reply, asker).unwrap();
    });
    for server in [overlong, nonsense] {
        let inside = lab.serve(2, &[server, upstream(knows(SERVER))]).await;
        assert_eq!(addresses(&inside.ask("example.com.")), [SERVER]);
        let inside = lab.serve(3, &[server]).await;
        assert_eq!(inside.ask("example.org.").metadata.response_code, ResponseCode::ServFail);
    }
}

#[tokio::test]
async fn a_server_that_promises_64_kib_over_tcp_and_stops_is_given_up_in_time() {
    let lab = Lab::start();
    let server = upstream(truncated);
    let listener = TcpListener::bind(server).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                stream.write_all(&[0xff, 0xff, 0]).unwrap();
                // Until the other side ends it.
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    let inside = lab.serve(2, &[server]).await;
    let mut stream = inside.connect();
    write_tcp(&mut stream, &query("example.com.").to_vec().unwrap());
    let reply = Message::from_vec(&read_tcp(&mut stream).unwrap()).unwrap();
    assert_eq!(reply.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_sandbox_that_forges_its_own_servers_address_poisons_nobody_else() {
    // Of this process alone: one of the servers is in the machine's own namespace.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let address = SocketAddr::from(([127, 64 | high, middle, low], 53));
    let at = address.to_string();
    let lab = Lab::start();
    let serving = |number, says| {
        let at = at.clone();
        Namespace::new(number, 1, move || {
            upstream_at(&at, knows(says));
        })
    };
    let (forger, honest) = (serving(2, FORGED), serving(3, SERVER));
    let on_host = lab.serve(4, &[upstream_at(&at, knows([192, 0, 2, 4]))]).await;
    for namespace in [&forger, &honest] {
        let inside = &namespace.inside;
        let forward = Forward::Inside(vec![address.ip()]);
        let number = if inside.id == id(2) { 2 } else { 3 };
        lab.update(vec![Update::PutSandbox(SandboxView { forward, ..view(number) })]).await;
        lab.give(inside, None).await;
        lab.give_inside(inside, &[(FdKind::InsideUdp, namespace.udp[0].as_fd())]).await;
    }
    for _ in 0..2 {
        for (inside, address) in
            [(&forger.inside, FORGED), (&honest.inside, SERVER), (&on_host, [192, 0, 2, 4])]
        {
            assert_eq!(addresses(&inside.ask("bank.example.")), [address]);
        }
    }
}
