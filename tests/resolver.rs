//! The resolver process from outside: a test plays the manager, the sandboxes and the upstreams. It needs root, as the
//! resolver is to give it up.

mod lab;

mod resolver {
    mod floods;
    mod host;
    mod log;
    mod probes;
    mod tcp;
    mod upstreams;
}

use hickory_proto::op::{Edns, Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsCode;
use lab::*;
use netdns::channel::{Asker, FdKind, FromResolver, Question, ToResolver};
use netdns::registry::{Forward, SandboxView, Source, Update};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const SERVER: [u8; 4] = [192, 0, 2, 1];

fn knows(address: [u8; 4]) -> impl Fn(Message) -> Vec<Message> {
    move |query| vec![known(&query, &[address])]
}

fn ede(reply: &Message) -> Option<u16> {
    let option = reply.edns.as_ref()?.option(EdnsCode::from(15))?;
    let bytes: Vec<u8> = option.try_into().ok()?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

#[tokio::test]
async fn the_process_keeps_no_privilege() {
    let mut lab = Lab::start();
    lab.tell(ToResolver::Ping).await;
    let pid = lab.process.id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    for sets in ["Uid:", "Gid:"] {
        assert!(field(sets).iter().all(|number| number != "0"), "{status}");
    }
    assert!(field("Groups:").is_empty());
    for sets in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(sets), ["0000000000000000"], "{sets}");
    }
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    assert_eq!(field("Name:"), ["netdns-resolver"]);
    // The first connection was made before the process had called listen itself.
    lab.reconnect();
    assert_eq!(lab.client().peer().unwrap().pid.as_raw_nonzero().get(), pid as i32);
}

#[tokio::test]
async fn a_name_is_seen_by_the_next_query_after_its_acknowledgement() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[upstream(knows(SERVER))]).await;
    for _ in 0..50 {
        lab.update(vec![endpoint(3, "web")]).await;
        assert_eq!(addresses(&inside.ask("web.")), [[172, 18, 0, 3]]);
        lab.update(vec![Update::RemoveEndpoint(id(1), id(3))]).await;
        assert_eq!(addresses(&inside.ask("web.")), [SERVER]);
    }
}

#[tokio::test]
async fn a_reply_with_another_id_is_passed_over() {
    let lab = Lab::start();
    let server = upstream(|query| {
        let mut forged = known(&query, &[[203, 0, 113, 66]]);
        forged.metadata.id = forged.metadata.id.wrapping_add(1);
        vec![forged, known(&query, &[SERVER])]
    });
    let inside = lab.serve(2, &[server]).await;
    assert_eq!(addresses(&inside.ask("example.com.")), [SERVER]);
}

#[tokio::test]
async fn every_question_leaves_from_another_port() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    let ports = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut port = || {
            let (length, sender) = socket.recv_from(&mut buffer).unwrap();
            let query = Message::from_vec(&buffer[..length]).unwrap();
            socket.send_to(&known(&query, &[SERVER]).to_vec().unwrap(), sender).unwrap();
            sender.port()
        };
        (0..10).map(|_| port()).collect::<BTreeSet<_>>()
    });
    let lab = Lab::start();
    let inside = lab.serve(2, &[server]).await;
    for number in 0..10 {
        inside.ask(&format!("n{number}.example."));
    }
    assert!(ports.join().unwrap().len() >= 9);
}

#[tokio::test]
async fn a_port_carries_few_questions_and_only_among_many() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, sender)) = socket.recv_from(&mut buffer) {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            tell.send(sender.port()).unwrap();
            socket.send_to(&known(&query, &[SERVER]).to_vec().unwrap(), sender).unwrap();
        }
    });
    let lab = Lab::start();
    let inside = lab.serve(2, &[server]).await;
    (0..1500).for_each(|number| drop(inside.ask(&format!("n{number}.example."))));
    let ports: Vec<u16> = told.try_iter().collect();
    let count = |of: &[u16]| of.iter().collect::<BTreeSet<_>>().len();
    assert_eq!(count(&ports[..64]), 64, "{ports:?}");
    assert!(count(&ports) < ports.len(), "{ports:?}");
    for port in &ports {
        assert!(ports.iter().filter(|other| *other == port).count() <= 16, "{ports:?}");
    }
}

#[tokio::test]
async fn a_long_answer_arrives_where_lo_is_small() {
    let many = [SERVER; 100].iter().zip(1..);
    let many: Vec<[u8; 4]> = many.map(|([a, b, c, _], last)| [*a, *b, *c, last]).collect();
    let count = many.len();
    let server = upstream(move |query| vec![known(&query, &many)]);
    let lab = Lab::start();
    let updates = vec![Update::PutNetwork(network()), Update::SetHostServers(vec![server])];
    lab.update(updates).await;
    lab.update((11..=110).map(|number| endpoint(number, "web")).collect()).await;
    // Each has sockets that nothing long was sent through before.
    for (number, name) in [(2, "web."), (3, "example.com.")] {
        lab.update(vec![Update::PutSandbox(view(number))]).await;
        let small = || {
            let mtu = Command::new("ip").args(["link", "set", "lo", "mtu", "1280"]).status();
            assert!(mtu.unwrap().success());
        };
        let namespace = Namespace::new(number, 0, small);
        lab.give(&namespace.inside, None).await;
        let mut query = query(name);
        query.edns.insert(Edns::new()).set_max_payload(4096);
        namespace.inside.send(&query);
        assert_eq!(addresses(&namespace.inside.receive()).len(), count, "{name}");
    }
}

#[tokio::test]
async fn no_server_or_a_closed_port_gives_servfail_with_the_reason() {
    let lab = Lab::start();
    // An address of its own, so that no other test takes the port meanwhile.
    let closed = UdpSocket::bind("127.0.0.9:0").unwrap().local_addr().unwrap();
    for (servers, code) in [(vec![], 22), (vec![closed], 23)] {
        let inside = lab.serve(2, &servers).await;
        let mut query = query("example.com.");
        query.edns = Some(Edns::new());
        inside.send(&query);
        let reply = inside.receive();
        assert_eq!(reply.metadata.response_code, ResponseCode::ServFail);
        assert_eq!(ede(&reply), Some(code));
    }
}

#[tokio::test]
async fn a_silent_first_server_does_not_keep_the_next_from_answering() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[upstream(|_| Vec::new()), upstream(knows(SERVER))]).await;
    assert_eq!(addresses(&inside.ask("example.com.")), [SERVER]);
}

#[tokio::test]
async fn what_many_ask_at_once_is_asked_once_and_then_not_at_all() {
    let lab = Lab::start();
    let (heard, go_on) = (Arc::new(AtomicU32::new(0)), Arc::new(Barrier::new(2)));
    let (count, gate) = (heard.clone(), go_on.clone());
    let server = upstream(move |query| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            gate.wait();
        }
        vec![known(&query, &[SERVER])]
    });
    // Two sandboxes, so that several shards have them.
    let all = [lab.serve(2, &[server]).await, lab.serve(3, &[server]).await];
    let askers: Vec<_> = all.iter().cycle().take(20).collect();
    askers.iter().for_each(|inside| inside.send(&query("example.com.")));
    while lab.counters().await.forwarded < 20 {}
    go_on.wait();
    askers.iter().for_each(|inside| assert_eq!(addresses(&inside.receive()), [SERVER]));
    all.iter().for_each(|inside| assert_eq!(addresses(&inside.ask("eXample.com.")), [SERVER]));
    assert_eq!(heard.load(Ordering::Relaxed), 1);
    // What a batch comes to is counted after it was sent.
    while lab.counters().await.cached < 2 {}
    assert_eq!(lab.counters().await.cache_entries, 1);

    // Forgotten on demand; and sandboxes with servers of their own have nothing of it.
    lab.tell(ToResolver::FlushCache).await;
    assert_eq!(lab.counters().await.cache_entries, 0);
    assert_eq!(addresses(&all[0].ask("example.com.")), [SERVER]);
    assert_eq!(heard.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let lab = Lab::start();
    let server = upstream(|query| {
        let mut reply = known(&query, &[]);
        reply.metadata.truncation = true;
        vec![reply]
    });
    let many: Vec<[u8; 4]> = (0..150).map(|number| [192, 0, 2, number]).collect();
    upstream_tcp(server, move |query| known(&query, &many));
    let inside = lab.serve(2, &[server]).await;
    // A client with room has all of it.
    let mut roomy = query("example.com.");
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    roomy.edns = Some(edns);
    inside.send(&roomy);
    let reply = inside.receive();
    assert_eq!(addresses(&reply).len(), 150);
    assert!(!reply.metadata.truncation);
    // One without is told to come back, and is served then.
    assert!(inside.ask("example.com.").metadata.truncation);
    let mut stream = inside.connect();
    write_tcp(&mut stream, &query("example.com.").to_vec().unwrap());
    let reply = Message::from_vec(&read_tcp(&mut stream).unwrap()).unwrap();
    assert_eq!(addresses(&reply).len(), 150);
}

#[tokio::test]
async fn a_slow_forward_holds_up_no_local_answer_on_its_connection() {
    let lab = Lab::start();
    let slow = upstream(|query| {
        std::thread::sleep(Duration::from_millis(200));
        vec![known(&query, &[SERVER])]
    });
    let inside = lab.serve(2, &[slow]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    let mut stream = inside.connect();
    let (far, near) = (query("example.com."), query("web."));
    write_tcp(&mut stream, &far.to_vec().unwrap());
    write_tcp(&mut stream, &near.to_vec().unwrap());
    let mut next = || Message::from_vec(&read_tcp(&mut stream).unwrap()).unwrap();
    assert_eq!(next().metadata.id, near.metadata.id);
    assert_eq!(next().metadata.id, far.metadata.id);
}

#[tokio::test]
async fn the_connection_that_was_idle_longest_makes_room() {
    let lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    let query = query("web.").to_vec().unwrap();
    let mut streams: Vec<_> = (0..65).map(|_| inside.connect()).collect();
    for stream in streams.iter_mut().skip(1) {
        write_tcp(stream, &query);
        assert!(read_tcp(stream).is_some());
    }
    assert!(read_tcp(&mut streams[0]).is_none());
}

#[tokio::test]
async fn the_end_of_a_sandbox_is_noticed_with_and_without_a_manager() {
    let mut lab = Lab::start();
    let watcher = lab.serve(2, &[]).await;
    for with_manager in [true, false] {
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        let ending = Inside::new(3);
        lab.update(vec![Update::PutSandbox(view(3)), endpoint(3, "web")]).await;
        lab.give(&ending, Some(&pidfd)).await;
        assert_eq!(addresses(&watcher.ask("web.")).len(), 1);
        let (udp, tcp) = (ending.udp.local_addr().unwrap(), ending.tcp.local_addr().unwrap());
        if !with_manager {
            lab.hang_up();
        }
        drop(ending);
        child.kill().unwrap();
        child.wait().unwrap();
        if with_manager {
            let told = tokio::time::timeout(Duration::from_secs(1), lab.unasked.next()).await;
            assert_eq!(told.unwrap(), Some(FromResolver::Ended(id(3))));
        }
        let gone = |reply: &hickory_proto::op::Message| addresses(reply).is_empty();
        wait_until(|| gone(&watcher.ask("web."))).await;
        wait_until(|| UdpSocket::bind(udp).is_ok()).await;
        wait_until(|| std::net::TcpListener::bind(tcp).is_ok()).await;
    }
}

async fn wait_until(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(1);
    while !holds() {
        assert!(Instant::now() < until, "not within a second");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_sandboxs_own_servers_are_asked_through_sockets_made_inside() {
    let mut lab = Lab::start();
    let mut namespace = Namespace::new(2, 1, || {
        let server = upstream_at("127.0.0.53:53", |query| {
            let mut reply = known(&query, &[]);
            reply.metadata.truncation = query.queries[0].name().to_string().starts_with("long");
            vec![match reply.metadata.truncation {
                true => reply,
                false => known(&query, &[SERVER]),
            }]
        });
        upstream_tcp(server, |query| known(&query, &[[192, 0, 2, 53]]));
    });
    let inside = &namespace.inside;
    let servers = Forward::Inside(vec!["127.0.0.53".parse().unwrap()]);
    let view = SandboxView { forward: servers, ..view(2) };
    lab.update(vec![Update::PutNetwork(network()), Update::PutSandbox(view)]).await;
    lab.give(inside, None).await;

    // Without a socket the question waits, and the manager is asked.
    inside.send(&query("example.com."));
    let needed = lab.unasked.next().await;
    assert_eq!(needed, Some(FromResolver::NeedInside { sandbox: id(2), udp: 8, tcp: 0 }));
    lab.give_inside(inside, &[(FdKind::InsideUdp, namespace.udp[0].as_fd())]).await;
    assert_eq!(addresses(&inside.receive()), [SERVER]);

    // One socket carries many questions, one after the other.
    (0..10).for_each(|number| inside.send(&query(&format!("n{number}.example."))));
    for _ in 0..10 {
        let reply = inside.receive();
        assert_eq!(addresses(&reply), [SERVER], "{reply:?}");
    }

    // Over TCP it is the same, but that a socket carries one.
    let stream = &mut namespace.stream;
    write_tcp(stream, &query("long.example.").to_vec().unwrap());
    let needs_tcp = FromResolver::NeedInside { sandbox: id(2), udp: 0, tcp: 2 };
    while lab.unasked.next().await.unwrap() != needs_tcp {}
    lab.give_inside(inside, &[(FdKind::InsideTcp, namespace.tcp[0].as_fd())]).await;
    let reply = Message::from_vec(&read_tcp(stream).unwrap()).unwrap();
    assert_eq!(addresses(&reply), [[192, 0, 2, 53]]);
}

#[tokio::test]
async fn a_person_is_told_what_a_sandbox_would_see() {
    let lab = Lab::start();
    lab.serve(2, &[upstream(knows(SERVER))]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    for (name, source, address) in
        [("web", Source::Container, "172.18.0.3"), ("example.com", Source::Upstream, "192.0.2.1")]
    {
        let view = view(9);
        for asker in [Asker::Sandbox(id(2)), Asker::Imagined(view)] {
            let question = Question { asker, name: name.parse().unwrap(), rr_type: 1 };
            let resolved = lab.client().request(&ToResolver::Resolve(question), &[]).await;
            let FromResolver::Resolved(resolution) = resolved.unwrap() else { panic!("{name}") };
            assert_eq!(resolution.rcode, "NOERROR");
            assert_eq!(resolution.source, Some(source));
            assert_eq!(resolution.answers[0].name, format!("{name}."));
            assert_eq!(resolution.answers[0].data, address);
        }
    }
}

#[tokio::test]
async fn a_hang_up_is_ignored_and_a_termination_drains() {
    let mut lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    kill_process(Pid::from_child(&lab.process), Signal::HUP).unwrap();
    lab.tell(ToResolver::Ping).await;
    assert_eq!(addresses(&inside.ask("web.")).len(), 1);
    kill_process(Pid::from_child(&lab.process), Signal::TERM).unwrap();
    assert!(lab.process.wait().unwrap().success());
}

#[tokio::test]
async fn what_a_snapshot_does_not_mention_goes() {
    let lab = Lab::start();
    let kept = lab.serve(2, &[]).await;
    let dropped = lab.serve(4, &[]).await;
    lab.update(vec![endpoint(2, "kept"), endpoint(3, "dropped")]).await;
    lab.tell(ToResolver::BeginSnapshot).await;
    lab.update(vec![
        Update::PutNetwork(network()),
        endpoint(2, "kept"),
        Update::PutSandbox(view(2)),
    ])
    .await;
    lab.tell(ToResolver::EndSnapshot).await;
    assert_eq!(addresses(&kept.ask("kept.")).len(), 1);
    assert_eq!(addresses(&kept.ask("dropped.")).len(), 0);
    let address = dropped.udp.local_addr().unwrap();
    drop(dropped);
    wait_until(|| UdpSocket::bind(address).is_ok()).await;
    assert_eq!(lab.counters().await.sandboxes, 1);
}

#[tokio::test]
async fn the_next_manager_gets_the_sockets_back() {
    let mut lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    lab.reconnect();
    let returned = lab.client().return_sockets().await.unwrap();
    let [(FromResolver::Sockets(set), fds)] = &returned[..] else { panic!("{returned:?}") };
    assert_eq!(set.fds, [FdKind::Udp, FdKind::Tcp]);
    let same: std::net::UdpSocket = fds[0].try_clone().unwrap().into();
    assert_eq!(same.local_addr().unwrap(), inside.udp.local_addr().unwrap());
    assert_eq!(addresses(&inside.ask("web.")).len(), 1);
}

#[tokio::test]
async fn queries_that_wait_in_the_sockets_outlive_the_resolver() {
    let mut first = Lab::start();
    let inside = first.serve(2, &[]).await;
    first.update(vec![endpoint(3, "web")]).await;
    inside.ask("web.");
    first.process.kill().unwrap();
    first.process.wait().unwrap();
    let sent: Vec<_> = (0..100).map(|_| query("web.")).collect();
    sent.iter().for_each(|query| inside.send(query));
    let second = Lab::start();
    second
        .update(vec![
            Update::PutNetwork(network()),
            Update::PutSandbox(view(2)),
            endpoint(3, "web"),
        ])
        .await;
    second.give(&inside, None).await;
    let mut answered: Vec<_> = (0..100).map(|_| inside.receive().metadata.id).collect();
    let mut asked: Vec<_> = sent.iter().map(|query| query.metadata.id).collect();
    answered.sort_unstable();
    asked.sort_unstable();
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn a_drained_resolver_answers_what_it_has_read_and_ends() {
    let mut lab = Lab::start();
    let heard = Arc::new(AtomicU32::new(0));
    let count = heard.clone();
    let slow = upstream(move |query| {
        count.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
        vec![known(&query, &[SERVER])]
    });
    let inside = lab.serve(2, &[slow]).await;
    inside.send(&query("example.com."));
    wait_until(|| heard.load(Ordering::Relaxed) > 0).await;
    lab.tell(ToResolver::Drain).await;
    let reply = inside.receive();
    assert_eq!(reply.metadata.message_type, MessageType::Response);
    assert_eq!(addresses(&reply), [SERVER]);
    assert!(lab.process.wait().unwrap().success());
}
