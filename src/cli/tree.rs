//! The tree of commands. Each noun's flags stand in its own file.

use super::{
    Dirs, completion, daemon, demo, events, man, name, network, print, query_log, resolver,
    sandbox, status,
};
use clap::{Parser, Subcommand};

/// A container network manager: a network and a name for every network namespace
#[derive(Parser, Debug)]
#[command(name = "netdns", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub dirs: Dirs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the manager in the foreground
    Daemon(daemon::DaemonArgs),
    /// Networks
    #[command(subcommand)]
    Network(network::NetworkCommand),
    #[command(flatten)]
    Sandbox(sandbox::SandboxCommand),
    /// Sandboxes, in Docker's grammar
    #[command(subcommand)]
    Container(ContainerCommand),
    /// Names of a sandbox on one network
    #[command(subcommand)]
    Alias(name::AliasCommand),
    /// Enter a name by hand
    Register(name::RegisterArgs),
    /// Take a name that was entered by hand away
    Deregister(name::DeregisterArgs),
    /// List every name that is known
    Names(name::NamesArgs),
    /// Look a name up as a sandbox or a network's member would
    Resolve(name::ResolveArgs),
    /// What upstream servers have said
    #[command(subcommand)]
    Cache(name::CacheCommand),
    /// Show the whole walk in a host of its own that ends with it
    Demo(demo::DemoArgs),
    /// Show versions, processes and counts
    Status(print::FormatArgs),
    /// Check what this machine can do, and say what is missing
    Doctor(print::FormatArgs),
    /// Tell what happens until interrupted
    Events(events::EventsArgs),
    /// Tell what sandboxes ask and are told until interrupted
    QueryLog(query_log::QueryLogArgs),
    /// Stop every sandbox and remove everything that netdns made
    Reset(status::ResetArgs),
    /// Print completions for a shell
    Completion(completion::CompletionArgs),
    /// Write the manual pages into a directory, one a verb
    Man(man::ManArgs),
    /// Show the version
    Version,
    /// Answer DNS queries: started by the manager
    #[command(hide = true)]
    Resolver(resolver::ResolverArgs),
}

#[derive(Subcommand, Debug)]
pub enum ContainerCommand {
    /// List sandboxes
    #[command(visible_alias = "list")]
    Ls(sandbox::PsArgs),
    #[command(flatten)]
    Sandbox(sandbox::SandboxCommand),
}
