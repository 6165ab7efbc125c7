//! netdns: a network and a name for every network namespace.

pub mod api;
pub mod channel;
pub mod cli;
pub mod controller;
pub mod decide;
pub mod driver;
pub mod etc;
pub mod ipam;
pub mod kernel;
pub mod model;
pub mod plan;
pub mod registry;
pub mod resolver;
pub mod store;
pub mod zone;
