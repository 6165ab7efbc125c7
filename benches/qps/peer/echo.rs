//! The least that a server can do.

use super::{Peer, Target, not_here, ns, serve};
use crate::case::Case;
use crate::host::{Host, Unable};
use std::process::Child;

pub struct Echo {
    kind: &'static str,
    server: Child,
}

impl Echo {
    pub fn start(kind: &'static str) -> Result<Self, Unable> {
        let host = Host::new(kind)?;
        Ok(Self { kind, server: serve(&host, kind, "127.0.0.11")? })
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
