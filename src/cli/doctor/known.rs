//! What the daemon knows, if one runs.

use super::Finding;
use crate::api::call::{GetStatus, ListNetworks, ListSandboxes, Resolve};
use crate::api::client::{Client, ClientError};
use crate::api::view::{Network, Sandbox, Status};
use crate::cli::Dirs;
use std::collections::BTreeSet;
use std::fs;

/// The daemon's answers; nothing if there is none.
pub struct Known {
    client: Client,
    answers: Result<Answers, ClientError>,
}

/// What it said.
pub struct Answers {
    pub status: Status,
    pub networks: Vec<Network>,
    pub sandboxes: Vec<Sandbox>,
}

impl Known {
    /// Asks the daemon.
    pub fn ask(dirs: &Dirs) -> Self {
        let client = dirs.client();
        let ask = || {
            let status = client.call(GetStatus {})?;
            let networks = client.call(ListNetworks {})?;
            let sandboxes = client.call(ListSandboxes {})?;
            Ok(Answers { status, networks, sandboxes })
        };
        let answers = ask();
        Self { client, answers }
    }

    /// Returns what it said, if it said something.
    pub fn answers(&self) -> Option<&Answers> {
        self.answers.as_ref().ok()
    }

    /// Says whether it runs, whether its resolver answers, and whether the servers behind that do.
    pub fn daemon(&self, dirs: &Dirs) -> Vec<Finding> {
        let answers = match &self.answers {
            Ok(answers) => answers,
            Err(error) => return vec![absent(error, dirs)],
        };
        let Status { version, manager_pid, resolver_pid, .. } = &answers.status;
        let daemon = format!("{version}, pid {manager_pid}, at {}", dirs.socket().display());
        let daemon = match version == env!("CARGO_PKG_VERSION") {
            true => Finding::ok("daemon", daemon),
            false => Finding::warn(
                "daemon",
                format!("{daemon}; this program is {}", env!("CARGO_PKG_VERSION")),
                "restart the daemon: sandboxes and names go on meanwhile",
            ),
        };
        if *resolver_pid == 0 {
            let seen = "no resolver serves: sandboxes find no names";
            return vec![daemon, Finding::fail("resolver", seen, why(dirs))];
        }
        vec![daemon, self.local(answers, dirs), zones(answers, dirs), self.upstreams(answers)]
    }

    /// Asks the resolver for a name that every network with names has.
    fn local(&self, answers: &Answers, dirs: &Dirs) -> Finding {
        let pid = answers.status.resolver_pid;
        let named = answers
            .networks
            .iter()
            .filter(|network| !["bridge", "host", "none"].contains(&network.name.as_str()))
            // On others the host has no address that the name could have.
            .max_by_key(|network| network.driver == "bridge");
        let Some(network) = named else {
            return Finding::ok("resolver", format!("pid {pid}; no network has names yet"));
        };
        let name = "host.netdns.internal";
        match self.look_up(name, &network.id) {
            Ok((rcode, address)) if rcode == "NOERROR" => {
                let (network, address) = (&network.name, address.unwrap_or("known".to_owned()));
                Finding::ok("resolver", format!("pid {pid}; {name} on {network} is {address}"))
            }
            Ok((rcode, _)) => {
                Finding::fail("resolver", format!("pid {pid}; {name} is {rcode}"), why(dirs))
            }
            Err(error) => Finding::fail("resolver", format!("pid {pid}; {error}"), why(dirs)),
        }
    }

    /// Asks for a name that only servers beyond know. That it does not exist is an answer, too.
    fn upstreams(&self, answers: &Answers) -> Finding {
        const NAME: &str = "example.com";
        let servers = answers.status.upstreams.join(", ");
        let hint =
            "netdns daemon --dns IP sets other servers; dig @IP example.com asks one yourself";
        let unknown = "names that netdns does not know";
        if servers.is_empty() {
            return Finding::fail("upstreams", format!("none: {unknown} fail"), hint);
        }
        let networks = answers.networks.iter();
        let Some(network) = networks
            .filter(|network| !network.internal)
            .max_by_key(|network| network.name != "none")
        else {
            return Finding::ok("upstreams", servers);
        };
        match self.look_up(NAME, &network.id) {
            Ok((rcode, _)) if rcode == "NOERROR" || rcode == "NXDOMAIN" => {
                Finding::ok("upstreams", format!("{servers}: {NAME} is {rcode}"))
            }
            Ok((rcode, _)) => Finding::warn(
                "upstreams",
                format!("{servers}: {NAME} is {rcode}; {unknown} fail"),
                hint,
            ),
            Err(error) => Finding::warn("upstreams", format!("{servers}: {error}"), hint),
        }
    }

    fn look_up(&self, name: &str, network: &str) -> Result<(String, Option<String>), String> {
        let call = Resolve {
            name: name.parse().expect("the names that are asked for are names"),
            rr_type: "A".to_owned(),
            sandbox: None,
            network: Some(network.to_owned()),
        };
        let resolved = self.client.call(call).map_err(|error| error.to_string())?.resolution;
        let address = resolved.answers.into_iter().next().map(|answer| answer.data);
        Ok((resolved.rcode, address))
    }
}

impl Answers {
    /// Returns the ids of all that may have a link on the host.
    pub fn ids(&self) -> BTreeSet<&str> {
        let networks = self.networks.iter().map(|network| network.id.as_str());
        let endpoints = self.sandboxes.iter().flat_map(|sandbox| {
            sandbox.network_settings.networks.values().map(|endpoint| endpoint.endpoint_id.as_str())
        });
        networks.chain(endpoints).collect()
    }
}

/// Says which zone files are refused.
fn zones(answers: &Answers, dirs: &Dirs) -> Finding {
    const CHECK: &str = "zones";
    let Status { zones, refused_zones, .. } = &answers.status;
    match refused_zones.as_slice() {
        [] => Finding::ok(CHECK, format!("{zones} of {}", dirs.zones.display())),
        refused => Finding::warn(
            CHECK,
            refused.join("; "),
            "a refused zone is served as it was before, if it was; mending the file is enough",
        ),
    }
}

fn why(dirs: &Dirs) -> String {
    let log = dirs.run_dir.join("resolver.log");
    format!("{} and the daemon's log say why", log.display())
}

fn absent(error: &ClientError, dirs: &Dirs) -> Finding {
    let (ClientError::NoDaemon(_), true) = (error, another()) else {
        let hint = error.hint().unwrap_or_else(|| "the daemon's log may say more".to_owned());
        return match error {
            ClientError::NoDaemon(_) => Finding::warn("daemon", error.to_string(), hint),
            _ => Finding::fail("daemon", error.to_string(), hint),
        };
    };
    Finding::warn(
        "daemon",
        format!("none at {}, but one with another run directory", dirs.socket().display()),
        "netdns --run-dir DIR doctor, or NETDNS_RUN_DIR, asks that one",
    )
}

/// Whether some daemon holds this network namespace.
fn another() -> bool {
    let sockets = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    sockets.lines().any(|line| line.ends_with(" @netdns"))
}
