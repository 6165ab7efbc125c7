//! The life of a sandbox after its start: it is signalled, waited for, renamed, stopped, removed.

use super::is_missing;
use crate::api::call::{RemoveSandbox, Rename, Signal, Stop, Wait};
use crate::api::client::Client;
use crate::cli::outcome::{Outcome, each, note, warn};
use crate::cli::{print, spec};
use crate::model::SandboxName;
use clap::Args;

#[derive(Args, Debug)]
pub struct StopArgs {
    /// Seconds to wait before SIGKILL
    #[arg(short, long, visible_alias = "time", value_name = "S", default_value_t = 10)]
    timeout: u32,
    /// Names, ids or id prefixes
    #[arg(required = true)]
    sandbox: Vec<String>,
}

#[derive(Args, Debug)]
pub struct KillArgs {
    /// The signal: KILL, SIGTERM, 15
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL")]
    signal: String,
    /// Names, ids or id prefixes
    #[arg(required = true)]
    sandbox: Vec<String>,
}

#[derive(Args, Debug)]
pub struct WaitArgs {
    /// Names, ids or id prefixes
    #[arg(required = true)]
    sandbox: Vec<String>,
}

#[derive(Args, Debug)]
pub struct RenameArgs {
    /// Name, id or id prefix
    sandbox: String,
    /// The name from now on
    name: String,
}

#[derive(Args, Debug)]
pub struct RmArgs {
    /// Kill those that run; a missing one is no error
    #[arg(short, long)]
    force: bool,
    /// Names, ids or id prefixes
    #[arg(required = true)]
    sandbox: Vec<String>,
}

/// Ends sandboxes: SIGTERM, and SIGKILL after the grace period.
pub fn stop(args: &StopArgs, client: &Client) -> Outcome {
    each(&args.sandbox, |name| {
        let stopped = client.call(Stop { sandbox: name.clone(), seconds: args.timeout })?;
        warn(&stopped.warnings);
        print::line(&stopped.name)
    })
}

/// Sends a signal to sandboxes' commands.
pub fn kill(args: &KillArgs, client: &Client) -> Outcome {
    let number = spec::signal(&args.signal)?;
    each(&args.sandbox, |name| {
        print::line(&client.call(Signal { sandbox: name.clone(), number })?.name)
    })
}

/// Waits until sandboxes have ended, and prints their exit codes.
pub fn wait(args: &WaitArgs, client: &Client) -> Outcome {
    each(&args.sandbox, |name| {
        print::line(&client.call(Wait { sandbox: name.clone() })?.code.to_string())
    })
}

/// Gives a sandbox another name.
pub fn rename(args: RenameArgs, client: &Client) -> Outcome {
    let name = args.name.parse::<SandboxName>()?;
    warn(&client.call(Rename { sandbox: args.sandbox, name })?.warnings);
    Ok(0)
}

/// Removes stopped sandboxes, or kills and removes running ones.
pub fn rm(args: &RmArgs, client: &Client) -> Outcome {
    each(&args.sandbox, |name| {
        match client.call(RemoveSandbox { sandbox: name.clone(), force: args.force }) {
            Ok(removed) => {
                warn(&removed.warnings);
                print::line(&removed.name)
            }
            Err(error) if args.force && is_missing(&error) => {
                note(&error.to_string());
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    })
}
