//! Channel: what manager and resolver say to each other, with file descriptors.
//!
//! One SOCK_SEQPACKET connection; a message is one packet of JSON with its descriptors as SCM_RIGHTS. The manager asks
//! and the resolver answers each request by its number; what the resolver says unasked has number 0. There is no
//! ordering between two connections: the last manager to connect is the one that is listened to.

mod batches;
mod build;
mod client;
mod message;
mod transport;
mod watched;

pub use batches::batches;
pub use client::{Client, Unasked};
pub use message::{
    Answer, Asker, Build, Counters, FdKind, FromResolver, LogBatch, LoggedQuery, MOST_PORTS,
    QuerySource, Question, Resolution, SandboxCounters, SocketSet, ToResolver, UpstreamCounters,
    VERSION,
};
pub use transport::{ChannelError, Connection, Packet, UNASKED, decode, listen};
pub use watched::Watched;

#[cfg(test)]
mod tests;
