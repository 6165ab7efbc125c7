//! Sandboxes: `ps`, `inspect`, `stop`, `rm`, `attach`, `detach`. `run` and `exec` have files of their own.

use super::exec::{self, ExecArgs};
use super::logs::{self, LogsArgs};
use super::outcome::{Failure, Outcome, each, note, warn};
use super::print::{self, Format, ListArgs};
use super::run::{self, RunArgs};
use super::stats::{self, StatsArgs};
use super::{Dirs, clock, spec};
use crate::api::call::{Attach, Detach, InspectNetwork, InspectSandbox, ListSandboxes};
use crate::api::client::{Client, ClientError};
use crate::api::view;
use crate::model::{AttachTo, Config, DnsConfig, Kind, Mac, RunRequest, SandboxName};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use filter::PsFilter;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

mod filter;
mod lifetime;
mod listing;
mod request;

pub use request::NetworkArgs;

#[derive(Subcommand, Debug)]
pub enum SandboxCommand {
    /// Run a program of this host in a sandbox of its own
    #[command(disable_help_flag = true)]
    Run(Box<RunArgs>),
    /// List sandboxes
    Ps(PsArgs),
    /// Show sandboxes or networks as JSON
    Inspect(InspectArgs),
    /// Run one more program in a sandbox
    Exec(ExecArgs),
    /// End sandboxes: SIGTERM, and SIGKILL after a while; prints their names
    Stop(lifetime::StopArgs),
    /// Send a signal to sandboxes' commands; prints their names
    Kill(lifetime::KillArgs),
    /// Wait until sandboxes have ended; prints their exit codes
    Wait(lifetime::WaitArgs),
    /// Remove stopped sandboxes; prints their names
    Rm(lifetime::RmArgs),
    /// Give a sandbox another name
    Rename(lifetime::RenameArgs),
    /// Show what a detached sandbox has said
    Logs(LogsArgs),
    /// List the host ports that lead to a sandbox
    Port(PortArgs),
    /// Show what sandboxes have sent and received
    Stats(StatsArgs),
    /// Adopt a network namespace that something else made
    Attach(Box<AttachArgs>),
    /// Let an adopted namespace go
    Detach(DetachArgs),
}

#[derive(Args, Debug)]
pub struct PsArgs {
    /// Stopped ones too
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    list: ListArgs,
    /// Show those only that match: id, name, label, status, exited, network, before, since, publish, expose
    #[arg(short, long, value_name = "K=V")]
    filter: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ObjectType {
    #[value(alias = "container")]
    Sandbox,
    Network,
}

#[derive(Args, Debug)]
pub struct InspectArgs {
    /// Look for this sort of thing only
    #[arg(long, value_enum)]
    r#type: Option<ObjectType>,
    /// Names, ids or id prefixes
    #[arg(required = true)]
    name: Vec<String>,
}

#[derive(Args, Debug)]
pub struct PortArgs {
    /// Name, id or id prefix
    sandbox: String,
    /// One port of the sandbox only
    #[arg(value_name = "PORT[/PROTO]")]
    port: Option<String>,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("namespace").required(true))]
pub struct AttachArgs {
    /// The namespace's file
    #[arg(long, value_name = "PATH", group = "namespace")]
    netns: Option<PathBuf>,
    /// A process in the namespace
    #[arg(long, value_name = "N", group = "namespace")]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    /// The sandbox's name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Args, Debug)]
pub struct DetachArgs {
    /// Name, id or id prefix
    sandbox: String,
}

/// Does one of the verbs.
pub fn main(command: SandboxCommand, dirs: &Dirs) -> Outcome {
    match command {
        SandboxCommand::Run(args) => run::run(*args, dirs),
        SandboxCommand::Ps(args) => ps(&args, dirs),
        SandboxCommand::Inspect(args) => inspect(&args, &dirs.client()),
        SandboxCommand::Exec(args) => exec::exec(args, dirs),
        SandboxCommand::Stop(args) => lifetime::stop(&args, &dirs.client()),
        SandboxCommand::Kill(args) => lifetime::kill(&args, &dirs.client()),
        SandboxCommand::Wait(args) => lifetime::wait(&args, &dirs.client()),
        SandboxCommand::Rename(args) => lifetime::rename(args, &dirs.client()),
        SandboxCommand::Logs(args) => logs::logs(args, dirs),
        SandboxCommand::Rm(args) => lifetime::rm(&args, &dirs.client()),
        SandboxCommand::Port(args) => port(&args, &dirs.client()),
        SandboxCommand::Stats(args) => stats::stats(&args, &dirs.client()),
        SandboxCommand::Attach(args) => attach(*args, dirs),
        SandboxCommand::Detach(args) => detach(args, dirs),
    }
}

/// Lists sandboxes, the youngest first.
pub fn ps(args: &PsArgs, dirs: &Dirs) -> Outcome {
    let filter = PsFilter::parse(&args.filter)?;
    let mut sandboxes = dirs.client().call(ListSandboxes {})?;
    filter.keep(&mut sandboxes, args.all)?;
    sandboxes.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    if args.list.quiet {
        let ids = sandboxes.iter().map(|sandbox| args.list.id(&sandbox.id).to_owned() + "\n");
        print::emit(&ids.collect::<String>())?;
        return Ok(0);
    }
    listing::show(&sandboxes, &args.list, clock::now())?;
    Ok(0)
}

/// Either of the things that `inspect` shows.
#[derive(Serialize)]
#[serde(untagged)]
enum Object {
    Sandbox(Box<view::Sandbox>),
    Network(Box<view::Network>),
}

fn inspect(args: &InspectArgs, client: &Client) -> Outcome {
    let mut found = Vec::new();
    let code = each(&args.name, |name| {
        found.push(find(name, args.r#type, client)?);
        Ok(())
    })?;
    print::json_pretty(&found)?;
    Ok(code)
}

fn find(name: &str, wanted: Option<ObjectType>, client: &Client) -> Result<Object, Failure> {
    let sandbox = || client.call(InspectSandbox { sandbox: name.to_owned() });
    let network = || client.call(InspectNetwork { network: name.to_owned() });
    match wanted {
        Some(ObjectType::Sandbox) => Ok(Object::Sandbox(sandbox()?.into())),
        Some(ObjectType::Network) => Ok(Object::Network(network()?.into())),
        None => match sandbox() {
            Err(error) if is_missing(&error) => match network() {
                Err(error) if is_missing(&error) => {
                    let hint = "netdns ps -a and netdns network ls list what there is";
                    Err(Failure::new(format!("no such object: {name}")).hint(hint))
                }
                other => Ok(Object::Network(other?.into())),
            },
            other => Ok(Object::Sandbox(other?.into())),
        },
    }
}

fn is_missing(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(body) if body.kind == Some(Kind::NotFound))
}

/// Lists published ports as `80/tcp -> 0.0.0.0:5000`; of one port, the host's ends alone.
fn port(args: &PortArgs, client: &Client) -> Outcome {
    let sandbox = client.call(InspectSandbox { sandbox: args.sandbox.clone() })?;
    let wanted = args.port.as_deref().map(spec::exposed).transpose()?.map(|port| port.to_string());
    let mut lines = String::new();
    for (key, bindings) in listing::published(&sandbox) {
        for binding in bindings {
            let end = listing::host_socket(&binding.host_ip, &binding.host_port);
            match &wanted {
                None => lines.push_str(&format!("{key} -> {end}\n")),
                Some(wanted) if wanted == key => lines.push_str(&format!("{end}\n")),
                Some(_) => {}
            }
        }
    }
    match wanted {
        Some(wanted) if lines.is_empty() => {
            Err(Failure::new(format!("No public port '{wanted}' published for {}", sandbox.name)))
        }
        _ => print::emit(&lines).map(|()| 0),
    }
}

/// Adopts a namespace; prints the sandbox's id.
fn attach(args: AttachArgs, dirs: &Dirs) -> Outcome {
    let attach = match (args.netns, args.pid) {
        (Some(path), _) => AttachTo::Netns(std::path::absolute(&path).unwrap_or(path)),
        (None, Some(pid)) => AttachTo::Pid(pid),
        (None, None) => unreachable!("clap requires one of the two"),
    };
    let mut sandbox = args.network.request(attach)?;
    sandbox.name = Some(args.name.parse::<SandboxName>()?);
    let attached = dirs.client().call(Attach { sandbox })?;
    warn(&attached.warnings);
    print::line(&attached.id)?;
    Ok(0)
}

/// Lets an adopted namespace go.
fn detach(args: DetachArgs, dirs: &Dirs) -> Outcome {
    if !dirs.client().call(Detach { sandbox: args.sandbox.clone() })?.existed {
        note(&format!("No such sandbox: {}", args.sandbox));
    }
    Ok(0)
}
