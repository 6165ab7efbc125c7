//! `netdns resolver --fd N`: what the manager starts. Not for people.

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

/// Runs the resolver until it is told to end.
pub fn run(args: ResolverArgs) -> ExitCode {
    crate::resolver::process::run(args.fd)
}
