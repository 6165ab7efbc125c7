//! `demo`: the whole walk in a host of its own, which ends with it and touches nothing outside: real commands with
//! their real output, and a table of what was shown, each row of which is read off that output.

mod acts;
mod lab;
mod person;
mod stage;
mod tools;
mod upstream;

use super::outcome::{Failure, Outcome};
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
    if !nix::unistd::geteuid().is_root() {
        let me = std::env::current_exe().map_or("netdns".into(), |path| path.display().to_string());
        return Err(Failure::new(
            "demo needs root: it makes network, mount and process namespaces",
        )
        .hint(format!("sudo {me} demo")));
    }
    let zones = lab::zones()?;
    stage::play(|| acts::perform(&zones, args.keep))
}
