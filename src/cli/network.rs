//! `network VERB`.

use super::filter::Filters;
use super::outcome::{Outcome, each, warn};
use super::print::{self, Format, ListArgs};
use super::{Dirs, clock, spec};
use crate::api::call::{
    Connect, CreateNetwork, Disconnect, GetRuleset, InspectNetwork, ListNetworks, RemoveNetwork,
};
use crate::api::client::{Client, ClientError};
use crate::api::view;
use crate::model::{EndpointRequest, Kind, Mac, NetworkRequest, Route};
use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names of the networks that every daemon has.
const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];

#[derive(Subcommand, Debug)]
pub enum NetworkCommand {
    /// Make a network; prints its id
    Create(CreateArgs),
    /// List networks
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Show networks as JSON
    Inspect(InspectArgs),
    /// Remove networks; prints their names
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Remove every network that no sandbox is on
    Prune(PruneArgs),
    /// Put a running sandbox on one more network
    Connect(ConnectArgs),
    /// Take a sandbox off a network
    Disconnect(DisconnectArgs),
}

#[derive(Args, Debug)]
pub struct CreateArgs {
    /// The driver
    #[arg(short, long, default_value = "bridge")]
    driver: String,
    /// A driver option
    #[arg(short, long, value_name = "K=V")]
    opt: Vec<String>,
    /// DNS servers to ask for one domain and what is below it: the option netdns.dns-route
    #[arg(long, value_name = "DOMAIN=IP[,IP]")]
    dns_route: Vec<Route>,
    /// A label
    #[arg(long, value_name = "K[=V]")]
    label: Vec<String>,
    /// No way out: members reach each other only
    #[arg(long)]
    internal: bool,
    /// IPv6 too; without a subnet of it, one of the host's own (RFC 4193)
    #[arg(long)]
    ipv6: bool,
    /// A subnet, one of each family at most
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    subnet: Vec<IpNet>,
    /// The part of a subnet that addresses are taken from
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    ip_range: Vec<IpNet>,
    /// The gateway of a subnet
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    gateway: Vec<IpAddr>,
    /// An address that something else uses
    #[arg(long, value_name = "NAME=IP", value_parser = spec::aux_address, value_delimiter = ',')]
    aux_address: Vec<(String, IpAddr)>,
    /// The network's name
    name: String,
}

#[derive(Args, Debug)]
pub struct LsArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Show those only that match: driver, id, label, name, type, dangling
    #[arg(short, long, value_name = "K=V")]
    filter: Vec<String>,
}

#[derive(Args, Debug)]
pub struct InspectArgs {
    /// Print the firewall's rules that serve them, with comments, and not JSON
    #[arg(long)]
    ruleset: bool,
    /// Names, ids or id prefixes
    #[arg(required = true)]
    network: Vec<String>,
}

#[derive(Args, Debug)]
pub struct RmArgs {
    /// A missing network is no error
    #[arg(short, long)]
    force: bool,
    /// Names, ids or id prefixes
    #[arg(required = true)]
    network: Vec<String>,
}

#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Remove those only that match: label, label!, until
    #[arg(long, value_name = "K=V")]
    filter: Vec<String>,
}

#[derive(Args, Debug)]
pub struct ConnectArgs {
    /// One more name on this network
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,
    /// The IPv4 address
    #[arg(long)]
    ip: Option<Ipv4Addr>,
    /// The IPv6 address
    #[arg(long)]
    ip6: Option<Ipv6Addr>,
    /// The network with the highest gives the default route
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_name = "N")]
    gw_priority: i32,
    /// The link-layer address
    #[arg(long, value_name = "MAC")]
    mac_address: Option<Mac>,
    /// The network
    network: String,
    /// The sandbox
    sandbox: String,
}

#[derive(Args, Debug)]
pub struct DisconnectArgs {
    /// One that is not connected is no error
    #[arg(short, long)]
    force: bool,
    /// The network
    network: String,
    /// The sandbox
    sandbox: String,
}

/// Does one of the verbs.
pub fn main(command: NetworkCommand, dirs: &Dirs) -> Outcome {
    let client = dirs.client();
    match command {
        NetworkCommand::Create(args) => create(args, &client),
        NetworkCommand::Ls(args) => ls(&args, &client),
        NetworkCommand::Inspect(args) if args.ruleset => ruleset(&args.network, &client),
        NetworkCommand::Inspect(args) => inspect(&args.network, &client),
        NetworkCommand::Rm(args) => rm(&args, &client),
        NetworkCommand::Prune(args) => prune(&args, &client),
        NetworkCommand::Connect(args) => connect(args, &client),
        NetworkCommand::Disconnect(args) => disconnect(args, &client),
    }
}

fn create(args: CreateArgs, client: &Client) -> Outcome {
    let mut options = spec::pairs("option", &args.opt)?;
    if !args.dns_route.is_empty() {
        let routes: Vec<_> = args.dns_route.iter().map(Route::to_string).collect();
        options.insert("netdns.dns-route".into(), routes.join(" "));
    }
    let network = NetworkRequest {
        name: args.name,
        driver: args.driver,
        options,
        labels: spec::labels(&args.label),
        internal: args.internal,
        ipv6: args.ipv6,
        subnets: args.subnet,
        ip_ranges: args.ip_range,
        gateways: args.gateway,
        aux: args.aux_address.into_iter().collect(),
    };
    let created = client.call(CreateNetwork { network })?;
    warn(&created.warnings);
    print::line(&created.id)?;
    Ok(0)
}

/// A line of `network ls --format json`: Docker's keys, and texts for values as Docker has them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    name: &'a str,
    driver: &'a str,
    scope: &'a str,
    internal: String,
    #[serde(rename = "IPv6")]
    ipv6: String,
    labels: String,
    created_at: &'a str,
}

fn ls(args: &LsArgs, client: &Client) -> Outcome {
    let known = ["driver", "id", "label", "name", "type", "dangling"];
    let filters = Filters::parse(&args.filter, &known)?;
    filters.check("type", "custom or builtin", |value| matches!(value, "custom" | "builtin"))?;
    filters.check("dangling", "true or false", |value| boolean(value).is_some())?;
    let mut networks = client.call(ListNetworks {})?;
    networks.retain(|network| shown(network, &filters));
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    match args.list.format {
        _ if args.list.quiet => {
            let ids = networks.iter().map(|network| args.list.id(&network.id).to_owned() + "\n");
            print::emit(&ids.collect::<String>())?;
        }
        Format::Json => {
            let items: Vec<Item> =
                networks.iter().map(|network| item(network, &args.list)).collect();
            print::json_lines(&items)?;
        }
        Format::Table => {
            let row = |n: &view::Network| {
                [args.list.id(&n.id).to_owned(), n.name.clone(), n.driver.clone(), n.scope.clone()]
            };
            let rows: Vec<_> = networks.iter().map(row).collect();
            print::table(["NETWORK ID", "NAME", "DRIVER", "SCOPE"], &rows)?;
        }
    }
    Ok(0)
}

fn item<'a>(network: &'a view::Network, list: &ListArgs) -> Item<'a> {
    Item {
        id: list.id(&network.id),
        name: &network.name,
        driver: &network.driver,
        scope: &network.scope,
        internal: network.internal.to_string(),
        ipv6: network.enable_ipv6.to_string(),
        labels: spec::joined(&network.labels),
        created_at: &network.created,
    }
}

fn shown(network: &view::Network, filters: &Filters) -> bool {
    let builtin = is_builtin(network);
    let dangling = !builtin && network.containers.is_empty();
    filters.any("driver", |value| network.driver == value)
        && filters.any("id", |value| network.id.starts_with(value))
        && filters.any("name", |value| network.name.contains(value))
        && filters.any("type", |value| (value == "builtin") == builtin)
        && filters.any("dangling", |value| boolean(value) == Some(dangling))
        && filters.labels(&network.labels)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn is_builtin(network: &view::Network) -> bool {
    PREDEFINED.contains(&network.name.as_str())
}

fn ruleset(names: &[String], client: &Client) -> Outcome {
    each(names, |name| {
        let rules = client.call(GetRuleset { network: name.clone() })?;
        print::emit(&rules)
    })
}

fn inspect(names: &[String], client: &Client) -> Outcome {
    let mut found = Vec::new();
    let code = each(names, |name| {
        found.push(client.call(InspectNetwork { network: name.clone() })?);
        Ok(())
    })?;
    print::json_pretty(&found)?;
    Ok(code)
}

fn rm(args: &RmArgs, client: &Client) -> Outcome {
    each(&args.network, |name| match client.call(RemoveNetwork { network: name.clone() }) {
        Ok(removed) => {
            warn(&removed.warnings);
            print::line(&removed.name)
        }
        Err(error) if args.force && is_kind(&error, Kind::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    })
}

fn prune(args: &PruneArgs, client: &Client) -> Outcome {
    let filters = Filters::parse(&args.filter, &["label", "label!", "until"])?;
    let until = match filters.values("until").last() {
        Some(text) => spec::moment(text, clock::now())?,
        None => u64::MAX,
    };
    let what = "WARNING! This will remove all custom networks not used by at least one sandbox.";
    if !print::confirm(what, args.force)? {
        return Ok(1);
    }
    let prunable = |network: &view::Network| {
        let old = clock::parse(&network.created).is_some_and(|created| created <= until);
        !is_builtin(network)
            && network.containers.is_empty()
            && old
            && filters.labels(&network.labels)
    };
    let mut networks = client.call(ListNetworks {})?;
    networks.retain(prunable);
    let mut deleted = Vec::new();
    let code = each(&networks, |network| {
        match client.call(RemoveNetwork { network: network.id.clone() }) {
            Ok(removed) => {
                warn(&removed.warnings);
                deleted.push(removed.name);
                Ok(())
            }
            // Somebody joined or removed it since it was listed.
            Err(error) if is_kind(&error, Kind::Conflict) || is_kind(&error, Kind::NotFound) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    })?;
    if !deleted.is_empty() {
        print::emit(&format!("Deleted Networks:\n{}\n", deleted.join("\n")))?;
    }
    Ok(code)
}

fn connect(args: ConnectArgs, client: &Client) -> Outcome {
    let endpoint = EndpointRequest {
        network: args.network,
        aliases: spec::dns_names(&args.alias)?,
        ip: args.ip,
        ip6: args.ip6,
        mac: args.mac_address,
        gw_priority: args.gw_priority,
    };
    warn(&client.call(Connect { endpoint, sandbox: args.sandbox })?.warnings);
    Ok(0)
}

fn disconnect(args: DisconnectArgs, client: &Client) -> Outcome {
    match client.call(Disconnect { network: args.network, sandbox: args.sandbox }) {
        Ok(done) => warn(&done.warnings),
        Err(error) if args.force && is_kind(&error, Kind::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(0)
}

fn is_kind(error: &ClientError, kind: Kind) -> bool {
    matches!(error, ClientError::Refused(body) if body.kind == Some(kind))
}
