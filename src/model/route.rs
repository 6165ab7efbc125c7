//! Route: which servers are asked for the names of one domain (split DNS).

use super::{DnsName, Refusal};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The most servers of one route.
const MOST: usize = 8;

/// A domain, and the servers that are asked for it and what is below it, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Route {
    /// The domain; none for the root, which is every name.
    pub domain: Option<DnsName>,
    /// The servers: one to eight.
    pub servers: Vec<IpAddr>,
}

impl FromStr for Route {
    type Err = Refusal;

    /// Parses `DOMAIN=SERVER[,SERVER]`; `.` is the root.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::BadRoute(text.escape_debug().to_string());
        let (domain, servers) = text.split_once('=').ok_or_else(bad)?;
        let domain = match domain {
            "." => None,
            domain => Some(domain.parse()?),
        };
        let servers: Vec<IpAddr> =
            servers.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
        (servers.len() <= MOST).then_some(Self { domain, servers }).ok_or_else(bad)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            None => f.write_str(".")?,
            Some(domain) => write!(f, "{domain}")?,
        }
        for (number, server) in self.servers.iter().enumerate() {
            write!(f, "{}{server}", if number == 0 { '=' } else { ',' })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Route {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<Route> for String {
    fn from(route: Route) -> Self {
        route.to_string()
    }
}

#[cfg(test)]
mod tests;
