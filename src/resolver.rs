//! Resolver: the process that answers at 127.0.0.11 in each sandbox.
//!
//! `answer` and what it stands on are pure; `udp` and `tcp` carry queries to it, and `host` those of the host itself;
//! `forward` and `upstream` ask others; `control` hears the manager. `process` is where all of it starts.

pub mod answer;
pub mod cache;
pub mod encode;
pub mod find;
pub mod flight;
pub mod health;
pub mod query;
pub mod question;
pub mod relay;
pub mod servers;
pub mod stored;
pub mod view;
pub mod wire;

mod batch;
mod connections;
mod control;
mod exchange;
mod forward;
mod host;
mod inside;
mod lockdown;
mod ports;
pub mod process;
mod query_log;
mod random;
mod replica;
mod resolution;
mod routes;
mod sandbox;
mod shard;
mod shared;
mod stream;
mod tcp;
mod udp;
mod upstream;

pub use shared::Limits;
