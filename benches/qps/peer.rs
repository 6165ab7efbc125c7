//! Who is measured. Each has a host of its own with an upstream on it, and says for each case where and for what to ask.

mod aardvark;
mod dnsmasq;
mod docker;
mod echo;
mod netdns;
mod unbound;

use super::case::Case;
use super::host::{Host, Unable};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Where the upstream is on each host, and one that never answers.
pub const UPSTREAM: &str = "10.9.0.1";
pub const SILENT: &str = "10.9.0.9";

/// How many names there are in the case of many.
pub const NAMES: usize = 100_000;

/// How many networks in the case of many of these.
pub const NETWORKS: usize = 16;

/// Whom to ask for what.
#[derive(Clone, Debug)]
pub struct Target {
    /// The asker's network namespace.
    pub ns: PathBuf,
    /// The server's address there; its port is 53.
    pub server: &'static str,
    /// From which address to ask, if it matters.
    pub local: Option<&'static str>,
    /// The name to ask for; for names that are asked once, what they end in.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// The server's processes.
    pub pids: Vec<u32>,
}

/// One that can be measured.
pub trait Peer {
    /// Returns the versions of its programs.
    fn versions(&self) -> String;

    /// Returns whom to ask in a case; several, if several sandboxes ask. In the case of a dead upstream the server knows
    /// nothing yet of who is dead.
    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable>;
}

type Start = fn(&[Case]) -> Result<Box<dyn Peer>, Unable>;

/// The name in the tables, and how one is started for some cases.
pub type Entry = (&'static str, Start);

/// All of them.
pub const ALL: [Entry; 8] = [
    ("netdns", |cases| Ok(Box::new(netdns::Netdns::start(cases)?))),
    ("docker", |cases| Ok(Box::new(docker::Docker::start(cases)?))),
    ("aardvark-dns", |_| Ok(Box::new(aardvark::Aardvark::start()?))),
    ("dnsmasq", |_| Ok(Box::new(dnsmasq::Dnsmasq::start()?))),
    ("unbound", |_| Ok(Box::new(unbound::Unbound::start()?))),
    ("echo", |cases| Ok(Box::new(echo::Echo::start("echo", cases)?))),
    ("rewritten echo", |cases| Ok(Box::new(echo::Echo::start("rewritten", cases)?))),
    ("batched echo", |cases| Ok(Box::new(echo::Echo::start("batched", cases)?))),
];

/// Returns those that a list names.
pub fn chosen(list: &str) -> Result<Vec<&'static Entry>, String> {
    let all: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
    let missing = |name| format!("there is no peer {name}; there are {}", all.join(", "));
    let find = |name| ALL.iter().find(|(of, _)| *of == name).ok_or_else(|| missing(name));
    list.split(',').map(find).collect()
}

/// Has /etc/resolv.conf name the upstream, for the peers that read that file. The machine's own stays what it is.
pub fn settle() -> Result<(), Unable> {
    let script = "resolv=$(readlink -m /etc/resolv.conf)
        mkdir -p ${resolv%/*} && [ -e $resolv ] || : > $resolv
        echo \"nameserver $1\" > /run/bench/upstream.conf && mount --bind /run/bench/upstream.conf $resolv";
    let done = Command::new("bash").args(["-euc", script, "bash", UPSTREAM]).output();
    match done.map_err(|error| format!("bash: {error}"))? {
        output if output.status.success() => Ok(()),
        output => Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()),
    }
}

/// Returns where a file of a package is: below the directory that the user named, or below the root.
pub fn packaged(path: &str, package: &str) -> Result<String, Unable> {
    let root = std::env::var("NETDNS_BENCH_PACKAGES").unwrap_or_default();
    let candidates = [PathBuf::from(format!("{root}{path}")), PathBuf::from(path)];
    let found = candidates.into_iter().find(|candidate| candidate.exists());
    let found = found.ok_or_else(|| format!("{path} is not there (package {package})"))?;
    Ok(found.display().to_string())
}

/// Makes a host with an upstream that answers every name, and one that is silent.
fn host(name: &str) -> Result<Host, Unable> {
    let host = Host::new(name)?;
    for address in [UPSTREAM, SILENT] {
        host.run(&["ip", "address", "add", &format!("{address}/32"), "dev", "lo"])?;
    }
    serve(&host, "batched", &format!("{UPSTREAM}:53"), &[])?;
    serve(&host, "silent", &format!("{SILENT}:53"), &[])?;
    Ok(host)
}

/// Starts a server of this program's own, in other namespaces than the host's if some are given.
fn serve(host: &Host, kind: &str, address: &str, places: &[PathBuf]) -> Result<Child, Unable> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut words =
        vec![program.display().to_string(), "serve".into(), kind.into(), address.into()];
    words.extend(places.iter().map(|place| place.display().to_string()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    host.serve(&words, "listening")
}

/// Returns the namespace of a host made by that name.
fn ns(name: &str) -> PathBuf {
    Path::new("/run/netns").join(format!("host-{name}"))
}

/// Returns name number `number` of many, wherever it stands.
pub fn one_of_many(number: usize) -> String {
    format!("n{number}")
}

/// What a case without a place here says.
fn not_here(why: &str) -> Result<Vec<Target>, Unable> {
    Err(why.to_owned())
}

/// Writes a file of a host's.
fn put(host: &Host, name: &str, text: &str) -> Result<String, Unable> {
    let path = host.dir.join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path.display().to_string())
}
