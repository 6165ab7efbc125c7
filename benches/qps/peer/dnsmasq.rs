//! dnsmasq, with names in a hosts file.

use super::{
    NAMES, Peer, SILENT, Target, UPSTREAM, host, not_here, ns, one_of_many, packaged, put,
};
use crate::case::Case;
use crate::host::{Host, Unable};
use std::fmt::Write;
use std::process::Child;

pub struct Dnsmasq {
    host: Host,
    program: String,
    plain: Child,
    many: Child,
    dead: Option<Child>,
}

impl Dnsmasq {
    pub fn start() -> Result<Self, Unable> {
        let program = packaged("/usr/sbin/dnsmasq", "dnsmasq-base")?;
        let host = host("dnsmasq")?;
        let hosts = put(&host, "hosts", "172.30.0.2 web\n")?;
        let mut names = String::new();
        for number in 0..NAMES {
            let [_, a, b, c] = (0x0A00_0000 + number as u32).to_be_bytes();
            let _ = writeln!(names, "10.{a}.{b}.{c} {}", one_of_many(number));
        }
        let names = put(&host, "names", &names)?;
        let plain = serve(&host, &program, "127.0.0.11", &hosts, &[UPSTREAM])?;
        let many = serve(&host, &program, "127.0.0.12", &names, &[UPSTREAM])?;
        Ok(Self { host, program, plain, many, dead: None })
    }
}

fn serve(
    host: &Host,
    program: &str,
    address: &str,
    hosts: &str,
    servers: &[&str],
) -> Result<Child, Unable> {
    let address = format!("--listen-address={address}");
    let hosts = format!("--addn-hosts={hosts}");
    let servers: Vec<String> = servers.iter().map(|server| format!("--server={server}")).collect();
    let mut words = vec![program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv"];
    words.extend(["--no-hosts", "--bind-interfaces", "--user=root", "--group=root", "--pid-file="]);
    words.extend([
        "--log-facility=-",
        "--cache-size=10000",
        "--dns-forward-max=1024",
        "--local=/lab/",
    ]);
    words.extend([address.as_str(), hosts.as_str()]);
    words.extend(servers.iter().map(String::as_str));
    host.serve(&words, "read ")
}

impl Peer for Dnsmasq {
    fn versions(&self) -> String {
        let version = self.host.run(&[&self.program, "--version"]).map(|ran| ran.out);
        let version = version.unwrap_or_else(|why| why);
        version.split("  ").next().unwrap_or_default().to_owned()
    }

    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable> {
        let (server, name, kind) = match case {
            Case::Local | Case::Tcp | Case::Fresh | Case::Sandboxes1 => ("127.0.0.11", "web", "A"),
            Case::Many => ("127.0.0.12", "", "A"),
            Case::Nxdomain => ("127.0.0.11", "nobody.lab", "A"),
            Case::Ptr => ("127.0.0.11", "2.0.30.172.in-addr.arpa", "PTR"),
            Case::Cached => ("127.0.0.11", "www.example.com", "A"),
            Case::Uncached => ("127.0.0.11", "example.net", "A"),
            Case::Dead => {
                if let Some(mut old) = self.dead.take() {
                    let _ = old.kill().and_then(|()| old.wait());
                }
                let hosts = self.host.dir.join("hosts").display().to_string();
                let servers = [SILENT, UPSTREAM];
                self.dead = Some(serve(&self.host, &self.program, "127.0.0.13", &hosts, &servers)?);
                ("127.0.0.13", "example.net", "A")
            }
            Case::Sandboxes2 | Case::Sandboxes200 | Case::Networks16 => {
                return not_here("it knows no sandboxes");
            }
        };
        let process = match case {
            Case::Many => &self.many,
            _ => self.dead.as_ref().filter(|_| case == Case::Dead).unwrap_or(&self.plain),
        };
        let pids = vec![process.id()];
        Ok(vec![Target {
            ns: ns("dnsmasq"),
            server,
            local: None,
            name: name.to_owned(),
            kind,
            pids,
        }])
    }
}
