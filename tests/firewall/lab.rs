//! A host, its sandboxes and a machine beyond it, each in a network namespace of its own; gone with the [`Lab`].

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A network namespace that a sleeping process keeps.
pub struct Ns(Child);

impl Ns {
    /// Makes one, lo up.
    pub fn new() -> Self {
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", "ip link set lo up; echo; exec sleep 120"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let up = child.stdout.as_mut().unwrap().read(&mut [0]).unwrap();
        assert_eq!(up, 1, "the test needs root, unshare and ip");
        Self(child)
    }

    /// Returns the process.
    pub fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// Runs code on a thread inside.
    pub fn run<T: Send>(&self, code: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.0.id())).unwrap();
        let inside = move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            code()
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|panic| {
            std::panic::resume_unwind(panic);
        })
    }

    /// Runs `ip` inside, a command a line.
    pub fn ip(&self, batch: &str) {
        let mut ip = self.run(|| {
            Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap()
        });
        ip.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
        assert!(ip.wait().unwrap().success(), "{batch}");
    }

    /// Sets a sysctl below `net.ipv4`.
    pub fn sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/net/ipv4/{key}");
        self.run(|| std::fs::write(&path, value).unwrap());
    }

    /// Serves port 80: each connection is told who it seems to come from.
    pub fn serve(&self) {
        let listener = self.run(|| TcpListener::bind("0.0.0.0:80").unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let peer = stream.peer_addr().unwrap().ip();
                let _ = write!(stream, "{peer}");
            }
        });
    }

    /// Asks a server who we seem to be; none if it cannot be reached.
    pub fn ask(&self, server: &str) -> Option<IpAddr> {
        let server: SocketAddr = server.parse().unwrap();
        self.run(|| {
            // Long enough for a SYN to be sent twice on a busy machine.
            let mut stream =
                TcpStream::connect_timeout(&server, Duration::from_millis(1500)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            text.parse().ok()
        })
    }
}

impl Drop for Ns {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The host with its uplink 10.0.0.1, and the machine beyond, 10.0.0.9, that routes our subnets to the host.
pub struct Lab {
    /// The host.
    pub host: Ns,
    /// The machine beyond it.
    pub beyond: Ns,
}

impl Lab {
    /// Builds both.
    pub fn new() -> Self {
        let (host, beyond) = (Ns::new(), Ns::new());
        host.ip(&format!(
            "link add up0 type veth peer name eth0 netns {}\naddr add 10.0.0.1/24 dev up0\nlink set up0 up\n",
            beyond.pid()
        ));
        beyond.ip("addr add 10.0.0.9/24 dev eth0\nlink set eth0 up\nroute add 172.16.0.0/12 via 10.0.0.1\n");
        host.sysctl("ip_forward", "1");
        host.sysctl("conf/all/rp_filter", "0");
        Self { host, beyond }
    }

    /// Makes bridged packets pass the IP hooks or not (br_netfilter); other tools switch this on and off.
    pub fn bridged_packets_pass_ip_hooks(&self, on: bool) {
        let path = "/proc/sys/net/bridge/bridge-nf-call-iptables";
        let value = if on { "1" } else { "0" };
        let set = || !std::path::Path::new(path).exists() || std::fs::write(path, value).is_ok();
        assert!(self.host.run(set));
    }

    /// Adds a bridge 172.SECOND.0.1/16 of our group.
    pub fn bridge(&self, bridge: &str, second: u8) {
        self.host.ip(&format!(
            "link add {bridge} type bridge\nlink set {bridge} group 28260 up\naddr add 172.{second}.0.1/16 dev {bridge}\n"
        ));
        self.host.sysctl(&format!("conf/{bridge}/route_localnet"), "1");
    }

    /// Adds a sandbox 172.SECOND.0.LAST on a bridge, with a server; the default route leads to the bridge.
    pub fn sandbox(&self, bridge: &str, second: u8, last: u8) -> Ns {
        let sandbox = Ns::new();
        self.host.ip(&format!(
            "link add v{second}-{last} group 28260 master {bridge} type veth peer name eth0 netns {}\nlink set v{second}-{last} up type bridge_slave hairpin on\n",
            sandbox.pid()
        ));
        sandbox.ip(&format!(
            "addr add 172.{second}.0.{last}/16 dev eth0\nlink set eth0 up\nroute add default via 172.{second}.0.1\n"
        ));
        sandbox.serve();
        sandbox
    }
}
