//! The messages. [`VERSION`] changes when one of them does.

use crate::model::{DnsName, NetworkId, Publish, SandboxId};
use crate::registry::{SandboxView, Source, Update};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The version of the messages; a resolver with another one is replaced, not adopted.
pub const VERSION: u32 = 4;

/// Which program speaks: a resolver of another build is replaced, not adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// [`VERSION`] of the speaker.
    pub channel: u32,
    /// The release, `0.1.0`.
    pub release: String,
    /// Device, inode, size and modification time of the executable, to tell builds of one release apart.
    pub executable: String,
}

/// What a descriptor in a [`SocketSet`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FdKind {
    /// The UDP socket bound to 127.0.0.11 inside the namespace.
    Udp,
    /// The listening TCP socket bound to 127.0.0.11 inside the namespace.
    Tcp,
    /// The netlink socket that owns the namespace's DNS table.
    NftOwner,
    /// The pidfd of the process that keeps the namespace alive.
    Pid,
    /// An unconnected UDP socket made inside, for asking the sandbox's own servers.
    InsideUdp,
    /// An unconnected TCP socket made inside, for the same.
    InsideTcp,
}

/// A sandbox's descriptors, in the order of `fds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketSet {
    /// The sandbox.
    pub sandbox: SandboxId,
    /// What each descriptor is.
    pub fds: Vec<FdKind>,
}

/// As whom a person asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asker {
    /// A sandbox that is served.
    Sandbox(SandboxId),
    /// A sandbox that would see this.
    Imagined(SandboxView),
}

/// A question that a person asks through the manager (`netdns resolve`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// As whom it is asked.
    pub asker: Asker,
    /// The name.
    pub name: DnsName,
    /// The type's number.
    pub rr_type: u16,
}

/// One record of a [`Resolution`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    /// The owner name with its final dot.
    pub name: String,
    /// Seconds.
    #[serde(rename = "TTL")]
    pub ttl: u32,
    /// The type's mnemonic.
    pub r#type: String,
    /// The data in master-file form.
    pub data: String,
}

/// What the resolver would answer, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resolution {
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, ...
    pub rcode: String,
    /// Who knew it; none if nobody did.
    pub source: Option<Source>,
    /// The network on which a local name was found.
    pub network: Option<NetworkId>,
    /// The answer section.
    pub answers: Vec<Answer>,
}

/// Where the answer to a [`LoggedQuery`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuerySource {
    /// Containers, manual entries, zones, special names.
    Local,
    /// What a server has said before.
    Cache,
    /// The same, past its time.
    Stale,
    /// A server that was asked.
    Upstream,
    /// Nowhere: there is no server, none answered, or too much is asked already.
    Nobody,
}

/// A query and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedQuery {
    /// When it was answered, in milliseconds since 1970.
    pub at: u64,
    /// Who asked.
    pub sandbox: SandboxId,
    /// Whether over TCP.
    pub tcp: bool,
    /// The name as asked, with its final dot; empty if there was none that could be read.
    pub name: String,
    /// The type's mnemonic; empty likewise.
    pub rr_type: String,
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, ...
    pub rcode: String,
    /// The first records of the answer, each `TYPE DATA`; none of a long answer.
    pub answers: Vec<String>,
    /// How many records the answer has.
    pub records: u16,
    /// Where it comes from.
    pub source: QuerySource,
    /// Which server said it.
    pub server: Option<SocketAddr>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// Some of the query log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBatch {
    /// Queries, oldest first.
    pub queries: Vec<LoggedQuery>,
    /// What to ask with next.
    pub last: u64,
    /// How many in between are kept no more.
    pub lost: u64,
}

/// What the resolver has counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Queries read.
    pub queries: u64,
    /// Answered from local data.
    pub local: u64,
    /// Answered with what an upstream had said before.
    pub cached: u64,
    /// Answered with what was past its time.
    pub stale: u64,
    /// Asked of an upstream.
    pub forwarded: u64,
    /// Answered with a failure.
    pub failed: u64,
    /// Sandboxes served.
    pub sandboxes: u64,
    /// Answers kept of upstreams that are asked from the host's namespace.
    pub cache_entries: u64,
    /// What they take, in bytes.
    pub cache_bytes: u64,
    /// What they may take.
    pub cache_size: u64,
}

/// What was counted of one sandbox's queries since it is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxCounters {
    /// Queries read.
    pub queries: u64,
    /// Answered from local data.
    pub local: u64,
    /// Answered with what an upstream had said before.
    pub cached: u64,
    /// Answered with what was past its time.
    pub stale: u64,
    /// Asked of an upstream.
    pub forwarded: u64,
    /// Answered with a failure.
    pub failed: u64,
}

/// What is remembered of a server of the host or the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamCounters {
    /// Where it is asked.
    pub address: SocketAddr,
    /// Questions sent to it.
    pub asked: u64,
    /// Answers.
    pub answered: u64,
    /// Failures: it refused, failed or could not be reached.
    pub failed: u64,
    /// Its usual time, in microseconds.
    pub round_trip: u64,
}

/// As many ports are in one message: the kernel passes on 253 descriptors at a time (`SCM_MAX_FD`).
pub const MOST_PORTS: usize = 200;

/// From the manager. Each but `Hello` is answered by `Ack` unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToResolver {
    /// Who asks; answered by `Hello`.
    Hello(Build),
    /// What follows until `EndSnapshot` is all there is.
    BeginSnapshot,
    /// Changes of the replica.
    Updates(Vec<Update>),
    /// What was not named since `BeginSnapshot` is dropped: sandboxes with their sockets, networks, names,
    /// zones, host ports, the host's own listener.
    EndSnapshot,
    /// A sandbox's descriptors: those made inside are added to what it has, the others take the place of their kind.
    /// Queries are answered as soon as UDP, TCP and the sandbox itself are known.
    Sockets(SocketSet),
    /// Sockets that hold host ports while no manager lives, with a descriptor each; at most [`MOST_PORTS`].
    HoldPorts(Vec<Publish>),
    /// Host ports are let go.
    ReleasePorts(Vec<Publish>),
    /// The host itself is answered at this address: with a UDP socket and a listening TCP socket bound to it.
    HostDns(SocketAddr),
    /// A zone appears or changes: with a file of its records, as `Zone::to_bytes` writes them.
    PutZone(DnsName),
    /// A zone goes.
    RemoveZone(DnsName),
    /// Give duplicates back: answered by `Sockets`, `Port` and `HostDns` for each and `Ack` at the end. Sockets made inside are not
    /// given back: a resolver that has none asks for them.
    ReturnSockets,
    /// Answered by `Resolved`.
    Resolve(Question),
    /// Answered by `Counters`.
    Count,
    /// Answered by `CountedEach`, of those sandboxes that are served.
    CountEach(Vec<SandboxId>),
    /// What is asked after the query of a number, for `query-log`; nothing but where to begin without one. Answered by
    /// `Logged` as soon as there is something, at the latest after 2 s; who does not ask again within 10 s misses some.
    ReadLog(Option<u64>),
    /// So many bytes are for what upstreams that are asked from the host's namespace have said.
    CacheSize(u64),
    /// Forget what upstreams have said.
    FlushCache,
    /// Answered by `Ack` as soon as every shard has come by.
    Ping,
    /// Read no more queries, answer those read, end.
    Drain,
}

/// From the resolver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromResolver {
    /// Who answers.
    Hello(Build),
    /// Done.
    Ack,
    /// It could not be done.
    Refused(String),
    /// A sandbox's descriptors.
    Sockets(SocketSet),
    /// The socket that holds a host port.
    Port(Publish),
    /// The UDP and the TCP socket at which the host itself is answered.
    HostDns(SocketAddr),
    /// The answer to `Resolve`.
    Resolved(Resolution),
    /// The answer to `Count`.
    Counted(Counters),
    /// The answer to `CountEach`, with the servers of the host or the daemon.
    CountedEach(Vec<(SandboxId, SandboxCounters)>, Vec<UpstreamCounters>),
    /// The answer to `ReadLog`.
    Logged(LogBatch),
    /// Unasked: a sandbox's process has ended; its sockets are closed and its names withdrawn.
    Ended(SandboxId),
    /// Unasked: more sockets made inside are needed, up to 64 a sandbox.
    NeedInside {
        /// The sandbox.
        sandbox: SandboxId,
        /// How many more UDP sockets.
        udp: u16,
        /// How many more TCP sockets.
        tcp: u16,
    },
}
