//! `man`: manual pages out of the tree of commands, for packages to install: `netdns.1`, and `netdns-VERB.1` for each
//! verb that is not hidden.

use super::grammar;
use super::outcome::{Failure, Outcome};
use clap::Args;
use std::fs;
use std::path::PathBuf;

/// Flags of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The directory, made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes the pages; those that are there already are replaced.
pub fn man(args: &ManArgs) -> Outcome {
    let shown = args.dir.display();
    fs::create_dir_all(&args.dir)
        .map_err(|error| Failure::doing(format_args!("make {shown}"), error))?;
    clap_mangen::generate_to(grammar::command(), &args.dir)
        .map_err(|error| Failure::doing(format_args!("write manual pages into {shown}"), error))?;
    Ok(0)
}
