//! `netdns daemon`: the composition root.

use super::Dirs;
use super::outcome::Failure;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use std::net::IpAddr;
use std::process::ExitCode;
use std::str::FromStr;

/// Flags of `daemon`.
#[derive(Args, Clone, Debug)]
pub struct DaemonArgs {
    /// Address and subnet of the default network's bridge
    #[arg(long, value_name = "CIDR")]
    pub bip: Option<IpNet>,
    /// A pool that networks without --subnet take theirs from
    #[arg(long, value_name = "base=CIDR,size=N")]
    pub default_address_pool: Vec<AddressPool>,
    /// A DNS server to ask instead of the host's
    #[arg(long, value_name = "IP")]
    pub dns: Vec<IpAddr>,
    /// How sandboxes reach their resolver
    #[arg(long, value_enum, default_value_t = DnsListen::Rewrite)]
    pub dns_listen: DnsListen,
    /// MTU of networks instead of the uplink's, in bytes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(68..=65535))]
    pub mtu: Option<u32>,
    /// The group that may use the API's socket
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Leave the rules of other programs alone where they would block a network
    #[arg(long)]
    pub no_foreign_hooks: bool,
}

/// How sandboxes reach their resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DnsListen {
    /// Port 53 of 127.0.0.11 is rewritten to an ephemeral port inside each sandbox
    Rewrite,
    /// Leave DNS alone
    None,
}

/// Where subnets come from: blocks of one prefix length within a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPool {
    /// All of them.
    pub base: IpNet,
    /// The prefix length of each.
    pub size: u8,
}

/// The text is no `base=CIDR,size=N`.
#[derive(Debug, thiserror::Error)]
#[error("it should be base=CIDR,size=N with a size from the base's prefix length to {max}")]
pub struct BadPool {
    max: u8,
}

impl FromStr for AddressPool {
    type Err = BadPool;

    fn from_str(text: &str) -> Result<Self, BadPool> {
        let (mut base, mut size) = (None, None);
        for field in text.split(',') {
            match field.split_once('=') {
                Some(("base", value)) => base = value.parse::<IpNet>().ok(),
                Some(("size", value)) => size = value.parse::<u8>().ok(),
                _ => return Err(BadPool { max: 30 }),
            }
        }
        let max = base.map_or(30, |base| base.max_prefix_len() - 2);
        let (Some(base), Some(size)) = (base, size) else { return Err(BadPool { max }) };
        if !(base.prefix_len()..=max).contains(&size) {
            return Err(BadPool { max });
        }
        Ok(Self { base: base.trunc(), size })
    }
}

/// Runs the manager until it is told to end.
pub fn run(_args: DaemonArgs, _dirs: Dirs) -> ExitCode {
    ExitCode::from(Failure::new("the daemon is not built yet").report())
}
