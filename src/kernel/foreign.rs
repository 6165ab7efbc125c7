//! The one exception to leaving other tools' rules alone: where another's FORWARD chain drops, an accept in our table
//! cannot overrule it, so a few marked rules on our interface group stand first in the place that tool documents.
//!
//! The rules are put there by the `iptables` program, because that is whose chains they are: Docker, ufw and libvirt
//! all use it, and native expressions in its tables break its own listing. What our networks refuse is still refused
//! by our own table. Deliberately absent: `ip6tables`, as long as no network of ours forwards IPv6.

#[cfg(test)]
mod tests;

use crate::plan::nft::LINK_GROUP;
use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

/// The chain that Docker leaves to operators and passes before its own rules.
const DOCKER_USER: &str = "DOCKER-USER";
const FORWARD: &str = "FORWARD";
const MARK: &str = "netdns";
/// How many seconds another tool may hold the lock of iptables: no command of ours waits longer than that for it.
const PATIENCE: &str = "5";

/// Where the rules stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The chain.
    pub chain: &'static str,
    /// Whether they, or some of them, were not there before.
    pub changed: bool,
}

/// Why the rules could not be put into another tool's chain.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The program did not start.
    #[error("cannot run iptables")]
    Run(#[source] io::Error),
    /// Its kernel or extensions lack a match.
    #[error("iptables lacks the match `{0}`, which the rule beside another firewall needs")]
    NoMatch(&'static str),
    /// It refused.
    #[error("{program} failed: {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its first line of complaint.
        said: String,
    },
}

/// Puts the rules first into the chain where they are needed and takes them out of the other, in the namespace of the
/// calling thread, in one transaction. Repeating it changes nothing. Returns where they stand, or none where nothing
/// drops our traffic or there is no iptables program; then rules of an earlier need are gone, too.
pub fn ensure() -> Result<Option<Placed>, ForeignError> {
    let Some(listing) = Listing::read()? else { return Ok(None) };
    let chain = listing.place();
    let others = [DOCKER_USER, FORWARD].into_iter().filter(|other| Some(*other) != chain);
    let mut changes: Vec<String> = others.flat_map(|other| removals(&listing, other)).collect();
    let changed = chain.is_some_and(|chain| !listing.is_in_place(chain));
    if let Some(chain) = chain.filter(|_| changed) {
        changes.extend(removals(&listing, chain));
        changes.extend(insertions(chain, &listing.docker_bridges()));
    }
    commit(&changes)?;
    Ok(chain.map(|chain| Placed { chain, changed }))
}

/// Removes the rules, wherever they stand.
pub fn remove() -> Result<(), ForeignError> {
    let Some(listing) = Listing::read()? else { return Ok(()) };
    let chains = [DOCKER_USER, FORWARD].into_iter();
    commit(&chains.flat_map(|chain| removals(&listing, chain)).collect::<Vec<_>>())
}

/// What is found of another tool's FORWARD chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Where our rules belong.
    pub chain: &'static str,
    /// Whether they stand there.
    pub passed: bool,
    /// What puts them there.
    pub commands: Vec<String>,
}

/// Looks whether another tool's FORWARD chain drops our traffic, and changes nothing; none if it does not.
pub fn look() -> Result<Option<Obstacle>, ForeignError> {
    let Some(listing) = Listing::read()? else { return Ok(None) };
    let Some(chain) = listing.place() else { return Ok(None) };
    let command = |(position, rule): (usize, Vec<String>)| {
        format!("iptables -I {chain} {position} {}", rule.join(" "))
    };
    let commands = (1..).zip(rules(&listing.docker_bridges())).map(command).collect();
    Ok(Some(Obstacle { chain, passed: listing.is_in_place(chain), commands }))
}

/// The rules in the order in which they stand: what leaves our links, but for the bridges of Docker's, about which
/// Docker's own rules decide; the answers to it; and what was published. The last two are narrow because our links are
/// also where others' traffic would enter.
fn rules(bridges: &[&str]) -> Vec<Vec<String>> {
    let group = format!("{LINK_GROUP:#x}");
    let rule = |out: &[&str], direction: &str, state: &[&str], target: &str| {
        let group = ["-m", "devgroup", direction, &group];
        let mark = ["-m", "comment", "--comment", MARK, "-j", target];
        let words = [out, &group, state, &mark].concat();
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let left_to_docker =
        bridges.iter().map(|name| rule(&["-o", name], "--src-group", &[], "RETURN"));
    let answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"];
    let published = ["-m", "conntrack", "--ctstate", "DNAT"];
    left_to_docker
        .chain([
            rule(&[], "--src-group", &[], "ACCEPT"),
            rule(&[], "--dst-group", &answers, "ACCEPT"),
            rule(&[], "--dst-group", &published, "ACCEPT"),
        ])
        .collect()
}

/// What `iptables -S` prints of the filter table.
struct Listing(Vec<String>);

impl Listing {
    /// Reads it; none if there is no iptables program.
    fn read() -> Result<Option<Self>, ForeignError> {
        match iptables(&["-S"]) {
            Ok(text) => Ok(Some(Self(text.lines().map(str::to_owned).collect()))),
            Err(ForeignError::Run(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn has_chain(&self, chain: &str) -> bool {
        let made = format!("-N {chain}");
        self.0.contains(&made)
    }

    /// Decides where the rules are needed: where FORWARD drops or rejects what no rule accepted.
    fn place(&self) -> Option<&'static str> {
        let catches_all = |rule: &str| rule == "-j DROP" || rule.starts_with("-j REJECT");
        let drops = self.0.iter().any(|line| line == "-P FORWARD DROP")
            || self.in_chain(FORWARD).any(catches_all);
        match (drops, self.has_chain(DOCKER_USER)) {
            (true, true) => Some(DOCKER_USER),
            (true, false) => Some(FORWARD),
            (false, _) => None,
        }
    }

    fn in_chain<'a>(&'a self, chain: &str) -> impl Iterator<Item = &'a str> {
        let start = format!("-A {chain} ");
        self.0.iter().filter_map(move |line| line.strip_prefix(&start))
    }

    /// Returns our rules in a chain.
    fn marked<'a>(&'a self, chain: &str) -> impl Iterator<Item = &'a str> {
        self.in_chain(chain).filter(|rule| is_ours(rule))
    }

    /// Returns Docker's bridges: what leaves by them goes through the chain of its published ports. There is no such
    /// chain where there is no Docker.
    fn docker_bridges(&self) -> Vec<&str> {
        let found = self.0.iter().filter_map(|line| {
            let (_, name) = line.strip_suffix(" -j DOCKER")?.rsplit_once(" -o ")?;
            (!name.contains(' ')).then_some(name)
        });
        let mut bridges: Vec<_> = found.collect();
        bridges.sort_unstable();
        bridges.dedup();
        bridges
    }

    /// Whether exactly our rules open the chain.
    fn is_in_place(&self, chain: &str) -> bool {
        let bridges = self.docker_bridges();
        let wanted = rules(&bridges).len();
        let first = self.in_chain(chain).take(wanted).filter(|rule| is_ours(rule)).count();
        let named =
            |name: &&str| self.marked(chain).any(|rule| rule.starts_with(&format!("-o {name} ")));
        first == wanted && self.marked(chain).count() == wanted && bridges.iter().all(named)
    }
}

/// Whether a rule as printed bears our mark; releases of iptables differ in whether they quote one word.
fn is_ours(rule: &str) -> bool {
    let mut words = rule.split_whitespace();
    let marks = [MARK, "\"netdns\""];
    words.any(|word| word == "--comment") && words.next().is_some_and(|word| marks.contains(&word))
}

/// Returns the commands that put our rules first into a chain.
fn insertions(chain: &str, bridges: &[&str]) -> impl Iterator<Item = String> {
    let numbered = (1..).zip(rules(bridges));
    numbered.map(move |(position, rule)| format!("-I {chain} {position} {}", rule.join(" ")))
}

/// Returns the commands that remove our rules from a chain as they were printed, whatever an older release put there.
fn removals(listing: &Listing, chain: &str) -> impl Iterator<Item = String> {
    listing.marked(chain).map(move |rule| format!("-D {chain} {rule}"))
}

/// Makes all changes, or none: while one set of rules takes the place of another, nothing of ours is dropped.
fn commit(changes: &[String]) -> Result<(), ForeignError> {
    if changes.is_empty() {
        return Ok(());
    }
    let text = format!("*filter\n{}\nCOMMIT\n", changes.join("\n"));
    let mut restore = Command::new("iptables-restore");
    restore.args(["-w", PATIENCE, "--noflush"]);
    talk(restore, &text).map(drop)
}

fn iptables(arguments: &[&str]) -> Result<String, ForeignError> {
    let mut iptables = Command::new("iptables");
    iptables.args(["-w", PATIENCE]).args(arguments);
    talk(iptables, "")
}

/// Runs a program with a text on its stdin, and returns its stdout.
fn talk(mut program: Command, text: &str) -> Result<String, ForeignError> {
    program.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = program.spawn().map_err(ForeignError::Run)?;
    // One that ends before it has read all says why on its stderr.
    let _ = running.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    let Output { status, stdout, stderr } =
        running.wait_with_output().map_err(ForeignError::Run)?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&stderr);
    let missing = ["devgroup", "conntrack", "comment"].into_iter().find(|name| {
        complaint.contains(&format!("Couldn't load match `{name}'"))
            || complaint.contains(&format!("Extension {name} "))
    });
    Err(missing.map_or_else(
        || ForeignError::Failed {
            program: program.get_program().to_string_lossy().into_owned(),
            said: complaint.lines().next().unwrap_or("no reason given").to_owned(),
        },
        ForeignError::NoMatch,
    ))
}
