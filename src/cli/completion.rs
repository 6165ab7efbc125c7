//! `completion`: what a shell needs to complete netdns's words.

use super::outcome::Outcome;
use super::{grammar, print};
use clap::Args;
use clap_complete::{Shell, generate};

/// Flags of `completion`.
#[derive(Args, Debug)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions of a shell.
pub fn completion(args: &CompletionArgs) -> Outcome {
    let mut text = Vec::new();
    generate(args.shell, &mut grammar::command(), "netdns", &mut text);
    print::emit(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
