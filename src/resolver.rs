//! Resolver: the process that answers at 127.0.0.11 in each sandbox.

pub mod answer;
pub mod encode;
pub mod find;
pub mod query;
pub mod relay;
pub mod view;
pub mod wire;
