//! netdns itself: the release binary, its daemon with default settings, sandboxes out of prepared namespaces.

use super::{NAMES, NETWORKS, Peer, SILENT, Target, UPSTREAM, host, one_of_many, put};
use crate::case::Case;
use crate::host::{Host, Unable, prepared};
use crate::load::{alone, query};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_netdns");

/// How many sandboxes share the many names, as aliases.
const HOLDERS: usize = 100;

pub struct Netdns {
    daemon: Daemon,
    /// Another one, whose first server is silent.
    dead: Option<Daemon>,
    /// That of `web`, reversed.
    reversed: String,
}

impl Netdns {
    pub fn start(cases: &[Case]) -> Result<Self, Unable> {
        let daemon = Daemon::start("netdns", &[UPSTREAM])?;
        daemon.run(&["network", "create", "bench"])?;
        daemon.attach("client", "bench", &[])?;
        daemon.attach("web", "bench", &[])?;
        let address = daemon.address("web")?;
        let reversed: Vec<&str> = address.rsplit('.').collect();
        let reversed = format!("{}.in-addr.arpa", reversed.join("."));
        let mut netdns = Self { daemon, dead: None, reversed };
        cases.iter().try_for_each(|case| netdns.prepare(*case))?;
        Ok(netdns)
    }

    fn prepare(&mut self, case: Case) -> Result<(), Unable> {
        let daemon = &self.daemon;
        match case {
            Case::Many => {
                daemon.run(&["network", "create", "many"])?;
                daemon.attach("asker", "many", &[])?;
                let each = NAMES / HOLDERS;
                for holder in 0..HOLDERS {
                    let names = (holder * each..(holder + 1) * each).map(one_of_many);
                    let flags: Vec<_> = names.map(|name| format!("--net-alias={name}")).collect();
                    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                    daemon.attach(&format!("holder{holder}"), "many", &flags)?;
                }
            }
            Case::Nxdomain => {
                daemon.run(&["network", "create", "--internal", "inner"])?;
                daemon.attach("inner", "inner", &[])?;
            }
            Case::Networks16 => {
                let networks: Vec<_> = (1..=NETWORKS).map(|n| format!("n{n:02}")).collect();
                for network in &networks {
                    daemon.run(&["network", "create", network])?;
                }
                daemon.attach("both", &networks[0], &[])?;
                for network in &networks[1..] {
                    daemon.run(&["network", "connect", network, "both"])?;
                }
                daemon.attach("far", &networks[NETWORKS - 1], &[])?;
            }
            Case::Sandboxes2 | Case::Sandboxes200 => {
                let prefix = case.name();
                for number in 0..case.sandboxes().unwrap_or(0) {
                    daemon.attach(&format!("{prefix}-{number}"), "bench", &[])?;
                }
            }
            Case::Dead => {
                let daemon = Daemon::start("netdns-dead", &[SILENT, UPSTREAM])?;
                daemon.run(&["network", "create", "bench"])?;
                daemon.attach("late", "bench", &[])?;
                self.dead = Some(daemon);
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the resolver whose first server is silent, and waits for the next one, which knows nothing of that.
    fn forget(&self) -> Result<Vec<Target>, Unable> {
        let daemon = self.dead.as_ref().ok_or("no daemon for that")?;
        let old = daemon.resolver()?;
        daemon.host.run(&["kill", "-KILL", &old.to_string()])?;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            match daemon.resolver() {
                Ok(new) if new != old && new != 0 => {
                    let target = target(daemon.ns("late"), "example.net", "A", new);
                    // A local name is answered once it has all it needs.
                    alone(&target, &[query(1, "late", "A")], true)?;
                    return Ok(vec![target]);
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err("no resolver came after the one that was killed".to_owned())
    }
}

impl Peer for Netdns {
    fn versions(&self) -> String {
        self.daemon.run(&["--version"]).unwrap_or_else(|why| why)
    }

    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable> {
        let pid = self.daemon.resolver()?;
        let one = |asker: &str, name: &str, kind| {
            Ok(vec![target(self.daemon.ns(asker), name, kind, pid)])
        };
        match case {
            Case::Local | Case::Tcp | Case::Fresh | Case::Sandboxes1 => one("client", "web", "A"),
            Case::Sandboxes2 | Case::Sandboxes200 => {
                let askers = 0..case.sandboxes().unwrap_or(0);
                let ns = |number| self.daemon.ns(&format!("{}-{number}", case.name()));
                Ok(askers.map(|number| target(ns(number), "web", "A", pid)).collect())
            }
            Case::Many => one("asker", "", "A"),
            Case::Nxdomain => one("inner", "nobody", "A"),
            Case::Ptr => one("client", &self.reversed, "PTR"),
            Case::Cached => one("client", "www.example.com", "A"),
            Case::Uncached => one("client", "example.net", "A"),
            Case::Networks16 => one("both", "far", "A"),
            Case::Dead => self.forget(),
        }
    }
}

fn target(ns: PathBuf, name: &str, kind: &'static str, pid: u32) -> Target {
    Target { ns, server: "127.0.0.11", local: None, name: name.to_owned(), kind, pids: vec![pid] }
}

/// A host with a daemon on it.
struct Daemon {
    host: Host,
    name: &'static str,
}

impl Daemon {
    /// Starts one whose upstreams are these.
    fn start(name: &'static str, servers: &[&str]) -> Result<Self, Unable> {
        let host = host(name)?;
        let lines = servers.iter().map(|server| format!("nameserver {server}\n"));
        put(&host, "resolv.conf", &lines.collect::<String>())?;
        let daemon = Self { host, name };
        let words = daemon.command(&["daemon"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        daemon.host.serve(&words, "ready ")?;
        Ok(daemon)
    }

    fn command(&self, words: &[&str]) -> Vec<String> {
        let dir = self.host.dir.display();
        let mut command = vec![
            "env".to_owned(),
            format!("NETDNS_RUN_DIR={dir}/run"),
            format!("NETDNS_STATE_DIR={dir}/state"),
            format!("NETDNS_RESOLV_CONF={dir}/resolv.conf"),
            BINARY.to_owned(),
        ];
        command.extend(words.iter().map(|word| (*word).to_owned()));
        command
    }

    fn run(&self, words: &[&str]) -> Result<String, Unable> {
        let command = self.command(words);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        // What failed is said by netdns; how it was called is of no interest.
        let ran = self.host.run(&command);
        ran.map(|ran| ran.out).map_err(|why| format!("netdns {}: {why}", words[0]))
    }

    /// Makes a namespace and puts it on a network.
    fn attach(&self, name: &str, network: &str, flags: &[&str]) -> Result<(), Unable> {
        let ns = prepared(&format!("{}-{name}", self.name))?.display().to_string();
        let words = ["attach", "--netns", &ns, "--name", name, "--network", network];
        self.run(&[&words, flags].concat()).map(drop)
    }

    fn ns(&self, sandbox: &str) -> PathBuf {
        Path::new("/run/netns").join(format!("{}-{sandbox}", self.name))
    }

    /// Returns the resolver's process.
    fn resolver(&self) -> Result<u32, Unable> {
        let status = self.run(&["status", "--format", "json"])?;
        let status: Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
        status["ResolverPid"].as_u64().map(|pid| pid as u32).ok_or("no resolver".to_owned())
    }

    fn address(&self, sandbox: &str) -> Result<String, Unable> {
        let shown: Value = serde_json::from_str(&self.run(&["inspect", sandbox])?)
            .map_err(|error| error.to_string())?;
        let networks = shown[0]["NetworkSettings"]["Networks"].as_object();
        let first = networks.and_then(|networks| networks.values().next());
        let address = first.and_then(|network| network["IPAddress"].as_str());
        address.map(str::to_owned).ok_or_else(|| format!("{sandbox} has no address"))
    }
}
