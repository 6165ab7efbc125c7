//! The one exception to leaving other tools' rules alone: where another's FORWARD chain drops, an accept in our table
//! cannot overrule it, so a few marked rules on our interface group stand first in the place that tool documents.
//!
//! The rules are put there by the `iptables` program, because that is whose chains they are: Docker, ufw and libvirt
//! all use it, and native expressions in its tables break its own listing. What our networks refuse is still refused
//! by our own table. Deliberately absent: `ip6tables`, as long as no network of ours forwards IPv6.

#[cfg(test)]
mod tests;

use crate::plan::nft::LINK_GROUP;
use std::io;
use std::process::{Command, Output};

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
    #[error("iptables {arguments} failed: {said}")]
    Failed {
        /// What it was asked.
        arguments: String,
        /// Its first line of complaint.
        said: String,
    },
}

/// Puts the rules first into the chain where they are needed and takes them out of the other, in the namespace of the
/// calling thread. Repeating it changes nothing. Returns where they stand, or none where nothing drops our traffic or
/// there is no iptables program; then rules of an earlier need are gone, too.
pub fn ensure() -> Result<Option<Placed>, ForeignError> {
    let Some(listing) = Listing::read()? else { return Ok(None) };
    let chain = listing.place();
    for other in [DOCKER_USER, FORWARD].into_iter().filter(|other| Some(*other) != chain) {
        clear(&listing, other)?;
    }
    let Some(chain) = chain else { return Ok(None) };
    let changed = !listing.is_in_place(chain);
    if changed {
        clear(&listing, chain)?;
        put(chain, &listing.docker_bridges())?;
    }
    Ok(Some(Placed { chain, changed }))
}

/// Removes the rules, wherever they stand.
pub fn remove() -> Result<(), ForeignError> {
    let Some(listing) = Listing::read()? else { return Ok(()) };
    clear(&listing, DOCKER_USER)?;
    clear(&listing, FORWARD)
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
        match iptables(&["-S".to_owned()]) {
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

fn put(chain: &str, bridges: &[&str]) -> Result<(), ForeignError> {
    for (position, rule) in (1..).zip(rules(bridges)) {
        let arguments = ["-I".to_owned(), chain.to_owned(), position.to_string()];
        iptables(&[&arguments[..], &rule].concat())?;
    }
    Ok(())
}

/// Removes our rules from a chain as they were printed, whatever an older release put there.
fn clear(listing: &Listing, chain: &str) -> Result<(), ForeignError> {
    for rule in listing.marked(chain) {
        let words = rule.split_whitespace().map(|word| word.trim_matches('"').to_owned());
        let arguments = ["-D".to_owned(), chain.to_owned()].into_iter().chain(words);
        iptables(&arguments.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn iptables(arguments: &[String]) -> Result<String, ForeignError> {
    let ran =
        Command::new("iptables").args(["-w", PATIENCE]).args(arguments).env("LC_ALL", "C").output();
    let Output { status, stdout, stderr } = ran.map_err(ForeignError::Run)?;
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
            arguments: arguments.join(" "),
            said: complaint.lines().next().unwrap_or("no reason given").to_owned(),
        },
        ForeignError::NoMatch,
    ))
}
