//! Sandbox: a network namespace with its links and names; and Endpoint: its membership of one network.

use super::{
    DnsName, EndpointId, Exposed, IfName, Mac, Millis, NetworkId, Publish, Route, SandboxId,
    SandboxName,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// Who made the namespace, and so how its end is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// `netdns run`: the pid is that of our own small init.
    Init(i32),
    /// `netdns attach --pid`: somebody else's process.
    Pid(i32),
    /// `netdns attach --netns`: a file that stands for the namespace.
    Netns(PathBuf),
}

impl Origin {
    /// Returns the process that keeps the namespace alive, if one is known.
    pub fn pid(&self) -> Option<i32> {
        match self {
            Self::Init(pid) | Self::Pid(pid) => Some(*pid),
            Self::Netns(_) => None,
        }
    }

    /// Returns a path in the manager's mount namespace that opens the namespace.
    pub fn key(&self) -> PathBuf {
        match self {
            Self::Init(pid) | Self::Pid(pid) => format!("/proc/{pid}/ns/net").into(),
            Self::Netns(path) => path.clone(),
        }
    }

    /// Whether somebody else made it.
    pub fn is_adopted(&self) -> bool {
        !matches!(self, Self::Init(_))
    }
}

/// Whose namespace a sandbox uses that has none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shares {
    /// The host's (`--network host`).
    Host,
    /// Another sandbox's, with its endpoints and its names (`--network container:NAME`).
    Sandbox(SandboxId),
}

/// Whether a sandbox lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its namespace exists.
    Running,
    /// Its init has ended: it keeps its name and settings, but no endpoint.
    Exited {
        /// The command's exit code, 128+N for a signal.
        code: i32,
        /// When it was noticed.
        at: Millis,
    },
}

/// What a sandbox was asked to be, as inspect shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its host name; the short id unless given.
    pub hostname: String,
    /// The command and its arguments; empty for an adopted namespace.
    pub command: Vec<String>,
    /// `-e`, as `K=V`.
    #[serde(default)]
    pub env: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports that it says it serves.
    pub exposed: Vec<Exposed>,
    /// The user of its command, as typed; empty for the caller.
    #[serde(default)]
    pub user: String,
    /// Sysctls of its network namespace.
    #[serde(default)]
    pub sysctls: BTreeMap<String, String>,
    /// The first network as it was asked for: `bridge`, NAME, `host`, `none`, `container:ID`.
    #[serde(default)]
    pub network_mode: String,
    /// All capabilities, writable /proc/sys.
    pub privileged: bool,
    /// It is removed when it ends (`--rm`).
    pub auto_remove: bool,
}

/// What a sandbox's /etc/resolv.conf and resolver were asked to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsConfig {
    /// Upstream servers, asked from inside the sandbox; empty means the daemon's or the host's.
    pub servers: Vec<IpAddr>,
    /// Search domains instead of the host's; `.` alone clears them.
    pub search: Vec<String>,
    /// Options instead of the host's.
    pub options: Vec<String>,
    /// Which servers are asked for which domain, from inside the sandbox.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// An entry of /etc/hosts given with `--add-host`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraHost {
    /// The name.
    pub name: DnsName,
    /// Where it leads.
    pub target: HostTarget,
}

/// Where an `--add-host` entry leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostTarget {
    /// The gateway of the sandbox's first network that has one.
    HostGateway,
    /// A fixed address.
    Address(IpAddr),
}

/// A sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Its id.
    pub id: SandboxId,
    /// Its name, unique on the daemon.
    pub name: SandboxName,
    /// When it was attached first.
    pub created: Millis,
    /// Who made its namespace.
    pub origin: Origin,
    /// Device and inode of its namespace: another namespace under the same pid or path is another one.
    pub netns: (u64, u64),
    /// Whose namespace it uses, if not its own.
    #[serde(default)]
    pub shares: Option<Shares>,
    /// Whether it lives.
    pub status: Status,
    /// What it was asked to be.
    pub config: Config,
    /// What its resolver was asked to be.
    pub dns: DnsConfig,
    /// Entries of its /etc/hosts.
    pub extra_hosts: Vec<ExtraHost>,
    /// Ports of the host that lead to it.
    pub publish: Vec<Publish>,
}

impl Sandbox {
    /// Returns whose namespace it is in: its own, unless it shares another sandbox's.
    pub fn owner(&self) -> SandboxId {
        match self.shares {
            Some(Shares::Sandbox(owner)) => owner,
            Some(Shares::Host) | None => self.id,
        }
    }

    /// Whether its namespace exists.
    pub fn is_running(&self) -> bool {
        matches!(self.status, Status::Running)
    }
}

/// One sandbox's membership of one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// The network.
    pub network: NetworkId,
    /// The sandbox.
    pub sandbox: SandboxId,
    /// The link on the host.
    pub host_link: IfName,
    /// The link in the sandbox: `eth0`, `eth1`, ...
    pub link: IfName,
    /// The address of the link in the sandbox.
    pub mac: Mac,
    /// Its addresses with the subnet's prefix length, of either family.
    pub addresses: Vec<IpNet>,
    /// Its aliases on this network.
    pub aliases: Vec<DnsName>,
    /// The highest gives the sandbox its default route.
    pub gw_priority: i32,
}
