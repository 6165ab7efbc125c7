//! Print: data on stdout. Tables as Docker's (columns at least ten wide, three spaces between), JSON one object a line
//! or as one indented array. A reader that has gone away ends the output quietly.

use super::outcome::Failure;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// How a listing looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    #[default]
    Table,
    /// One object a line
    Json,
}

/// `--format` of verbs without ids.
#[derive(Args, Clone, Copy, Debug)]
pub struct FormatArgs {
    /// How the output looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The flags that listings of things with ids have in common.
#[derive(Args, Clone, Copy, Debug)]
pub struct ListArgs {
    /// How the output looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Ids only
    #[arg(short, long)]
    pub quiet: bool,
    /// Whole ids and commands
    #[arg(long)]
    pub no_trunc: bool,
}

impl ListArgs {
    /// Returns an id as wanted: 12 digits, or all.
    pub fn id<'a>(&self, id: &'a str) -> &'a str {
        if self.no_trunc { id } else { id.get(..12).unwrap_or(id) }
    }
}

/// Writes a text to stdout.
pub fn emit(text: &str) -> Result<(), Failure> {
    show(text).map(drop)
}

/// Writes a text to stdout; false if its reader has gone.
pub fn show(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::doing("write to stdout", error)),
    }
}

/// Writes one line to stdout.
pub fn line(text: &str) -> Result<(), Failure> {
    emit(&format!("{text}\n"))
}

/// Writes objects as JSON, one a line.
pub fn json_lines<T: Serialize>(items: &[T]) -> Result<(), Failure> {
    let lines = items.iter().map(|item| to_json(item) + "\n");
    emit(&lines.collect::<String>())
}

/// Writes a value as indented JSON, as Docker's inspect does.
pub fn json_pretty<T: Serialize + ?Sized>(value: &T) -> Result<(), Failure> {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
    value.serialize(&mut writer).expect("replies are plain data");
    line(&String::from_utf8_lossy(&text))
}

/// Returns one item as one line of JSON.
pub fn to_json<T: Serialize>(item: &T) -> String {
    serde_json::to_string(item).expect("replies are plain data")
}

/// Writes a table with its heading.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    emit(&aligned(heading, rows))
}

/// Returns a table as text; the last column is not padded.
pub fn aligned<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let heading = heading.map(str::to_owned);
    let all = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| {
        let longest = all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        (longest + 3).max(10)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in all() {
        for (cell, width) in row.iter().zip(widths).take(N - 1) {
            text += &format!("{cell:<width$}");
        }
        text += &row[N - 1];
        text.push('\n');
    }
    text
}

/// Asks before something is removed; without a terminal only `-f` says yes.
pub fn confirm(what: &str, force: bool) -> Result<bool, Failure> {
    if force {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new("nothing was removed: there is no terminal to ask on")
            .hint("-f does not ask"));
    }
    write!(io::stderr(), "{what}\nAre you sure you want to continue? [y/N] ").ok();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::doing("read the answer", error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
