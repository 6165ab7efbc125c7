//! `logs`: what a detached sandbox has said, read from the two files of its bounded log.

use super::Dirs;
use super::outcome::{Failure, Outcome, note};
use crate::api::call::InspectSandbox;
use crate::api::client::{Client, ClientError};
use clap::Args;
use serde::Deserialize;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// How often a followed log is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Flags of `logs`.
#[derive(Args, Debug)]
pub struct LogsArgs {
    /// Go on until the sandbox ends
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<usize>,
    /// Each line with its time
    #[arg(short, long)]
    timestamps: bool,
    /// Name, id or id prefix
    sandbox: String,
}

/// One line of the log, as the init wrote it.
#[derive(Deserialize)]
struct Line {
    t: String,
    s: String,
    m: String,
}

/// Shows the log: stdout's lines on stdout, stderr's on stderr.
pub fn logs(args: LogsArgs, dirs: &Dirs) -> Outcome {
    let client = dirs.client();
    let sandbox = client.call(InspectSandbox { sandbox: args.sandbox.clone() })?;
    let path = dirs.logs().join(format!("{}.log", sandbox.id));
    let mut tail = VecDeque::new();
    let mut keep = |line: String| {
        tail.push_back(line);
        if args.tail.is_some_and(|most| tail.len() > most) {
            tail.pop_front();
        }
    };
    if let Ok(older) = File::open(path.with_extension("log.1")) {
        BufReader::new(older).lines().map_while(Result::ok).for_each(&mut keep);
    }
    let mut reader = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("sandbox {} has no log", sandbox.name);
            return Err(Failure::new(text).hint("only what runs with -d has one"));
        }
        Err(error) => return Err(Failure::doing(format!("read {}", path.display()), error)),
    };
    let mut partial = String::new();
    read_lines(&mut reader, &mut partial, keep)?;
    tail.iter().try_for_each(|line| show(line, args.timestamps))?;
    if args.follow {
        let id = sandbox.id;
        Follow { client, id, path, reader, partial }.run(args.timestamps)?;
    }
    Ok(0)
}

/// Reads whole lines to the end of the file as it is now; the beginning of another one stays in `partial`.
fn read_lines(
    reader: &mut BufReader<File>,
    partial: &mut String,
    mut take: impl FnMut(String),
) -> Result<(), Failure> {
    while reader.read_line(partial).map_err(|error| Failure::doing("read the log", error))? > 0 {
        if partial.ends_with('\n') {
            take(std::mem::take(partial));
        }
    }
    Ok(())
}

/// Writes what the sandbox wrote; a reader that has gone ends it quietly.
fn show(line: &str, timestamps: bool) -> Result<(), Failure> {
    // A line that was cut by a full disk is passed over.
    let Ok(Line { t, s, m }) = serde_json::from_str(line) else { return Ok(()) };
    let text = if timestamps { format!("{t} {m}") } else { m };
    let written = match s.as_str() {
        "stderr" => io::stderr().write_all(text.as_bytes()),
        _ => io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|error| Failure::doing("write the log", error)),
    }
}

/// A log that is followed.
struct Follow {
    client: Client,
    id: String,
    path: PathBuf,
    reader: BufReader<File>,
    partial: String,
}

impl Follow {
    /// Shows new lines until the sandbox has ended and all is shown. The sandbox does not need the daemon, so neither does
    /// this: while nobody can say whether it has ended, it goes on.
    fn run(mut self, timestamps: bool) -> Result<(), Failure> {
        let mut away = false;
        loop {
            // Asked before reading: what was written by then is read.
            let running = match self.client.call(InspectSandbox { sandbox: self.id.clone() }) {
                Ok(sandbox) => sandbox.state.running,
                Err(ClientError::Refused(_)) => false,
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        note(&format!("{error}; following goes on"));
                    }
                    true
                }
            };
            loop {
                let mut lines = Vec::new();
                read_lines(&mut self.reader, &mut self.partial, |line| lines.push(line))?;
                lines.iter().try_for_each(|line| show(line, timestamps))?;
                if !self.next_file() {
                    break;
                }
            }
            if !running {
                return Ok(());
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// Opens the file that has taken the place of the one that was read, if one has.
    fn next_file(&mut self) -> bool {
        let inode = |file: &File| file.metadata().map(|metadata| metadata.ino()).ok();
        let named = fs::metadata(&self.path).map(|metadata| metadata.ino()).ok();
        if named.is_none() || named == inode(self.reader.get_ref()) {
            return false;
        }
        let Ok(file) = File::open(&self.path) else { return false };
        self.reader = BufReader::new(file);
        true
    }
}
