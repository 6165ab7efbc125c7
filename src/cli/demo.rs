//! `demo`: the whole walk in a host of its own, which ends with it and touches nothing outside: real commands with
//! their real output, and a table of what was shown, each row of which is read off that output.

mod acts;
mod lab;
mod person;
mod reading;
mod rootless;
mod stage;
mod table;
mod tools;
mod upstream;

use super::outcome::Outcome;
use clap::Args;
use tools::Tool;

/// Flags of `demo`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    /// Leave a shell in the demo's host; everything ends with it
    #[arg(long)]
    keep: bool,
    #[command(subcommand)]
    tool: Option<Tool>,
}

/// Shows it; 1 if anything was not as it should be. A tool is what the demo runs where the host lacks a program.
pub fn demo(args: DemoArgs) -> Outcome {
    if let Some(tool) = args.tool {
        return tool.run();
    }
    let zones = lab::zones()?;
    let rootless = !nix::unistd::geteuid().is_root();
    if rootless {
        rootless::become_root()?;
    }
    stage::play(|| acts::perform(&zones, args.keep, rootless))
}
