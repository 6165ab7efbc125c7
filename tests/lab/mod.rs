//! A lab for the resolver: the real process, driven by a test that plays the manager, the sandboxes and the upstreams.

use hickory_proto::op::{Message, MessageType, Query};
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};
use netdns::channel::{
    Client, Counters, FdKind, FromResolver, SocketSet, ToResolver, Unasked, listen,
};
use netdns::model::{Id, NetworkId, Proto, Publish, SandboxId};
use netdns::registry::{EndpointNames, Forward, NetworkNames, SandboxView, Source, Update};
use socket2::{Domain, Socket, Type};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const RESOLVER: &str = env!("CARGO_BIN_EXE_netdns");

/// A resolver process with the test as its manager.
pub struct Lab {
    pub process: Child,
    pub manager: Option<Client>,
    pub unasked: Unasked,
    directory: PathBuf,
}

/// A sandbox's sockets, as the manager keeps them, and a client inside.
pub struct Inside {
    pub id: SandboxId,
    pub udp: UdpSocket,
    pub tcp: TcpListener,
    pub client: UdpSocket,
}

/// What is made in a network namespace of its own: a sandbox, and sockets for asking its servers.
pub struct Namespace {
    pub inside: Inside,
    pub stream: TcpStream,
    pub udp: Vec<UdpSocket>,
    pub tcp: Vec<Socket>,
}

pub fn id<T: From<Id>>(number: u8) -> T {
    Id::from_bytes([number; 32]).into()
}

impl Lab {
    pub fn start() -> Self {
        let mut program = Command::new(RESOLVER);
        program.env_clear();
        Self::of(program)
    }

    /// Starts one that may have so many descriptors, and whose log can be read, down to each failure.
    pub fn with_descriptors(most: usize) -> (Self, impl Iterator<Item = String>) {
        let mut program = Command::new("prlimit");
        program.arg(format!("--nofile={most}:{most}")).arg(RESOLVER);
        program.env_clear().env("RUST_LOG", "netdns=debug").stderr(Stdio::piped());
        let mut lab = Self::of(program);
        let log = lab.process.stderr.take().unwrap();
        (lab, BufReader::new(log).lines().map_while(Result::ok))
    }

    fn of(mut resolver: Command) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("netdns-lab-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("resolver.sock");
        let listener = listen(&path).unwrap();
        resolver.args(["resolver", "--fd", "0"]).stdin(listener.try_clone().unwrap());
        let process = resolver.stdout(Stdio::null()).spawn().unwrap();
        let (client, unasked) = Client::connect(&path).unwrap();
        Self { process, manager: Some(client), unasked, directory }
    }

    /// Connects as the next manager.
    pub fn reconnect(&mut self) {
        let (client, unasked) = Client::connect(&self.directory.join("resolver.sock")).unwrap();
        (self.manager, self.unasked) = (Some(client), unasked);
    }

    /// Leaves the resolver without a manager.
    pub fn hang_up(&mut self) {
        self.manager = None;
    }

    /// The test as the manager.
    pub fn client(&self) -> &Client {
        self.manager.as_ref().unwrap()
    }

    pub async fn tell(&self, message: ToResolver) {
        assert_eq!(self.client().request(&message, &[]).await.unwrap(), FromResolver::Ack);
    }

    pub async fn update(&self, updates: Vec<Update>) {
        self.tell(ToResolver::Updates(updates)).await;
    }

    /// Serves a sandbox on network 1 that forwards to these servers.
    pub async fn serve(&self, number: u8, servers: &[SocketAddr]) -> Inside {
        let inside = Inside::new(number);
        let updates = vec![
            Update::PutNetwork(network()),
            Update::PutSandbox(view(number)),
            Update::SetHostServers(servers.to_vec()),
        ];
        self.update(updates).await;
        self.give(&inside, None).await;
        inside
    }

    /// Hands a sandbox's sockets over, with the pidfd of its process.
    pub async fn give(&self, inside: &Inside, pidfd: Option<&OwnedFd>) {
        let mut set = SocketSet { sandbox: inside.id, fds: vec![FdKind::Udp, FdKind::Tcp] };
        let mut fds = vec![inside.udp.as_fd(), inside.tcp.as_fd()];
        if let Some(pidfd) = pidfd {
            set.fds.push(FdKind::Pid);
            fds.push(pidfd.as_fd());
        }
        let reply = self.client().request(&ToResolver::Sockets(set), &fds).await.unwrap();
        assert_eq!(reply, FromResolver::Ack);
    }
}

impl Lab {
    pub async fn counters(&self) -> Counters {
        match self.client().request(&ToResolver::Count, &[]).await.unwrap() {
            FromResolver::Counted(counters) => counters,
            other => panic!("{other:?}"),
        }
    }

    /// Hands over sockets made inside.
    pub async fn give_inside(&self, inside: &Inside, sockets: &[(FdKind, BorrowedFd<'_>)]) {
        let (kinds, fds): (_, Vec<_>) = sockets.iter().copied().unzip();
        let set = SocketSet { sandbox: inside.id, fds: kinds };
        let reply = self.client().request(&ToResolver::Sockets(set), &fds).await.unwrap();
        assert_eq!(reply, FromResolver::Ack);
    }
}

impl Lab {
    /// Has the process hold host ports until it has so many descriptors, and returns them.
    pub async fn fill_descriptors(&self, most: usize) -> Vec<Publish> {
        let open = std::fs::read_dir(self.proc("fd")).unwrap().count();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = |number| Publish {
            host_ip: [127, 0, 0, 1].into(),
            host_port: number,
            port: number,
            proto: Proto::Udp,
            count: 1,
        };
        let ports: Vec<_> = (1..=(most - open) as u16).map(port).collect();
        let fds = vec![socket.as_fd(); ports.len()];
        let held = self.client().request(&ToResolver::HoldPorts(ports.clone()), &fds).await;
        assert_eq!(held.unwrap(), FromResolver::Ack);
        ports
    }

    /// Returns the most memory that the process has had, in KiB.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim_end_matches("kB").trim().parse().unwrap()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub fn network() -> NetworkNames {
    NetworkNames {
        id: id(1),
        name: "localnet".parse().unwrap(),
        domain: "localnet".parse().ok(),
        named: true,
        subnets: vec!["172.18.0.0/16".parse().unwrap()],
        ttl: 5,
        own_domain: false,
    }
}

pub fn view(number: u8) -> SandboxView {
    let networks = vec![id::<NetworkId>(1)];
    SandboxView {
        id: id(number),
        networks,
        forward: Forward::Host,
        host: Vec::new(),
        inside_routes: Vec::new(),
        host_routes: Some(Vec::new()),
    }
}

/// The endpoint of sandbox `number` on network 1, at 172.18.0.`number`.
pub fn endpoint(number: u8, name: &str) -> Update {
    Update::PutEndpoint(EndpointNames {
        id: id(number),
        network: id(1),
        owner: id(number),
        sandbox: name.parse().unwrap(),
        names: vec![(name.parse().unwrap(), Source::Container)],
        addresses: vec![[172, 18, 0, number].into()],
        services: Vec::new(),
    })
}

impl Inside {
    pub fn new(number: u8) -> Self {
        let udp = UdpSocket::bind("127.0.0.11:0").unwrap();
        let tcp = TcpListener::bind("127.0.0.11:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(udp.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(6))).unwrap();
        Self { id: id(number), udp, tcp, client }
    }

    pub fn send(&self, query: &Message) {
        self.client.send(&query.to_vec().unwrap()).unwrap();
    }

    pub fn receive(&self) -> Message {
        let mut buffer = [0; 4096];
        let length = self.client.recv(&mut buffer).unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    pub fn ask(&self, name: &str) -> Message {
        let query = query(name);
        self.send(&query);
        let reply = self.receive();
        assert_eq!(reply.metadata.id, query.metadata.id);
        reply
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tcp.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(6))).unwrap();
        stream
    }
}

pub fn write_tcp(stream: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, message].concat()).unwrap();
}

pub fn read_tcp(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

pub fn query(name: &str) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    message
}

/// The addresses in an answer.
pub fn addresses(reply: &Message) -> Vec<[u8; 4]> {
    let address = |record: &Record| match &record.data {
        RData::A(address) => Some(address.0.octets()),
        _ => None,
    };
    reply.answers.iter().filter_map(address).collect()
}

/// The reply of an upstream that knows the name at these addresses.
pub fn known(query: &Message, addresses: &[[u8; 4]]) -> Message {
    let mut reply = Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
    reply.metadata.recursion_available = true;
    reply.queries = query.queries.clone();
    let name = query.queries[0].name().clone();
    let record = |[a, b, c, d]: &[u8; 4]| {
        Record::from_rdata(name.clone(), 300, RData::A(rdata::A::new(*a, *b, *c, *d)))
    };
    reply.answers = addresses.iter().map(record).collect();
    reply
}

impl Namespace {
    /// Makes a namespace, and in it whatever `also` makes, before sandbox `number` and so many sockets of each kind.
    pub fn new(number: u8, sockets: usize, also: impl FnOnce() + Send + 'static) -> Self {
        let make = move || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
            assert!(up.success());
            also();
            let udp = || Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap().into();
            let tcp = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let inside = Inside::new(number);
            Self {
                stream: inside.connect(),
                inside,
                udp: (0..sockets).map(|_| udp()).collect(),
                tcp: (0..sockets).map(|_| tcp()).collect(),
            }
        };
        // The thread ends in the namespace; the sockets stay.
        std::thread::spawn(make).join().unwrap()
    }
}

/// A scripted upstream: what it answers to each datagram, in order. It serves until the test's process ends.
pub fn upstream(script: impl Fn(Message) -> Vec<Message> + Send + 'static) -> SocketAddr {
    upstream_at("127.0.0.1:0", script)
}

/// The same at an address of the namespace that it is called in.
pub fn upstream_at(
    address: &str,
    script: impl Fn(Message) -> Vec<Message> + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind(address).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, sender)) = socket.recv_from(&mut buffer) {
            for reply in script(Message::from_vec(&buffer[..length]).unwrap()) {
                socket.send_to(&reply.to_vec().unwrap(), sender).unwrap();
            }
        }
    });
    address
}

/// The same over TCP, at the address of one over UDP.
pub fn upstream_tcp(address: SocketAddr, script: impl Fn(Message) -> Message + Send + 'static) {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            while let Some(query) = read_tcp(&mut stream) {
                let reply = script(Message::from_vec(&query).unwrap());
                write_tcp(&mut stream, &reply.to_vec().unwrap());
            }
        }
    });
}
