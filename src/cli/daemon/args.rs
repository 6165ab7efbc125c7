//! The flags of `netdns daemon`.

use crate::ipam::Pool;
use crate::model::Route;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Flags of `daemon`.
#[derive(Args, Clone, Debug)]
pub struct DaemonArgs {
    /// Address and subnet of the default network's bridge
    #[arg(long, value_name = "CIDR")]
    pub bip: Option<IpNet>,
    /// A pool that networks without --subnet take theirs from
    #[arg(long, value_name = "base=CIDR,size=N")]
    pub default_address_pool: Vec<Pool>,
    /// A DNS server to ask instead of the host's
    #[arg(long, value_name = "IP")]
    pub dns: Vec<IpAddr>,
    /// DNS servers to ask for one domain and what is below it; repeatable, the longest domain wins
    #[arg(long, value_name = "DOMAIN=IP[,IP]")]
    pub dns_route: Vec<Route>,
    /// How much is kept of what DNS servers say, in bytes or with b, k, m or g behind it
    #[arg(long, value_name = "SIZE", default_value = "32m")]
    pub dns_cache: CacheSize,
    /// How sandboxes reach their resolver
    #[arg(long, value_enum, default_value_t = DnsListen::Rewrite)]
    pub dns_listen: DnsListen,
    /// A loopback address at whose port 53 the host itself is told names, as NAME.NETWORK
    #[arg(long, value_name = "ADDRESS")]
    pub host_dns: Option<IpAddr>,
    /// Where what was counted is shown to Prometheus, at /metrics; it is also at the API's socket
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// MTU of networks instead of the uplink's, in bytes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(68..=65535))]
    pub mtu: Option<u32>,
    /// The group that may use the API's socket
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Set state files that cannot be read aside and start without them
    #[arg(long)]
    pub recover: bool,
    /// Leave the rules of other programs alone where they would block a network
    #[arg(long)]
    pub no_foreign_hooks: bool,
    /// Let others change the firewall tables, as on kernels before 6.9, and put back what they change
    #[arg(long, hide = true)]
    pub share_tables: bool,
}

/// The bytes for what DNS servers say: from 1 MiB to 64 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSize(pub u64);

/// What is no such size.
#[derive(Debug, thiserror::Error)]
#[error("a size is a number of bytes, or one with b, k, m or g behind it, from 1m to 64g")]
pub struct NoCacheSize;

impl FromStr for CacheSize {
    type Err = NoCacheSize;

    fn from_str(text: &str) -> Result<Self, NoCacheSize> {
        let lower = text.to_ascii_lowercase();
        let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
        let shift = match &lower[digits.len()..] {
            "" | "b" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            _ => return Err(NoCacheSize),
        };
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| plain).ok_or(NoCacheSize)?;
        let bytes = number.checked_mul(1 << shift).ok_or(NoCacheSize)?;
        (1 << 20..=64 << 30).contains(&bytes).then_some(Self(bytes)).ok_or(NoCacheSize)
    }
}

/// How sandboxes reach their resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DnsListen {
    /// Port 53 of 127.0.0.11 is rewritten to an ephemeral port inside each sandbox
    Rewrite,
    /// The resolver takes port 53 of 127.0.0.11 itself
    Direct,
    /// Leave DNS alone
    None,
}
