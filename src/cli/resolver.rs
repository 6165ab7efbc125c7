//! `netdns resolver --fd N`: what the manager starts. Not for people.

use super::outcome::Failure;
use clap::Args;
use std::os::fd::RawFd;
use std::process::ExitCode;

/// Flags of `resolver`.
#[derive(Args, Clone, Debug)]
pub struct ResolverArgs {
    /// The channel to the manager
    #[arg(long, value_name = "N")]
    pub fd: RawFd,
}

/// Runs the resolver until its sandboxes are gone.
pub fn run(_args: ResolverArgs) -> ExitCode {
    ExitCode::from(Failure::new("the resolver is not built yet").report())
}
