//! What was run and what came of it, as a text that can be read by people and back by the program.
//!
//! ```text
//! == alias                       a row begins
//! $ docker network create net    a command that prepares, as the shell of that machine had it
//! ? nsenter ... dig ...          a command that is the question of the row
//! | 4c1f...                      a line of its standard output
//! ! Error ...                    a line of its standard error
//! = 0                            its exit code
//! ```

use std::fmt::Write;
use std::path::Path;

/// One command.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The command, one line of shell.
    pub command: String,
    /// Whether what it printed is what the row shows.
    pub asks: bool,
    /// Standard output, a line each.
    pub out: Vec<String>,
    /// Standard error, a line each.
    pub err: Vec<String>,
    /// Exit code; 128+N for a signal.
    pub code: i32,
}

/// All commands of one side, by row.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    rows: Vec<(String, Vec<Entry>)>,
}

impl Transcript {
    /// Begins a row.
    pub fn begin(&mut self, key: &str) {
        self.rows.push((key.to_owned(), Vec::new()));
    }

    /// Adds a command to the row that was begun last.
    pub fn push(&mut self, entry: Entry) {
        if let Some((_, entries)) = self.rows.last_mut() {
            entries.push(entry);
        }
    }

    /// Returns the commands of a row; none if it was not walked.
    pub fn row(&self, key: &str) -> &[Entry] {
        self.rows.iter().find(|(of, _)| of == key).map_or(&[], |(_, entries)| entries)
    }

    /// Reads a file that holds one as it is displayed.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut transcript = Self::default();
        for (number, line) in text.lines().enumerate() {
            transcript
                .take(line)
                .ok_or_else(|| format!("{}:{}: not a transcript", path.display(), number + 1))?;
        }
        Ok(transcript)
    }

    /// Takes one line of a file; `None` if it has no place there.
    fn take(&mut self, line: &str) -> Option<()> {
        if line.is_empty() {
            return Some(());
        }
        let (mark, text) = line.split_once(' ').unwrap_or((line, ""));
        if mark == "==" {
            self.begin(text);
            return Some(());
        }
        let (_, entries) = self.rows.last_mut()?;
        if mark == "$" || mark == "?" {
            let command = text.to_owned();
            entries.push(Entry { command, asks: mark == "?", ..Entry::default() });
            return Some(());
        }
        let entry = entries.last_mut()?;
        match mark {
            "|" => entry.out.push(text.to_owned()),
            "!" => entry.err.push(text.to_owned()),
            "=" => entry.code = text.parse().ok()?,
            _ => return None,
        }
        Some(())
    }
}

impl std::fmt::Display for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (key, entries) in &self.rows {
            writeln!(f, "== {key}")?;
            for entry in entries {
                writeln!(f, "{} {}", if entry.asks { '?' } else { '$' }, entry.command)?;
                write_lines(f, '|', &entry.out)?;
                write_lines(f, '!', &entry.err)?;
                writeln!(f, "= {}", entry.code)?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

fn write_lines(f: &mut std::fmt::Formatter<'_>, mark: char, lines: &[String]) -> std::fmt::Result {
    for line in lines {
        match line.as_str() {
            "" => writeln!(f, "{mark}")?,
            line => writeln!(f, "{mark} {line}")?,
        }
    }
    Ok(())
}
