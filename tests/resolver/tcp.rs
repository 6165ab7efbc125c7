//! TCP: what one client does or does not do, and what the process lacks, holds up nobody else.

use crate::lab::*;
use crate::{SERVER, knows};
use hickory_proto::op::{Message, ResponseCode};
use netdns::channel::{FdKind, SocketSet, ToResolver};
use netdns::registry::{EndpointNames, Source, Update};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

fn ask(stream: &mut TcpStream, name: &str) -> Option<Message> {
    write_tcp(stream, &query(name).to_vec().unwrap());
    read_tcp(stream).map(|reply| Message::from_vec(&reply).unwrap())
}

/// Whether the other side ends a connection within a time. Nothing is read.
fn ends(stream: &TcpStream, within: Duration) -> bool {
    let within =
        Timespec { tv_sec: within.as_secs() as i64, tv_nsec: within.subsec_nanos().into() };
    poll(&mut [PollFd::new(stream, PollFlags::RDHUP)], Some(&within)).unwrap() == 1
}

/// An endpoint with so many addresses that few replies fill a socket.
fn large(number: u8) -> Update {
    Update::PutEndpoint(EndpointNames {
        id: id(number),
        network: id(1),
        owner: id(number),
        sandbox: "large".parse().unwrap(),
        names: vec![("large".parse().unwrap(), Source::Container)],
        addresses: (0..3000).map(|n: u16| [172, 18, (n >> 8) as u8, n as u8].into()).collect(),
        services: Vec::new(),
    })
}

#[tokio::test]
async fn a_thousand_idle_connections_of_one_sandbox_come_to_64_and_cost_another_nothing() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let lab = Lab::start();
    let (greedy, other) = (lab.serve(2, &[]).await, lab.serve(3, &[]).await);
    lab.update(vec![endpoint(3, "web")]).await;
    let mut kept = other.connect();
    let mut all = Vec::new();
    for number in 1..=1000 {
        all.push(greedy.connect());
        // Once it is answered, those before it have been accepted.
        if number % 50 == 0 {
            assert!(ask(all.last_mut().unwrap(), "web.").is_some());
            assert_eq!(addresses(&other.ask("web.")), [[172, 18, 0, 3]]);
            assert_eq!(addresses(&ask(&mut other.connect(), "web.").unwrap()), [[172, 18, 0, 3]]);
        }
    }
    let (gone, left) = all.split_at_mut(1000 - 64);
    assert!(gone.iter().all(|stream| ends(stream, Duration::from_secs(6))));
    assert!(left.iter_mut().all(|stream| ask(stream, "web.").is_some()));
    assert!(ask(&mut kept, "web.").is_some(), "another sandbox's are its own");
}

#[tokio::test]
async fn silent_slow_and_stuck_connections_end_after_ten_seconds_and_hold_up_nobody() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web"), large(4)]).await;
    let begun = Instant::now();
    let silent = inside.connect();
    let (mut promises, mut trickles) = (inside.connect(), inside.connect());
    promises.write_all(&[0xff, 0xff]).unwrap();
    trickles.write_all(&[0xff, 0xff]).unwrap();
    // Asks for 20 MB and reads none of it.
    let mut stuck = inside.connect();
    for _ in 0..400 {
        write_tcp(&mut stuck, &query("large.").to_vec().unwrap());
    }
    let mut talks = inside.connect();
    while !ends(&silent, Duration::from_millis(50)) {
        assert_eq!(addresses(&ask(&mut talks, "web.").unwrap()), [[172, 18, 0, 3]]);
        assert_eq!(addresses(&inside.ask("web.")), [[172, 18, 0, 3]]);
        // It may have come to its end already.
        let _ = trickles.write_all(&[0]);
    }
    assert!(begun.elapsed() >= Duration::from_secs(10));
    for stream in [&promises, &trickles, &stuck] {
        assert!(ends(stream, Duration::from_secs(20)));
    }
    assert!(ask(&mut talks, "web.").is_some());
}

#[tokio::test]
async fn queries_that_follow_each_other_without_waiting_are_all_answered() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[upstream(knows(SERVER))]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    let mut stream = inside.connect();
    let names = (0..400).map(|number| match number % 2 {
        0 => "web.".to_owned(),
        _ => format!("n{number}.example."),
    });
    let queries: Vec<_> = names.map(|name| query(&name)).collect();
    let mut bytes = Vec::new();
    for query in &queries {
        let query = query.to_vec().unwrap();
        bytes.extend([&(query.len() as u16).to_be_bytes()[..], &query].concat());
    }
    // Cut where no message ends.
    for piece in bytes.chunks(37) {
        stream.write_all(piece).unwrap();
    }
    let mut answered: Vec<_> = (0..400)
        .map(|_| Message::from_vec(&read_tcp(&mut stream).unwrap()).unwrap())
        .inspect(|reply| assert_eq!(addresses(reply).len(), 1))
        .map(|reply| reply.metadata.id)
        .collect();
    let mut asked: Vec<_> = queries.iter().map(|query| query.metadata.id).collect();
    answered.sort_unstable();
    asked.sort_unstable();
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn no_more_than_4_kib_of_a_query_is_waited_for_and_the_next_one_is_answered() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    let mut stream = inside.connect();
    let mut long = query("web.").to_vec().unwrap();
    long.resize(usize::from(u16::MAX), 0);
    stream.write_all(&[&[0xff, 0xff], &long[..5000]].concat()).unwrap();
    let reply = Message::from_vec(&read_tcp(&mut stream).unwrap()).unwrap();
    assert_eq!(reply.metadata.response_code, ResponseCode::FormErr);
    stream.write_all(&long[5000..]).unwrap();
    assert_eq!(addresses(&ask(&mut stream, "web.").unwrap()), [[172, 18, 0, 3]]);
}

#[tokio::test]
async fn out_of_descriptors_nothing_spins_and_all_goes_on_once_there_are_more() {
    const MOST: usize = 200;
    let (mut lab, mut log) = Lab::with_descriptors(MOST);
    let inside = lab.serve(2, &[upstream(knows(SERVER))]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    inside.ask("web.");
    let taken = lab.fill_descriptors(MOST).await;

    let mut waits = inside.connect();
    write_tcp(&mut waits, &query("web.").to_vec().unwrap());
    let begun = Instant::now();
    for _ in 0..4 {
        log.find(|line| line.contains("connection cannot be accepted")).unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_millis(200), "tried without a pause");
    // The log is read to its end: whoever wrote to it unread would wait.
    std::thread::spawn(move || log.for_each(drop));
    // Whatever needs no descriptor goes on; whatever does fails at once, and is tried anew with the next.
    assert_eq!(addresses(&inside.ask("web.")), [[172, 18, 0, 3]]);
    assert_eq!(inside.ask("example.com.").metadata.response_code, ResponseCode::ServFail);
    lab.tell(ToResolver::ReleasePorts(taken)).await;
    assert!(read_tcp(&mut waits).is_some());
    assert_eq!(addresses(&inside.ask("example.com.")), [SERVER]);

    // A manager whose descriptors are lost is told so, and the next one is heard.
    let taken = lab.fill_descriptors(MOST).await;
    let other = Inside::new(4);
    let sockets = SocketSet { sandbox: other.id, fds: vec![FdKind::Udp, FdKind::Tcp] };
    let fds = [other.udp.as_fd(), other.tcp.as_fd()];
    let lost = lab.client().request(&ToResolver::Sockets(sockets), &fds).await;
    assert!(lost.is_err(), "{lost:?}");
    lab.reconnect();
    lab.tell(ToResolver::ReleasePorts(taken)).await;
    lab.update(vec![Update::PutSandbox(view(4))]).await;
    lab.give(&other, None).await;
    assert_eq!(addresses(&other.ask("web.")), [[172, 18, 0, 3]]);
}
