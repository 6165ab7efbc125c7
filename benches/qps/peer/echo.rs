//! The least that a server can do, also where the kernel rewrites the port as it does for netdns.

use super::{Peer, Target, not_here, ns, serve};
use crate::case::Case;
use crate::host::{Host, Unable};
use std::process::Child;

/// The table that a sandbox of netdns has, for a resolver at port 40001.
const REWRITE: &str = include_str!("../../../tests/golden/nft/dns.nft");

pub struct Echo {
    kind: &'static str,
    server: Child,
}

impl Echo {
    pub fn start(kind: &'static str) -> Result<Self, Unable> {
        let host = Host::new(kind)?;
        let server = match kind {
            "rewritten" => {
                // One without an owner stays when nft ends.
                let rules = REWRITE.replace("flags owner,persist", "");
                host.run_with(&["nft", "-f", "-"], &rules)?;
                serve(&host, "echo", "127.0.0.11:40001")?
            }
            kind => serve(&host, kind, "127.0.0.11:53")?,
        };
        Ok(Self { kind, server })
    }
}

impl Peer for Echo {
    fn versions(&self) -> String {
        format!("{} (benches/qps/serve.rs)", self.kind)
    }

    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable> {
        match case {
            Case::Local | Case::Fresh | Case::Sandboxes1 => Ok(vec![Target {
                ns: ns(self.kind),
                server: "127.0.0.11",
                local: None,
                name: "web".to_owned(),
                kind: "A",
                pids: vec![self.server.id()],
            }]),
            _ => not_here("it has one answer"),
        }
    }
}
