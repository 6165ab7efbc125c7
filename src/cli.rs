//! Cli: the clap tree, one file a noun; printing; `run`, `exec`, the init. It decides nothing about networks: it
//! turns words into calls and replies into text.

mod clock;
mod completion;
pub mod daemon;
mod demo;
mod dirs;
mod doctor;
mod events;
mod exec;
mod filter;
mod grammar;
mod init;
mod logs;
mod man;
mod name;
mod network;
mod outcome;
mod print;
mod program;
mod query_log;
pub mod resolver;
mod run;
mod sandbox;
mod spec;
mod stats;
mod status;
mod sysctl;
mod tree;
mod user;

#[cfg(test)]
mod tests;

pub use dirs::Dirs;

use outcome::Failure;
use std::process::ExitCode;
use tree::{Cli, Command, ContainerCommand};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match grammar::parse(std::env::args_os()) {
        Ok(cli) => dispatch(cli),
        Err(error) => outcome::usage(&error),
    }
}

fn dispatch(cli: Cli) -> ExitCode {
    let dirs = &cli.dirs;
    let result = match cli.command {
        Command::Daemon(args) => return daemon::run(args, cli.dirs),
        Command::Resolver(args) => return resolver::run(args),
        Command::Network(command) => network::main(command, dirs),
        Command::Sandbox(command) => sandbox::main(command, dirs),
        Command::Container(ContainerCommand::Ls(args)) => sandbox::ps(&args, dirs),
        Command::Container(ContainerCommand::Sandbox(command)) => sandbox::main(command, dirs),
        Command::Alias(command) => name::alias(command, dirs),
        Command::Register(args) => name::register(args, dirs),
        Command::Deregister(args) => name::deregister(args, dirs),
        Command::Names(args) => name::names(&args, dirs),
        Command::Resolve(args) => name::resolve(args, dirs),
        Command::Cache(name::CacheCommand::Flush) => name::flush_cache(dirs),
        Command::Demo(args) => demo::demo(args),
        Command::Status(args) => status::status(&args, dirs),
        Command::Doctor(args) => doctor::doctor(&args, dirs),
        Command::Events(args) => events::events(&args, dirs),
        Command::QueryLog(args) => query_log::query_log(&args, dirs),
        Command::Reset(args) => status::reset(&args, dirs),
        Command::Completion(args) => completion::completion(&args),
        Command::Man(args) => man::man(&args),
        Command::Version => status::version(),
    };
    ExitCode::from(result.unwrap_or_else(|failure: Failure| failure.report()))
}
