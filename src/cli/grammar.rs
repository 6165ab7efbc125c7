//! Grammar: the words of a command line, read by the tree. Verbs that ask no daemon take no directories of one, and
//! what a usage line shows is what was typed, not what the environment holds.

use super::tree::Cli;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches};
use std::ffi::OsString;

/// Verbs that ask no daemon and read nothing of one.
const ALONE: [&str; 4] = ["completion", "demo", "man", "version"];

/// Returns the tree of commands: help, completions and manual pages are made of it.
pub fn command() -> Command {
    let command = Cli::command();
    let dirs: Vec<Arg> =
        command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let hidden = |verb: Command| verb.args(dirs.iter().map(|arg| arg.clone().hide(true)));
    ALONE.iter().fold(command, |command, verb| command.mut_subcommand(verb, hidden))
}

/// Reads a command line, whose first word is the program's name.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    let matches =
        command().try_get_matches_from(&words).map_err(|error| as_typed(&words, error))?;
    no_directories(&matches)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
}

/// Returns the same error without what came from the environment: clap counts that among the words that were typed, and
/// its usage line shows them as if they were needed.
fn as_typed(words: &[OsString], error: Error) -> Error {
    let bare = command().mut_args(|arg| arg.env(None::<&str>));
    bare.try_get_matches_from(words)
        .err()
        .filter(|bare| bare.kind() == error.kind())
        .unwrap_or(error)
}

/// Refuses a directory for a verb that does not use it.
fn no_directories(matches: &ArgMatches) -> Result<(), Error> {
    let Some((verb, inner)) = matches.subcommand().filter(|(verb, _)| ALONE.contains(verb)) else {
        return Ok(());
    };
    let mut command = command();
    command.build();
    let given = |arg: &&Arg| {
        let of = |matches: &ArgMatches| matches.value_source(arg.get_id().as_str());
        arg.is_global_set() && [of(matches), of(inner)].contains(&Some(ValueSource::CommandLine))
    };
    let Some(flag) = command.get_arguments().find(given).and_then(Arg::get_long) else {
        return Ok(());
    };
    let text = format!("unexpected argument '--{flag}' found");
    let verb = command.find_subcommand_mut(verb).expect("it was parsed");
    Err(verb.error(ErrorKind::UnknownArgument, text))
}
