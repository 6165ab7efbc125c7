//! Names: what a sandbox's programs are answered at 127.0.0.11.

mod changes;
mod clients;
mod files;
mod forwarded;
mod guarded;
mod local;
mod manual;
pub mod upstream;

use crate::host::Host;

/// Starts a daemon with the network `localnet`.
fn with_localnet() -> Host {
    with_localnet_and("nameserver 10.9.0.1\n")
}

/// The same on a host with this resolv.conf.
fn with_localnet_and(resolv_conf: &'static str) -> Host {
    let mut host = Host::new().resolv_conf(resolv_conf);
    host.start(&[]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host
}

/// Returns what `dig +short` prints in a sandbox, its lines sorted.
#[track_caller]
pub fn short(host: &Host, sandbox: &str, question: &str) -> Vec<String> {
    let out = host.inside(sandbox, &format!("dig +short +tries=1 {question}")).ok();
    let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A reply as dig prints it.
#[derive(Debug)]
pub struct Reply {
    /// All of it.
    pub text: String,
    /// The return code.
    pub status: String,
    /// The header's flags.
    pub flags: Vec<String>,
    /// The records of the answer section, fields separated by one space.
    pub answer: Vec<String>,
    /// Those of the authority section.
    pub authority: Vec<String>,
}

/// Asks with dig in a sandbox.
#[track_caller]
pub fn dig(host: &Host, sandbox: &str, question: &str) -> Reply {
    Reply::read(host.inside(sandbox, &format!("dig +tries=1 {question}")).ok())
}

impl Reply {
    /// Reads what dig has printed.
    #[track_caller]
    pub fn read(text: String) -> Self {
        let between = |start: &str, end: char| {
            let after = text.split_once(start).unwrap_or_else(|| panic!("no {start}: {text}")).1;
            after.split(end).next().unwrap_or_default().to_owned()
        };
        let section = |name: &str| {
            let lines =
                text.lines().skip_while(|line| *line != format!(";; {name} SECTION:")).skip(1);
            let records = lines.take_while(|line| !line.is_empty());
            records.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        Reply {
            status: between("status: ", ','),
            flags: between("flags:", ';').split_whitespace().map(str::to_owned).collect(),
            answer: section("ANSWER"),
            authority: section("AUTHORITY"),
            text: text.clone(),
        }
    }

    /// Whether it says, on its own authority and for a while, that there is no such record.
    pub fn denies(&self, status: &str) -> bool {
        let soa = matches!(self.authority.as_slice(), [soa] if soa.contains(" SOA "));
        self.status == status && self.answer.is_empty() && soa && self.flags.contains(&"aa".into())
    }
}
