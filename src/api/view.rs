//! What inspect, ls, ps and status show: Docker's JSON shapes.

pub use crate::channel::QuerySource;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `network inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct Network {
    pub name: String,
    pub id: String,
    pub created: String,
    pub scope: String,
    pub driver: String,
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: bool,
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: bool,
    pub internal: bool,
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub containers: BTreeMap<String, Member>,
}

/// `.IPAM` of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct Ipam {
    pub driver: String,
    pub config: Vec<IpamConfig>,
}

/// `.IPAM.Config[]` of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct IpamConfig {
    pub subnet: String,
    pub gateway: String,
    #[serde(rename = "IPRange", default, skip_serializing_if = "String::is_empty")]
    pub ip_range: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub auxiliary_addresses: BTreeMap<String, String>,
}

/// `.Containers.ID` of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct Member {
    pub name: String,
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    pub mac_address: String,
    #[serde(rename = "IPv4Address")]
    pub ipv4_address: String,
    #[serde(rename = "IPv6Address")]
    pub ipv6_address: String,
}

/// `inspect` of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct Sandbox {
    pub id: String,
    pub name: String,
    pub created: String,
    pub state: SandboxState,
    pub config: Config,
    pub host_config: HostConfig,
    pub network_settings: NetworkSettings,
}

/// `.State` of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct SandboxState {
    /// `running` or `exited`.
    pub status: String,
    pub running: bool,
    pub paused: bool,
    pub pid: i32,
    pub exit_code: i32,
    pub started_at: String,
    pub finished_at: String,
}

/// `.Config` of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct Config {
    pub hostname: String,
    #[serde(default)]
    pub user: String,
    pub cmd: Vec<String>,
    pub env: Vec<String>,
    pub exposed_ports: BTreeMap<String, BTreeMap<String, String>>,
    pub labels: BTreeMap<String, String>,
}

/// `.HostConfig` of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct HostConfig {
    pub network_mode: String,
    pub port_bindings: BTreeMap<String, Vec<PortBinding>>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_options: Vec<String>,
    pub extra_hosts: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<String, String>,
    pub privileged: bool,
    pub auto_remove: bool,
}

/// A host port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct PortBinding {
    pub host_ip: String,
    pub host_port: String,
}

/// `.NetworkSettings` of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct NetworkSettings {
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    pub sandbox_key: String,
    /// By `80/tcp`; null for a port that is exposed and not published.
    pub ports: BTreeMap<String, Option<Vec<PortBinding>>>,
    pub networks: BTreeMap<String, EndpointSettings>,
}

/// `.NetworkSettings.Networks.N` of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names are Docker's")]
pub struct EndpointSettings {
    #[serde(rename = "NetworkID")]
    pub network_id: String,
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    pub gateway: String,
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: u8,
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: u8,
    pub mac_address: String,
    pub aliases: Vec<String>,
    #[serde(rename = "DNSNames")]
    pub dns_names: Vec<String>,
    pub gw_priority: i32,
}

/// `stats`, of one sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct Stats {
    #[serde(rename = "ID")]
    pub id: String,
    pub name: String,
    pub running: bool,
    /// The network that is asked for names first comes first.
    pub links: Vec<LinkStats>,
    /// Its queries, since this resolver serves it.
    #[serde(rename = "DNS")]
    pub dns: DnsStats,
}

/// `.DNS` of `stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct DnsStats {
    pub queries: u64,
    pub local: u64,
    pub cached: u64,
    pub stale: u64,
    pub forwarded: u64,
    pub failed: u64,
}

/// `.Links[]` of `stats`: since the link was made, as the sandbox sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct LinkStats {
    pub network: String,
    pub interface: String,
    pub received: Flow,
    pub sent: Flow,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct Flow {
    pub bytes: u64,
    pub packets: u64,
    pub dropped: u64,
    pub errors: u64,
}

/// `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct Status {
    pub version: String,
    pub manager_pid: u32,
    /// 0 while there is none.
    pub resolver_pid: i32,
    pub resolver_version: String,
    pub networks: usize,
    pub sandboxes: usize,
    pub running: usize,
    pub endpoints: usize,
    pub registrations: usize,
    /// The upstream servers in force, `ADDRESS:PORT`.
    pub upstreams: Vec<String>,
    /// How many zones are served.
    pub zones: usize,
    /// The zone files that are refused: `FILE: line N: REASON`.
    pub refused_zones: Vec<String>,
    /// Queries read by the resolver since it started.
    pub queries: u64,
    pub cache: Cache,
    pub run_dir: String,
    pub state_dir: String,
}

/// What the resolver keeps of what upstreams have said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct Cache {
    /// Of servers that are asked from the host's namespace.
    pub entries: u64,
    pub bytes: u64,
    /// What they may take.
    pub size: u64,
    /// Queries answered from it since the resolver started, and those for which upstreams were asked.
    pub hits: u64,
    pub misses: u64,
    /// Answers past their time, for want of others.
    pub stale: u64,
}

/// A line of `query-log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct Query {
    pub time: String,
    /// The sandbox's name; empty if it has gone.
    pub sandbox: String,
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    pub transport: String,
    pub name: String,
    pub r#type: String,
    pub rcode: String,
    /// The first records of the answer, each `TYPE DATA`; none of a long one.
    pub answers: Vec<String>,
    /// How many there are.
    pub records: u16,
    pub source: QuerySource,
    /// Which server said it; empty if none did.
    pub server: String,
    pub microseconds: u64,
}

/// A line of `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the field names say it")]
pub struct Event {
    pub time: String,
    /// `network`, `sandbox`, `zone`, `firewall` or `resolver`.
    pub r#type: String,
    pub action: String,
    pub name: String,
    /// Empty for what has none.
    #[serde(rename = "ID")]
    pub id: String,
    pub attributes: BTreeMap<String, String>,
}
