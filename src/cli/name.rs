//! `register`, `deregister`, `names`, `resolve`, `cache`.

use super::Dirs;
use super::filter::Filters;
use super::outcome::{Failure, Outcome, note, warn};
use super::print::{self, Format, FormatArgs};
use crate::api::call::{
    AddAlias, Deregister, FlushCache, ListNames, NameItem, Register, RemoveAlias, Resolve, Resolved,
};
use crate::channel::Answer;
use crate::model::{DnsName, Rdata, RegisterRequest, RrType};
use crate::registry::Source;
use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;
use std::net::IpAddr;

#[derive(Args, Debug)]
pub struct RegisterArgs {
    /// The record type of DATA; without it the data are addresses
    #[arg(long, value_name = "T")]
    r#type: Option<RrType>,
    /// The network whose sandboxes see it; all user-defined ones without it
    #[arg(long, value_name = "N")]
    network: Option<String>,
    /// Seconds that it may be cached
    #[arg(long, value_name = "S", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=2_147_483_647))]
    ttl: u32,
    /// The name
    name: String,
    /// Addresses, or the data of --type
    #[arg(required = true)]
    data: Vec<String>,
}

#[derive(Subcommand, Debug)]
pub enum AliasCommand {
    /// Give a running sandbox one more name
    Add(AliasArgs),
    /// Take such a name away
    Rm(AliasArgs),
}

#[derive(Args, Debug)]
pub struct AliasArgs {
    /// The network
    network: String,
    /// The sandbox
    sandbox: String,
    /// The name
    name: String,
}

#[derive(Subcommand, Debug)]
pub enum CacheCommand {
    /// Forget all of it: the next question is asked anew
    Flush,
}

#[derive(Args, Debug)]
pub struct DeregisterArgs {
    /// This record type only
    #[arg(long, value_name = "T")]
    r#type: Option<RrType>,
    /// On this network only
    #[arg(long, value_name = "N")]
    network: Option<String>,
    /// The name
    name: String,
}

#[derive(Args, Debug)]
pub struct NamesArgs {
    #[command(flatten)]
    output: FormatArgs,
    /// Show those only that match: name, network, type, source, sandbox
    #[arg(short, long, value_name = "K=V")]
    filter: Vec<String>,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("viewer").required(true))]
pub struct ResolveArgs {
    /// As this sandbox sees it
    #[arg(long, value_name = "S", group = "viewer")]
    sandbox: Option<String>,
    /// As a member of this network sees it
    #[arg(long, value_name = "N", group = "viewer")]
    network: Option<String>,
    #[command(flatten)]
    output: FormatArgs,
    /// The name
    name: String,
    /// The record type
    #[arg(default_value = "A")]
    r#type: String,
}

/// Enters a name by hand.
pub fn register(args: RegisterArgs, dirs: &Dirs) -> Outcome {
    let record = RegisterRequest {
        name: DnsName::parse_owned(&args.name)?,
        network: args.network,
        ttl: args.ttl,
        rr_type: args.r#type,
        data: rdata(args.r#type, &args.data)?,
    };
    let registered = dirs.client().call(Register { record })?;
    warn(&registered.warnings);
    if !registered.replaced.is_empty() {
        note(&format!("replaced {}", registered.replaced.join(", ")));
    }
    Ok(0)
}

/// Parses the data: one record an argument; the unquoted words of one SRV or MX record count as one.
fn rdata(rr_type: Option<RrType>, words: &[String]) -> Result<Vec<Rdata>, Failure> {
    let Some(rr_type) = rr_type else {
        return words.iter().map(|word| address(word)).collect();
    };
    let unquoted = words.len() > 1 && words.iter().all(|word| !word.contains(char::is_whitespace));
    if unquoted && matches!(rr_type, RrType::Srv | RrType::Mx) {
        return Ok(vec![Rdata::parse(rr_type, &words.join(" "))?]);
    }
    words.iter().map(|word| Ok(Rdata::parse(rr_type, word)?)).collect()
}

fn address(word: &str) -> Result<Rdata, Failure> {
    let parsed: Result<IpAddr, _> = word.parse();
    parsed.map(Rdata::from).map_err(|_| {
        Failure::new(format!("invalid IP address: {word}")).hint("other data need --type")
    })
}

/// Takes a name that was entered by hand away.
pub fn deregister(args: DeregisterArgs, dirs: &Dirs) -> Outcome {
    let call = Deregister { name: args.name.parse()?, rr_type: args.r#type, network: args.network };
    warn(&dirs.client().call(call)?.warnings);
    Ok(0)
}

/// Forgets what upstream servers have said.
pub fn flush_cache(dirs: &Dirs) -> Outcome {
    warn(&dirs.client().call(FlushCache {})?.warnings);
    Ok(0)
}

/// Lists every name that is known.
pub fn names(args: &NamesArgs, dirs: &Dirs) -> Outcome {
    let filters = Filters::parse(&args.filter, &["name", "network", "type", "source", "sandbox"])?;
    let mut items = dirs.client().call(ListNames {})?;
    items.retain(|item| {
        filters.any("name", |value| item.name.contains(&value.to_ascii_lowercase()))
            && filters.any("network", |value| item.network == value)
            && filters.any("type", |value| item.r#type.eq_ignore_ascii_case(value))
            && filters.any("source", |value| source_text(item.source) == value)
            && filters.any("sandbox", |value| item.sandbox == value)
    });
    if args.output.format == Format::Json {
        print::json_lines(&items)?;
        return Ok(0);
    }
    let row = |item: NameItem| {
        let NameItem { name, network, r#type, data, ttl, source, sandbox } = item;
        [name, network, r#type, data, ttl.to_string(), source_text(source), sandbox]
    };
    let rows: Vec<_> = items.into_iter().map(row).collect();
    print::table(["NAME", "NETWORK", "TYPE", "DATA", "TTL", "SOURCE", "SANDBOX"], &rows)?;
    Ok(0)
}

/// What `resolve --format json` shows.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    rcode: &'a str,
    source: Option<Source>,
    network: Option<&'a str>,
    answers: &'a [Answer],
}

/// Looks a name up; without an answer the exit code is 1.
pub fn resolve(args: ResolveArgs, dirs: &Dirs) -> Outcome {
    let call = Resolve {
        name: args.name.parse()?,
        rr_type: args.r#type.to_ascii_uppercase(),
        sandbox: args.sandbox,
        network: args.network,
    };
    let Resolved { resolution, network_name } = dirs.client().call(call)?;
    let answered = resolution.rcode == "NOERROR" && !resolution.answers.is_empty();
    if args.output.format == Format::Json {
        let shown = Shown {
            rcode: &resolution.rcode,
            source: resolution.source,
            network: network_name.as_deref(),
            answers: &resolution.answers,
        };
        print::json_lines(&[shown])?;
    } else {
        let source = resolution.source.map_or_else(|| "nobody".to_owned(), source_text);
        let place = network_name.map_or_else(String::new, |name| format!(" on {name}"));
        let empty = resolution.rcode == "NOERROR" && resolution.answers.is_empty();
        let rcode = if empty { "NODATA" } else { &resolution.rcode };
        print::line(&format!("{rcode} from {source}{place}"))?;
        let line = |a: &Answer| format!("{}\t{}\t{}\t{}\n", a.name, a.ttl, a.r#type, a.data);
        print::emit(&resolution.answers.iter().map(line).collect::<String>())?;
    }
    Ok(u8::from(!answered))
}

fn source_text(source: Source) -> String {
    match source {
        Source::Container => "container",
        Source::Alias => "alias",
        Source::Id => "id",
        Source::Hostname => "hostname",
        Source::Manual => "manual",
        Source::Zone => "zone",
        Source::Builtin => "builtin",
        Source::Upstream => "upstream",
    }
    .to_owned()
}

/// Gives a sandbox an alias, or takes it away.
pub fn alias(command: AliasCommand, dirs: &Dirs) -> Outcome {
    let client = dirs.client();
    let done = match command {
        AliasCommand::Add(AliasArgs { network, sandbox, name }) => {
            client.call(AddAlias { network, sandbox, alias: DnsName::parse_owned(&name)? })?
        }
        AliasCommand::Rm(AliasArgs { network, sandbox, name }) => {
            client.call(RemoveAlias { network, sandbox, alias: name.parse()? })?
        }
    };
    warn(&done.warnings);
    Ok(0)
}
