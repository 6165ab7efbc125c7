//! netdns itself: the release binary, its daemon with default settings.

use super::Peer;
use crate::asker::Asker;
use crate::host::{Host, Ran, Unable, discard_all, many_prepared, prepared};
use crate::measure::{Act, Samples};

const BINARY: &str = env!("CARGO_BIN_EXE_netdns");

/// How many attachments, and how many `run -d`, a round has.
const ATTACHMENTS: usize = 20;
const RUNS: usize = 10;

pub struct Netdns {
    host: Host,
    asker: Option<Asker>,
    endpoints: usize,
    measured: usize,
}

impl Netdns {
    pub fn start() -> Result<Self, Unable> {
        let host = Host::new("netdns")?;
        std::fs::write("/run/bench/resolv.conf", "nameserver 192.0.2.1\n")
            .map_err(|error| format!("resolv.conf: {error}"))?;
        host.serve(&[BINARY, "daemon"], "ready ")?;
        host.run(&[BINARY, "network", "create", "bench"])?;
        Ok(Self { host, asker: None, endpoints: 0, measured: 0 })
    }

    fn attach(&self, name: &str) -> Result<Ran, Unable> {
        let path = format!("/run/netns/{name}");
        let words = ["attach", "--netns", &path, "--name", name, "--network", "bench"];
        self.host.run(&[&[BINARY], &words[..]].concat())
    }

    fn measure(&mut self, asker: &Asker, samples: &mut Samples) -> Result<(), Unable> {
        let names = many_prepared("netdns-m", self.measured, ATTACHMENTS)?;
        self.measured += ATTACHMENTS;
        for name in &names {
            self.one_attachment(name, asker, samples)?;
        }
        discard_all(&names);
        for _ in 0..RUNS {
            self.one_run(asker, samples)?;
        }
        Ok(())
    }

    fn one_attachment(
        &self,
        name: &str,
        asker: &Asker,
        samples: &mut Samples,
    ) -> Result<(), Unable> {
        let attached = self.attach(name)?;
        asker.until_known(name)?;
        let known = attached.started.elapsed();
        let detached = self.host.run(&[BINARY, "detach", name])?;
        samples.entry(Act::Attach).or_default().push(attached.took);
        samples.entry(Act::Known).or_default().push(known);
        samples.entry(Act::Detach).or_default().push(detached.took);
        Ok(())
    }

    fn one_run(&mut self, asker: &Asker, samples: &mut Samples) -> Result<(), Unable> {
        self.measured += 1;
        let name = format!("netdns-r{}", self.measured);
        let words = ["run", "-d", "--name", &name, "--network", "bench", "sleep", "3600"];
        let ran = self.host.run(&[&[BINARY], &words[..]].concat())?;
        asker.until_known(&name)?;
        self.host.run(&[BINARY, "rm", "-f", &name])?;
        samples.entry(Act::Run).or_default().push(ran.took);
        Ok(())
    }
}

impl Peer for Netdns {
    fn versions(&self) -> String {
        let version = self.host.run(&[BINARY, "--version"]);
        version.map_or_else(|why| why, |ran| ran.out)
    }

    fn fill(&mut self, endpoints: usize) -> Result<(), Unable> {
        while self.endpoints < endpoints {
            let name = format!("netdns-f{}", self.endpoints);
            let ns = prepared(&name)?;
            self.attach(&name)?;
            self.endpoints += 1;
            if self.asker.is_none() {
                self.asker = Some(Asker::inside(&ns, "127.0.0.11:53")?);
            }
        }
        Ok(())
    }

    fn round(&mut self, samples: &mut Samples) -> Result<(), Unable> {
        let asker = self.asker.take().ok_or("nobody asks")?;
        let done = self.measure(&asker, samples);
        self.asker = Some(asker);
        done
    }

    fn programs(&self) -> Vec<(&'static str, &'static str)> {
        vec![("netdns daemon", "netdns daemon"), ("netdns resolver", "netdns resolver")]
    }
}
