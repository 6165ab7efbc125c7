//! Rendering: State as inspect, ps, ls and names show it. Pure; the shapes are those of [`view`](super::view).

mod event;
mod name;
mod network;
mod query;
mod sandbox;
mod stats;
mod time;

pub use event::event;
pub use name::names;
pub use network::network;
pub use query::query;
pub use sandbox::sandbox;
pub use stats::stats;
pub use time::rfc3339;

use crate::model::Endpoint;
use ipnet::IpNet;

/// Returns an endpoint's address of a family with its prefix length, if it has one.
fn address(endpoint: &Endpoint, ipv6: bool) -> Option<IpNet> {
    endpoint.addresses.iter().copied().find(|address| address.addr().is_ipv6() == ipv6)
}

/// Writes what there is, and nothing for nothing.
fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
