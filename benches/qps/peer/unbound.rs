//! unbound, with names as local data, as a forwarder that does not validate.

use super::{
    NAMES, Peer, SILENT, Target, UPSTREAM, host, not_here, ns, one_of_many, packaged, put,
};
use crate::case::Case;
use crate::host::{Host, Unable};
use std::fmt::Write;
use std::process::Child;

pub struct Unbound {
    host: Host,
    program: String,
    plain: Child,
    many: Child,
    dead: Option<Child>,
}

impl Unbound {
    pub fn start() -> Result<Self, Unable> {
        let program = packaged("/usr/sbin/unbound", "unbound")?;
        let host = host("unbound")?;
        let mut names = String::new();
        for number in 0..NAMES {
            let [_, a, b, c] = (0x0A00_0000 + number as u32).to_be_bytes();
            let _ =
                writeln!(names, "  local-data: \"{}. 5 A 10.{a}.{b}.{c}\"", one_of_many(number));
        }
        let web = "  local-data: \"web. 5 A 172.30.0.2\"\n  local-data-ptr: \"172.30.0.2 5 web\"\n  local-zone: \"lab.\" static\n";
        let plain = serve(&host, &program, "127.0.0.11", web, &[UPSTREAM])?;
        let many = serve(&host, &program, "127.0.0.12", &names, &[UPSTREAM])?;
        Ok(Self { host, program, plain, many, dead: None })
    }
}

fn serve(
    host: &Host,
    program: &str,
    address: &str,
    data: &str,
    servers: &[&str],
) -> Result<Child, Unable> {
    let mut text = format!(
        "server:\n  interface: {address}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  directory: \"/\"\n  \
         pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  verbosity: 1\n  access-control: 127.0.0.0/8 allow\n  \
         do-not-query-localhost: no\n  module-config: \"iterator\"\n{data}\
         remote-control:\n  control-enable: no\nforward-zone:\n  name: \".\"\n"
    );
    for server in servers {
        let _ = writeln!(text, "  forward-addr: {server}");
    }
    let config = put(host, &format!("unbound-{address}.conf"), &text)?;
    host.serve(&[program, "-d", "-c", &config], "start of service")
}

impl Peer for Unbound {
    fn versions(&self) -> String {
        let version = self.host.run(&[&self.program, "-V"]).map(|ran| ran.out);
        let version = version.unwrap_or_else(|why| why);
        version.lines().next().unwrap_or_default().replace("Version", "unbound")
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
                let servers = [SILENT, UPSTREAM];
                self.dead = Some(serve(&self.host, &self.program, "127.0.0.13", "", &servers)?);
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
            ns: ns("unbound"),
            server,
            local: None,
            name: name.to_owned(),
            kind,
            pids,
        }])
    }
}
