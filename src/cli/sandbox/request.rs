//! The network flags that `run` and `attach` share, and the request that they make.

use super::{
    AttachTo, Config, DnsConfig, Failure, IpAddr, Ipv4Addr, Ipv6Addr, Mac, RunRequest, spec,
};
use crate::model::{EndpointRequest, Exposed, Route};
use clap::Args;

/// Which networks, with which names and addresses; which ports; which servers.
#[derive(Args, Debug, Default)]
pub struct NetworkArgs {
    /// A network: NAME, or name=N,alias=A,ip=IP,ip6=IP,mac-address=MAC,gw-priority=N
    #[arg(long, visible_alias = "net", value_name = "NETWORK", help_heading = "Network")]
    network: Vec<String>,
    /// One more name on the first network
    #[arg(long, visible_alias = "net-alias", value_name = "NAME", help_heading = "Network")]
    network_alias: Vec<String>,
    /// The IPv4 address on the first network
    #[arg(long, help_heading = "Network")]
    ip: Option<Ipv4Addr>,
    /// The IPv6 address on the first network
    #[arg(long, help_heading = "Network")]
    ip6: Option<Ipv6Addr>,
    /// The link-layer address on the first network
    #[arg(long, value_name = "MAC", help_heading = "Network")]
    mac_address: Option<Mac>,
    #[arg(short, long, value_name = "PORT", help_heading = "Network")]
    #[arg(help = "Publish ports: [IP:][HOST[-END]:]CONTAINER[-END][/tcp|udp|sctp]")]
    publish: Vec<String>,
    /// Publish every exposed port at a host port that is chosen
    #[arg(short = 'P', long, help_heading = "Network")]
    publish_all: bool,
    #[arg(long, value_name = "PORT", help_heading = "Network")]
    #[arg(help = "Say that ports are served: PORT[-END][/tcp|udp|sctp]")]
    expose: Vec<String>,
    /// A DNS server, asked from inside the sandbox, instead of the host's
    #[arg(long, value_name = "IP", help_heading = "Names")]
    dns: Vec<IpAddr>,
    /// DNS servers, asked from inside the sandbox, for one domain and what is below it
    #[arg(long, value_name = "DOMAIN=IP[,IP]", help_heading = "Names")]
    dns_route: Vec<Route>,
    /// A search domain instead of the host's; . clears them
    #[arg(long, value_name = "DOMAIN", help_heading = "Names")]
    dns_search: Vec<String>,
    /// A resolver option instead of the host's
    #[arg(long, visible_alias = "dns-opt", value_name = "OPTION", help_heading = "Names")]
    dns_option: Vec<String>,
    /// An entry for /etc/hosts: NAME:IP or NAME:host-gateway
    #[arg(long, value_name = "NAME:IP", help_heading = "Names")]
    add_host: Vec<String>,
    /// A label
    #[arg(short, long, value_name = "K[=V]")]
    label: Vec<String>,
}

impl NetworkArgs {
    /// Parses the flags into a request without a name.
    pub fn request(self, attach: AttachTo) -> Result<RunRequest, Failure> {
        let networks = self.networks()?;
        let mut exposed: Vec<Exposed> = Vec::new();
        for text in &self.expose {
            exposed.extend(spec::expose(text)?);
        }
        Ok(RunRequest {
            name: None,
            attach,
            networks,
            publish: self
                .publish
                .iter()
                .map(|text| spec::publish(text))
                .collect::<Result<_, _>>()?,
            publish_all: self.publish_all,
            config: Config { labels: spec::labels(&self.label), exposed, ..Config::default() },
            dns: DnsConfig {
                servers: self.dns,
                search: one_word_each("--dns-search", self.dns_search)?,
                options: one_word_each("--dns-option", self.dns_option)?,
                routes: self.dns_route,
            },
            extra_hosts: self
                .add_host
                .iter()
                .map(|text| spec::extra_host(text))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Parses the networks; --ip and its like are for the first, which is the default one if none is named.
    fn networks(&self) -> Result<Vec<EndpointRequest>, Failure> {
        let mut networks: Vec<EndpointRequest> =
            self.network.iter().map(|text| spec::network(text)).collect::<Result<_, _>>()?;
        let wants_one = !self.network_alias.is_empty()
            || self.ip.is_some()
            || self.ip6.is_some()
            || self.mac_address.is_some();
        if networks.is_empty() && wants_one {
            networks.push(EndpointRequest { network: "bridge".into(), ..Default::default() });
        }
        if let Some(first) = networks.first_mut() {
            first.aliases.extend(spec::dns_names(&self.network_alias)?);
            first.ip = self.ip.or(first.ip);
            first.ip6 = self.ip6.or(first.ip6);
            first.mac = self.mac_address.or(first.mac);
        }
        Ok(networks)
    }
}

/// Refuses what would break the line of resolv.conf that it is written into.
fn one_word_each(flag: &str, words: Vec<String>) -> Result<Vec<String>, Failure> {
    let bad = |word: &&String| {
        word.is_empty() || word.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    if let Some(word) = words.iter().find(bad) {
        return Err(Failure::new(format!("invalid value \"{}\" for {flag}", word.escape_debug())));
    }
    Ok(words)
}
