//! The table: two columns, and for each row whether they differ and whether that is meant.

use crate::cell::derive;
use crate::rows::{self, Row};
use crate::steps::VERSIONS;
use crate::transcript::Transcript;
use std::fmt::Write;

const INTRODUCTION: &str = "# netdns beside Docker

Made by `docker/compare` (`cargo build --bins && cargo run --example compare`, as root; `main.rs` says what it needs). The same commands and questions went to real Docker and to netdns, each on a machine of its own made of
namespaces. Every cell is derived from [docker.txt](docker.txt) and [netdns.txt](netdns.txt), which hold each command with
its output and exit code; `--derive` does it again from the files alone. `[web]` stands for the address of `web`. \"left
the host\" is what a name server beyond the host was asked on behalf of that question; where nothing is said, nothing
left. Texts of refusals are compared by the words that scripts look for.
";

/// How the two cells of a row stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Meant(&'static str),
    NotMeant,
}

struct Line {
    row: &'static Row,
    docker: String,
    netdns: String,
    verdict: Verdict,
}

/// The table.
pub struct Table {
    lines: Vec<Line>,
    versions: [String; 2],
}

impl Table {
    /// Derives every cell.
    pub fn of(rows: &[&'static Row], docker: &Transcript, netdns: &Transcript) -> Self {
        let line = |row: &&'static Row| {
            let [docker, netdns] =
                [docker, netdns].map(|side| derive(row.shows, side.row(row.key)));
            let verdict = verdict(row, &docker, &netdns);
            Line { row, docker, netdns, verdict }
        };
        let versions = [("docker", docker), ("netdns", netdns)]
            .map(|(name, transcript)| versions(name, transcript));
        Self { lines: rows.iter().map(line).collect(), versions }
    }

    /// Whether each difference is one that a row gives a reason for.
    pub fn is_as_meant(&self) -> bool {
        self.count(|verdict| verdict == Verdict::NotMeant) == 0
    }

    /// Renders it as a page.
    pub fn page(&self) -> String {
        let mut text = format!("{INTRODUCTION}\n");
        for version in &self.versions {
            let _ = writeln!(text, "* {version}");
        }
        let _ = writeln!(text, "* {}", self.sum());
        for (title, rows) in rows::SECTIONS {
            let _ = write!(text, "\n## {title}\n\n| | Docker | netdns | |\n|---|---|---|---|\n");
            for line in
                self.lines.iter().filter(|line| rows.iter().any(|row| row.key == line.row.key))
            {
                let cells = [line.row.what, &line.docker, &line.netdns, &line.verdict.told()];
                let cells = cells.map(|cell| cell.replace('|', "\\|"));
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
        }
        text
    }

    /// Renders it for a terminal.
    pub fn terminal(&self) -> String {
        let mut text = columns(["", "Docker", "netdns", ""]);
        for line in &self.lines {
            text += &columns([line.row.what, &line.docker, &line.netdns, &line.verdict.told()]);
        }
        for line in self.versions.iter().chain([&self.sum()]) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn sum(&self) -> String {
        format!(
            "{} rows: {} same, {} differ and are meant to, {} differ and are not",
            self.lines.len(),
            self.count(|verdict| verdict == Verdict::Same),
            self.count(|verdict| matches!(verdict, Verdict::Meant(_))),
            self.count(|verdict| verdict == Verdict::NotMeant),
        )
    }

    fn count(&self, of: impl Fn(Verdict) -> bool) -> usize {
        self.lines.iter().filter(|line| of(line.verdict)).count()
    }
}

impl Verdict {
    fn told(self) -> String {
        match self {
            Self::Same => "same".to_owned(),
            Self::Meant(why) => format!("meant: {why}"),
            Self::NotMeant => "NOT MEANT".to_owned(),
        }
    }
}

/// A reason holds for the very two cells that it was given for.
fn verdict(row: &'static Row, docker: &str, netdns: &str) -> Verdict {
    match &row.meant {
        _ if docker == netdns && docker != "not asked" => Verdict::Same,
        Some(meant) if meant.docker == docker && meant.netdns == netdns => {
            Verdict::Meant(meant.why)
        }
        _ => Verdict::NotMeant,
    }
}

fn versions(name: &str, transcript: &Transcript) -> String {
    let lines = transcript.row(VERSIONS).iter().map(|entry| entry.out.join(" "));
    format!("{name}: {}", lines.collect::<Vec<_>>().join("; "))
}

/// Lays four cells side by side.
fn columns(cells: [&str; 4]) -> String {
    const WIDTHS: [usize; 4] = [24, 40, 40, 36];
    let mut wrapped = cells.iter().zip(WIDTHS).map(|(cell, width)| wrap(cell, width));
    let wrapped: [Vec<String>; 4] = std::array::from_fn(|_| wrapped.next().unwrap_or_default());
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for at in 0..height {
        let mut line = String::new();
        for (cell, width) in wrapped.iter().zip(WIDTHS) {
            let part = cell.get(at).map_or("", String::as_str);
            let _ = write!(line, "{part:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Breaks a text between words; a word that is too long stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut words = text.split(' ');
    let mut lines = vec![words.next().unwrap_or_default().to_owned()];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
