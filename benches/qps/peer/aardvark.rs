//! Debian's aardvark-dns with the files that netavark writes for it. It knows an asker by its address.

use super::{NAMES, Peer, Target, host, not_here, ns, one_of_many, packaged, put};
use crate::case::Case;
use crate::host::{Host, Unable};

/// The asker's address; the server's is .1 of each network.
const ASKER: &str = "10.89.0.2";

pub struct Aardvark {
    host: Host,
    program: String,
}

impl Aardvark {
    pub fn start() -> Result<Self, Unable> {
        let program = packaged("/usr/lib/podman/aardvark-dns", "aardvark-dns")?;
        let host = host("aardvark")?;
        for network in 0..3 {
            for part in [1, 2, 3] {
                let address = format!("10.{}.0.{part}/32", 89 + network);
                host.run(&["ip", "address", "add", &address, "dev", "lo"])?;
            }
        }
        put(&host, "resolv.conf", "nameserver 10.9.0.1\n")?;
        for dir in ["plain", "many"] {
            let path = host.dir.join(dir);
            std::fs::create_dir_all(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let entry =
            |id: &str, address: &str, names: &str| format!("{id:0>64} {address}  {names}\n");
        let plain =
            format!("10.89.0.1\n{}{}", entry("a", ASKER, "client"), entry("b", "10.89.0.3", "web"));
        put(&host, "plain/bench", &plain)?;
        let inner = format!("10.90.0.1\n{}", entry("c", "10.90.0.2", "inner"));
        put(&host, "plain/inner%int", &inner)?;
        let mut many = format!("10.91.0.1\n{}", entry("d", "10.91.0.2", "asker"));
        for number in 0..NAMES {
            let [_, a, b, c] = (0x0A00_0000 + number as u32).to_be_bytes();
            let id = format!("{number:x}");
            many += &entry(&id, &format!("10.{}.{b}.{c}", 100 + a), &one_of_many(number));
        }
        put(&host, "many/bench", &many)?;
        let aardvark = Self { host, program };
        aardvark.run("plain")?;
        aardvark.run("many")?;
        Ok(aardvark)
    }

    /// Starts one; it goes into the background when it listens.
    fn run(&self, dir: &str) -> Result<(), Unable> {
        let config = self.host.dir.join(dir).display().to_string();
        let words = ["--config", &config, "--port", "53", "--filter-search-domain", ".dns.podman"];
        let words = [&["timeout", "20", &self.program], &words[..], &["run"]].concat();
        self.host.run(&words).map(drop)
    }

    fn pid(&self, dir: &str) -> Result<u32, Unable> {
        let path = self.host.dir.join(dir).join("aardvark.pid");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        text.trim().parse().map_err(|_| format!("{}: no pid", path.display()))
    }
}

impl Peer for Aardvark {
    fn versions(&self) -> String {
        self.host.run(&[&self.program, "--version"]).map_or_else(|why| why, |ran| ran.out)
    }

    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable> {
        let (dir, server, local, name, kind) = match case {
            Case::Local | Case::Fresh | Case::Sandboxes1 => {
                ("plain", "10.89.0.1", ASKER, "web", "A")
            }
            Case::Ptr => ("plain", "10.89.0.1", ASKER, "3.0.89.10.in-addr.arpa", "PTR"),
            Case::Many => ("many", "10.91.0.1", "10.91.0.2", "", "A"),
            Case::Nxdomain => ("plain", "10.90.0.1", "10.90.0.2", "nobody.dns.podman", "A"),
            Case::Tcp => return not_here("1.4 answers over UDP alone"),
            Case::Cached => {
                return not_here("it has no cache; see forwarded names that are asked once");
            }
            Case::Uncached => ("plain", "10.89.0.1", ASKER, "example.net", "A"),
            Case::Dead => return not_here("it takes servers from /etc/resolv.conf alone"),
            Case::Sandboxes2 | Case::Sandboxes200 | Case::Networks16 => {
                return not_here("it has one socket for all sandboxes of a network");
            }
        };
        let pids = vec![self.pid(dir)?];
        Ok(vec![Target {
            ns: ns("aardvark"),
            server,
            local: Some(local),
            name: name.to_owned(),
            kind,
            pids,
        }])
    }
}
