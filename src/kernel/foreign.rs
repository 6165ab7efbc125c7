//! The one exception to leaving other tools' rules alone: where another's FORWARD chain drops, an accept in our table
//! cannot overrule it, so three marked rules on our interface group stand first in the place that tool documents.
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
    let Some(rules) = Listing::read()? else { return Ok(None) };
    let chain = rules.place();
    let mut changed = false;
    for other in [DOCKER_USER, FORWARD].into_iter().filter(|other| Some(*other) != chain) {
        clear(&rules, other)?;
    }
    let Some(chain) = chain else { return Ok(None) };
    if !rules.is_in_place(chain) {
        clear(&rules, chain)?;
        put(chain)?;
        changed = true;
    }
    Ok(Some(Placed { chain, changed }))
}

/// Removes the rules, wherever they stand.
pub fn remove() -> Result<(), ForeignError> {
    let Some(rules) = Listing::read()? else { return Ok(()) };
    clear(&rules, DOCKER_USER)?;
    clear(&rules, FORWARD)
}

/// The rules in the order in which they stand: what leaves our links, the answers to it, and what was published. The
/// last two are narrow because our links are also where others' traffic would enter.
fn rules() -> [Vec<String>; 3] {
    let group = format!("{LINK_GROUP:#x}");
    let rule = |direction: &str, state: &[&str]| {
        let group = ["-m", "devgroup", direction, &group];
        let words = [&group[..], state, &["-m", "comment", "--comment", MARK, "-j", "ACCEPT"]];
        words.concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    [
        rule("--src-group", &[]),
        rule("--dst-group", &["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]),
        rule("--dst-group", &["-m", "conntrack", "--ctstate", "DNAT"]),
    ]
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

    /// Whether exactly our rules open the chain.
    fn is_in_place(&self, chain: &str) -> bool {
        let wanted = rules().len();
        let first = self.in_chain(chain).take(wanted).filter(|rule| is_ours(rule)).count();
        first == wanted && self.marked(chain).count() == wanted
    }
}

/// Whether a rule as printed bears our mark.
fn is_ours(rule: &str) -> bool {
    let mut words = rule.split_whitespace().map(|word| word.trim_matches('"'));
    words.any(|word| word == "--comment") && words.next() == Some(MARK)
}

fn put(chain: &str) -> Result<(), ForeignError> {
    for (position, rule) in (1..).zip(rules()) {
        let arguments = ["-I".to_owned(), chain.to_owned(), position.to_string()];
        iptables(&[&arguments[..], &rule].concat())?;
    }
    Ok(())
}

/// Removes our rules from a chain as they were printed, whatever an older release put there.
fn clear(rules: &Listing, chain: &str) -> Result<(), ForeignError> {
    for rule in rules.marked(chain) {
        let words = rule.split_whitespace().map(|word| word.trim_matches('"').to_owned());
        let arguments = ["-D".to_owned(), chain.to_owned()].into_iter().chain(words);
        iptables(&arguments.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn iptables(arguments: &[String]) -> Result<String, ForeignError> {
    let ran = Command::new("iptables").arg("-w").args(arguments).env("LC_ALL", "C").output();
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
