//! Walks the rows on one side. A step is a line of shell, or short for one:
//!
//! ```text
//! net NAME [FLAGS]            a network, and its gateway
//! run NAME [FLAGS]            a sandbox that sleeps, its process and its addresses
//! serve NAME [FLAGS]          a sandbox whose port 80 answers with the address that asked
//! look NAME                   a sandbox's process and addresses once more
//! ask NAME QUESTION [FLAGS]   dig from within a sandbox, and what the name server beyond the host was asked for it
//! in NAME LINE                a question like the next, in a sandbox's network with the machine's programs
//! ? LINE                      a line whose outcome is what the row shows
//! LINE                        any other
//! ```
//!
//! `{NAME}` in a step is a sandbox's first address.

use crate::machine::Machine;
use crate::rows::Row;
use crate::side::Side;
use crate::transcript::{Entry, Transcript};
use std::collections::BTreeMap;

/// The row that holds the versions.
pub const VERSIONS: &str = "versions";

/// The command under which stands what the name server was asked.
pub const ASKED: &str = "cat upstream.log  # what is new in it";

/// Walks the rows on a fresh machine.
pub fn walk(side: Side, machine: Machine, rows: &[&Row]) -> Transcript {
    let mut walk = Walk { side, machine, transcript: Transcript::default(), row: Kept::default() };
    walk.transcript.begin(VERSIONS);
    for line in side.versions() {
        walk.line(line, false);
    }
    for row in rows {
        walk.transcript.begin(row.key);
        walk.row(row);
    }
    walk.transcript
}

struct Walk {
    side: Side,
    machine: Machine,
    transcript: Transcript,
    row: Kept,
}

/// What a row has made.
#[derive(Default)]
struct Kept {
    /// Sandboxes, the process of each, and its first address.
    pids: BTreeMap<String, String>,
    addresses: BTreeMap<String, String>,
    networks: Vec<String>,
}

impl Walk {
    fn row(&mut self, row: &Row) {
        for step in row.steps.lines().map(str::trim).filter(|step| !step.is_empty()) {
            let addresses = self.row.addresses.iter();
            let put = |step: String, (name, address): (&String, &String)| {
                step.replace(&format!("{{{name}}}"), address)
            };
            let step = addresses.fold(step.to_owned(), put);
            self.step(&step);
        }
        self.clean();
        // What is asked late belongs to no row.
        self.machine.asked();
    }

    fn step(&mut self, step: &str) {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let (name, flags) = rest.split_once(' ').unwrap_or((rest, ""));
        let flags = if flags.is_empty() { String::new() } else { format!("{flags} ") };
        match verb {
            "net" => {
                self.line(&format!("CTL network create {flags}{name}"), false);
                self.row.networks.push(name.to_owned());
                let line = format!("CTL network inspect {name} | grep '\"Gateway\"'");
                self.line(&line, false);
            }
            "run" => {
                self.line(&format!("CTL run -d --name {name} {flags}IMAGE sleep 3600"), false);
                self.look(name);
            }
            "serve" => {
                let server = "busybox httpd -f -p 80 -h /run/compare/www";
                self.line(&format!("CTL run -d --name {name} {flags}IMAGE {server}"), false);
                self.look(name);
                let pid = self.pid(name);
                let ready = format!("nsenter -t {pid} -n bash -c ': </dev/tcp/127.0.0.1/80'");
                let line = format!("until {ready} 2>/dev/null; do sleep 0.05; done");
                self.line(&format!("timeout 20 bash -c \"{line}\""), false);
            }
            "look" => self.look(name),
            "ask" => self.ask(name, flags.trim()),
            "in" => {
                let line = format!("nsenter -t {} -n {flags}", self.pid(name));
                self.line(line.trim_end(), true);
            }
            "?" => drop(self.line(rest, true)),
            _ => drop(self.line(step, false)),
        }
    }

    /// Notes a sandbox's process and addresses.
    fn look(&mut self, name: &str) {
        let line = format!("CTL inspect {name} | grep -E '\"(Pid|IPAddress)\":'");
        let out = self.line(&line, false).out;
        let pid = values(&out, "\"Pid\":").next().unwrap_or_default();
        let address = values(&out, "\"IPAddress\":").find(|address| !address.is_empty());
        self.row.pids.insert(name.to_owned(), pid);
        self.row.addresses.insert(name.to_owned(), address.unwrap_or_default());
    }

    /// Asks from within a sandbox. The name server has written down a question before its reply leaves.
    fn ask(&mut self, sandbox: &str, question: &str) {
        self.machine.asked();
        let dig = "dig @127.0.0.11 +tries=1 +timeout=10 +noall +comments +answer +authority";
        self.line(&format!("nsenter -t {} -n {dig} {question}", self.pid(sandbox)), true);
        let out = self.machine.asked();
        let asked = Entry { command: ASKED.to_owned(), asks: true, out, ..Entry::default() };
        self.transcript.push(asked);
    }

    fn pid(&self, sandbox: &str) -> &str {
        self.row.pids.get(sandbox).map_or("", String::as_str)
    }

    /// Removes what the row has made, whatever it was renamed to.
    fn clean(&mut self) {
        let row = std::mem::take(&mut self.row);
        self.line("CTL rm -f $(CTL ps -aq)", false);
        if !row.networks.is_empty() {
            self.line(&format!("CTL network rm {}", row.networks.join(" ")), false);
        }
    }

    fn line(&mut self, line: &str, asks: bool) -> Entry {
        let entry = Entry { asks, ..self.machine.run(&self.side.words(line)) };
        self.transcript.push(entry.clone());
        entry
    }
}

/// Returns the values of a key in lines of JSON.
fn values<'a>(lines: &'a [String], key: &'a str) -> impl Iterator<Item = String> + 'a {
    let values = lines.iter().filter_map(move |line| line.trim().strip_prefix(key));
    values.map(|value| value.trim_matches([' ', ',', '"']).to_owned())
}
