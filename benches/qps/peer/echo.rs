//! The least that a server can do, also where the kernel rewrites the port as it does for netdns.

use super::{Peer, Target, not_here, ns, serve};
use crate::case::Case;
use crate::host::{Host, Unable};
use std::path::PathBuf;
use std::process::Child;

/// The table that a sandbox of netdns has, for a resolver at port 40001.
const REWRITE: &str = include_str!("../../../tests/golden/nft/dns.nft");

pub struct Echo {
    kind: &'static str,
    server: Child,
    /// Those with a socket in each of several namespaces.
    spread: Vec<(Case, Child)>,
}

impl Echo {
    pub fn start(kind: &'static str, cases: &[Case]) -> Result<Self, Unable> {
        let host = place(kind, kind)?;
        let server = serve_at(&host, kind, &[])?;
        let spread = cases.iter().filter(|case| case.sandboxes().is_some_and(|count| count > 1));
        let spread = spread.map(|case| {
            for number in 0..case.sandboxes().unwrap_or(0) {
                place(kind, &name(kind, *case, number))?;
            }
            Ok((*case, serve_at(&host, kind, &spots(kind, *case))?))
        });
        let spread = spread.collect::<Result<_, Unable>>()?;
        Ok(Self { kind, server, spread })
    }
}

/// Makes a namespace in which the port is rewritten or not.
fn place(kind: &str, name: &str) -> Result<Host, Unable> {
    let host = Host::new(name)?;
    if kind == "rewritten" {
        // One without an owner stays when nft ends.
        let rules = REWRITE.replace("flags owner,persist", "");
        host.run_with(&["nft", "-f", "-"], &rules)?;
    }
    Ok(host)
}

fn serve_at(host: &Host, kind: &str, spots: &[PathBuf]) -> Result<Child, Unable> {
    match kind {
        "rewritten" => serve(host, "echo", "127.0.0.11:40001", spots),
        kind => serve(host, kind, "127.0.0.11:53", spots),
    }
}

fn name(kind: &str, case: Case, number: usize) -> String {
    format!("{kind}-{}-{number}", case.name())
}

fn spots(kind: &str, case: Case) -> Vec<PathBuf> {
    (0..case.sandboxes().unwrap_or(0)).map(|number| ns(&name(kind, case, number))).collect()
}

impl Peer for Echo {
    fn versions(&self) -> String {
        format!("{} (benches/qps/serve.rs)", self.kind)
    }

    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable> {
        let target = |ns, server: &Child| Target {
            ns,
            server: "127.0.0.11",
            local: None,
            name: "web".to_owned(),
            kind: "A",
            pids: vec![server.id()],
        };
        if let Some((_, server)) = self.spread.iter().find(|(of, _)| *of == case) {
            return Ok(spots(self.kind, case).into_iter().map(|ns| target(ns, server)).collect());
        }
        match case {
            Case::Local | Case::Fresh | Case::Sandboxes1 => {
                Ok(vec![target(ns(self.kind), &self.server)])
            }
            _ => not_here("it has one answer"),
        }
    }
}
