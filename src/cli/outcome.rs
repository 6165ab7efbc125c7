//! Outcome: how a command ends. One line that names the thing, perhaps a hint, and the exit code of cli.md:
//! 1 refused or failed, 2 usage; `run` and `exec` turn 1 into 125.

use super::print;
use crate::api::client::ClientError;
use crate::model::Refusal;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a command ends with: an exit code, or a failure that is told on stderr.
pub type Outcome = Result<u8, Failure>;

/// A command that was not done.
#[derive(Debug)]
pub struct Failure {
    /// One line.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code.
    pub code: u8,
    /// Whether the same would be said of every other argument.
    pub general: bool,
}

impl Failure {
    /// Makes a failure with exit code 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None, code: 1, general: false }
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Gives it another exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Says what was being done when the system refused.
    pub fn doing(what: impl std::fmt::Display, error: impl Into<io::Error>) -> Self {
        let error = error.into().to_string();
        // Rust adds the number, which says nothing more.
        let error = error.split(" (os error").next().unwrap_or_default();
        Self::new(format!("cannot {what}: {error}"))
    }

    /// Tells it on stderr and returns the exit code.
    pub fn report(&self) -> u8 {
        note(&self.text);
        if let Some(hint) = &self.hint {
            say(&format!("hint: {hint}"));
        }
        self.code
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let general = !matches!(error, ClientError::Refused(_));
        Self { text: error.to_string(), hint: error.hint(), code: 1, general }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { hint: refusal.hint(), ..Self::new(refusal.to_string()) }
    }
}

/// Says one line on stderr.
pub fn note(text: &str) {
    say(&format!("netdns: {text}"));
}

/// Says what the daemon warned of.
pub fn warn(warnings: &[String]) {
    warnings.iter().for_each(|warning| note(warning));
}

fn say(line: &str) {
    // A closed stderr is no reason to end differently.
    writeln!(io::stderr(), "{}", one_line(line)).ok();
}

/// Writes control characters as escapes: what a person typed and is told again neither breaks the line nor reaches
/// the terminal.
pub fn one_line(text: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// Does something for each of several arguments; says which failed, and does the rest all the same,
/// unless there is no daemon to do it.
pub fn each<T>(items: &[T], mut act: impl FnMut(&T) -> Result<(), Failure>) -> Outcome {
    let mut code = 0;
    for item in items {
        match act(item) {
            Ok(()) => {}
            Err(failure) if failure.general => return Err(failure),
            Err(failure) => code = failure.report(),
        }
    }
    Ok(code)
}

/// Refuses who is not root.
pub fn need_root(verb: &str) -> Result<(), Failure> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::new(format!("{verb} needs root: it enters and makes namespaces"))
        .hint("sudo netdns ..."))
}

/// Tells what clap found wrong, in our form; help and version go to stdout.
pub fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::*;
    match error.kind() {
        DisplayHelp | DisplayVersion => match print::emit(&error.render().to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => ExitCode::from(failure.report()),
        },
        DisplayHelpOnMissingArgumentOrSubcommand => {
            write!(io::stderr(), "{}", error.render()).ok();
            ExitCode::from(2)
        }
        _ => {
            let (text, hint) = usage_lines(&error.to_string());
            ExitCode::from(Failure { hint, ..Failure::new(text).code(2) }.report())
        }
    }
}

/// Takes clap's message apart: its first paragraph as one line, and its tip, or else its usage line, as the hint.
fn usage_lines(rendered: &str) -> (String, Option<String>) {
    let mut paragraphs = rendered.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let text = first.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ");
    let rest: Vec<&str> = rendered.lines().skip(1).map(str::trim).collect();
    // "to pass '-1' as a value, use '-- -1'" is wrong for a flag's value, and no argument of ours begins so.
    let tip = rest
        .iter()
        .find_map(|line| line.strip_prefix("tip: "))
        .filter(|tip| !tip.starts_with("to pass "));
    let usage = || rest.iter().find(|line| line.starts_with("Usage: ")).copied();
    (text, tip.or_else(usage).map(str::to_owned))
}
