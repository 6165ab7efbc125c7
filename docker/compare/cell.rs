//! Derives a cell of the table from what one side's commands printed. It sees the transcript and nothing else.

mod names;

use crate::dig;
use crate::steps::ASKED;
use crate::transcript::Entry;
use names::Names;

/// What of a row's questions its cell shows.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// Replies: response code, records, and what the name server beyond the host was asked for them.
    Answers,
    /// Of a reply, its flags and the first record's time to live.
    Header,
    /// The exit code, and these words of standard error; all of it if they are not there.
    Words(&'static str),
    /// The exit code and what was printed, without identifiers.
    Printed,
    /// The same of a file, without comments.
    File,
    /// Whether the command succeeded.
    Success,
    /// Whose address a published port's server saw.
    Asker,
}

/// Derives the cell of a row.
pub fn derive(shows: Shows, row: &[Entry]) -> String {
    let names = Names::of(row);
    let questions: Vec<&Entry> = row.iter().filter(|entry| entry.asks).collect();
    let cells: Vec<String> = match shows {
        Shows::Answers => {
            let (asked, digs): (Vec<_>, Vec<_>) =
                questions.iter().partition(|entry| entry.command == ASKED);
            let pairs = digs.into_iter().zip(asked);
            pairs.map(|(dig, asked)| answers(dig, asked, &names)).collect()
        }
        Shows::Header => {
            let digs = questions.iter().filter(|entry| entry.command != ASKED);
            digs.map(|dig| header(dig)).collect()
        }
        Shows::Words(words) => questions.iter().map(|entry| said(entry, words, &names)).collect(),
        Shows::Printed => questions.iter().map(|entry| printed(entry, &names)).collect(),
        Shows::File => questions.iter().map(|entry| file(entry, &names)).collect(),
        Shows::Success => questions.iter().map(|entry| success(entry)).collect(),
        Shows::Asker => questions.iter().map(|entry| asker(entry, &names)).collect(),
    };
    if cells.is_empty() { "not asked".to_owned() } else { cells.join(" / ") }
}

fn answers(dig: &Entry, asked: &Entry, names: &Names) -> String {
    let reply = dig::reply(&dig.out);
    let records = reply.answers.iter();
    let mut records: Vec<String> = records
        .map(|record| names.put_into(&format!("{} {} {}", record.name, record.kind, record.data)))
        .collect();
    // Their order turns.
    records.sort();
    let mut cell = match reply.status.as_str() {
        "" => "no reply within 10 s".to_owned(),
        status => status.to_owned(),
    };
    if !records.is_empty() {
        cell += &format!(": {}", records.join(", "));
    } else if reply.soa {
        cell += " with SOA";
    }
    let asked: Vec<String> = asked.out.iter().map(|line| names.put_into(&question(line))).collect();
    if !asked.is_empty() {
        cell += &format!("; left the host: {}", asked.join(", "));
    }
    cell
}

/// Returns name and type out of a line of the name server's: transport, asker, name, type.
fn question(line: &str) -> String {
    let mut words = line.split_whitespace().skip(2);
    let name = words.next().unwrap_or_default();
    let kind = match words.next().unwrap_or_default() {
        "1" => "A",
        "12" => "PTR",
        "15" => "MX",
        "16" => "TXT",
        "28" => "AAAA",
        "33" => "SRV",
        "65" => "HTTPS",
        other => other,
    };
    format!("{name} {kind}")
}

fn header(dig: &Entry) -> String {
    let reply = dig::reply(&dig.out);
    let ttl = reply.answers.first().map_or("none", |record| record.ttl.as_str());
    format!("{}, TTL {ttl}", reply.flags)
}

fn said(entry: &Entry, words: &str, names: &Names) -> String {
    let held = entry.err.iter().any(|line| line.contains(words));
    let text = if held { words.to_owned() } else { names.put_into(&spaced(&entry.err.join(" "))) };
    format!("exit {}: {text}", entry.code)
}

fn printed(entry: &Entry, names: &Names) -> String {
    let lines = entry.out.iter().chain(&entry.err).map(|line| spaced(line));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let text = names.put_into(&lines.join("; "));
    match entry.code {
        0 => text,
        code => format!("exit {code}: {text}"),
    }
}

fn file(entry: &Entry, names: &Names) -> String {
    let lines = entry.out.iter().filter(|line| !line.starts_with('#'));
    let out = lines.cloned().collect();
    printed(&Entry { out, ..entry.clone() }, names)
}

fn success(entry: &Entry) -> String {
    let said = if entry.code == 0 { "succeeds" } else { "fails" };
    said.to_owned()
}

fn asker(entry: &Entry, names: &Names) -> String {
    match (entry.code, entry.out.first()) {
        (0, Some(address)) => {
            // The server listens at IPv6's addresses, too, and shows IPv4's within them.
            let address = address.trim_matches(['[', ']']).trim_start_matches("::ffff:");
            format!("answers {}", names.put_into(address))
        }
        _ => "no answer".to_owned(),
    }
}

/// Returns a line with single spaces.
fn spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
