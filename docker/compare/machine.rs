//! A machine of a side's own: network, mount and pid namespaces, another host at the far end of its uplink, and there
//! a name server that writes down what it is asked.

use crate::transcript::Entry;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The name server, which is also that of the tests.
const UPSTREAM: &str = include_str!("../../tests/black_box/names/upstream.py");

/// What a server in a sandbox answers: the address that asked.
const WHO: &str = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s\\n' \"$REMOTE_ADDR\"\n";

/// Process 1 of the machine: it reaps whatever is orphaned, and with it everything ends.
const INIT: &str = "trap '' TERM INT HUP; echo up; while :; do sleep 3600 & wait; done";

/// The host's resolver configuration and links are the same on both sides; nothing of the real machine is changed.
const SETTLE: &str = "
    resolv=$(readlink -m /etc/resolv.conf)
    mount -t tmpfs none /run && mkdir -p /run/netns /run/compare/bin /run/compare/www/cgi-bin
    mount -t tmpfs none /etc/netns && mount -t tmpfs none /etc/docker
    mkdir -p ${resolv%/*} && [ -e $resolv ] || : > $resolv
    echo 'nameserver 10.9.0.1' > /run/compare/resolv.conf
    mount --bind /run/compare/resolv.conf $resolv
    ip link set lo up && sysctl -qw net.ipv4.ip_forward=1
    ip netns add router
    ip link add up0 type veth peer name down0 netns router
    ip addr add 10.9.0.2/24 dev up0 && ip link set up0 up
    ip netns exec router sh -c 'ip link set lo up
        ip addr add 10.9.0.1/24 dev down0 && ip link set down0 up'
    ip route add default via 10.9.0.1";

/// Directories that a machine mounts one of its own upon, and that are there meanwhile.
pub struct MountPoints(Vec<&'static Path>);

impl MountPoints {
    /// Makes those that are missing.
    pub fn new() -> Self {
        let missing = ["/etc/netns", "/etc/docker"].map(Path::new).into_iter();
        // One that cannot be made is missed where it is needed.
        Self(missing.filter(|dir| fs::create_dir(dir).is_ok()).collect())
    }
}

impl Drop for MountPoints {
    fn drop(&mut self) {
        for dir in &self.0 {
            let _ = fs::remove_dir(dir);
        }
    }
}

/// How long anything that is awaited may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The machine.
pub struct Machine {
    holder: Child,
    init: u32,
    dir: PathBuf,
    cgroup: String,
    servers: Vec<Child>,
    asked: usize,
}

impl Machine {
    /// Makes one, with nothing but the name server on it.
    pub fn new(name: &str) -> Result<Self, String> {
        let cgroup = format!("netdns-compare-{name}-{}", std::process::id());
        let dir = std::env::temp_dir().join(&cgroup);
        fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private", "--pid", "--fork"])
            .args(["--kill-child", "--mount-proc", "bash", "-c", INIT])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare (util-linux): {error}"))?;
        let mut line = String::new();
        let _ = holder.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        let init = children.trim().parse().unwrap_or(0);
        let mut machine = Self { holder, init, dir, cgroup, servers: Vec::new(), asked: 0 };
        if line != "up\n" || init == 0 {
            return Err("namespaces cannot be made: it needs root".to_owned());
        }
        machine.must(SETTLE)?;
        machine.put("www/cgi-bin/who", WHO)?;
        machine.must("chmod +x /run/compare/www/cgi-bin/who")?;
        machine.put("upstream.py", UPSTREAM)?;
        let program =
            "exec ip netns exec router python3 /run/compare/upstream.py 10.9.0.1 198.51.100.7 /";
        machine.serve("upstream", program, "listening")?;
        Ok(machine)
    }

    /// Returns the cgroup under which Docker may make those of its containers.
    pub fn cgroup(&self) -> &str {
        &self.cgroup
    }

    /// Runs one line of shell on the machine, at most a minute.
    pub fn run(&self, line: &str) -> Entry {
        let output = self.command("timeout").args(["60", "bash", "-c", line]).output();
        let lines = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.lines().map(|line| line.trim_end().to_owned()).collect()
        };
        let entry = Entry { command: line.to_owned(), code: 127, ..Entry::default() };
        match output {
            Ok(output) => Entry {
                out: lines(&output.stdout),
                err: lines(&output.stderr),
                code: output
                    .status
                    .code()
                    .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
                ..entry
            },
            Err(error) => Entry { err: vec![format!("nsenter (util-linux): {error}")], ..entry },
        }
    }

    /// Runs what must succeed.
    pub fn must(&self, line: &str) -> Result<Vec<String>, String> {
        let ran = self.run(line);
        match ran.code {
            0 => Ok(ran.out),
            code => Err(format!("`{}` ended with {code}: {}", line.trim(), ran.err.join(" "))),
        }
    }

    /// Writes a file below `/run/compare`.
    pub fn put(&self, path: &str, text: &str) -> Result<(), String> {
        let path = format!("/proc/{}/root/run/compare/{path}", self.init);
        fs::write(&path, text).map_err(|error| format!("{path}: {error}"))
    }

    /// Has a program found by its bare name.
    pub fn install(&self, name: &str, program: &Path) -> Result<(), String> {
        let program = program.display();
        self.must(&format!("ln -sfn '{program}' /run/compare/bin/{name}")).map(drop)
    }

    /// Starts a program that ends with the machine, and waits until it says `ready`.
    pub fn serve(&mut self, name: &str, line: &str, ready: &str) -> Result<(), String> {
        let path = self.dir.join(name);
        let failed = |error: std::io::Error| format!("{name}: {error}");
        let log = fs::File::create(&path).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut server = self.command("bash");
        let server = server.args(["-c", line]).stdout(log).stderr(errors);
        let mut server = server.spawn().map_err(failed)?;
        let started = Instant::now();
        let why = loop {
            let said = self.said(name);
            if said.contains(ready) {
                self.servers.push(server);
                return Ok(());
            }
            let ended = server.try_wait().map_err(failed)?.is_some();
            if ended || started.elapsed() > PATIENCE {
                break said.lines().last().unwrap_or("it said nothing").to_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        self.servers.push(server);
        Err(format!("{name} did not start: {why}"))
    }

    /// Returns what the name server was asked since the last call, a line each: transport, asker, name, type.
    pub fn asked(&mut self) -> Vec<String> {
        let said = self.said("upstream");
        let all: Vec<&str> = said.lines().filter(|line| *line != "listening").collect();
        let new = all[self.asked.min(all.len())..].iter().map(|line| (*line).to_owned()).collect();
        self.asked = all.len();
        new
    }

    fn said(&self, name: &str) -> String {
        let bytes = fs::read(self.dir.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.init.to_string(), "-n", "-m", "-p", "--", program])
            .env("PATH", format!("/run/compare/bin:{path}:/usr/sbin:/sbin"))
            .env("DOCKER_HOST", "unix:///run/compare/docker.sock")
            .env("NETDNS_RUN_DIR", "/run/compare/netdns")
            .env("NETDNS_STATE_DIR", "/run/compare/netdns-state")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The kernel ends all processes of the pid namespace with its init.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        for mut server in std::mem::take(&mut self.servers) {
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
        remove_cgroups(&self.cgroup);
    }
}

/// The processes in them ended with their pid namespace; empty cgroups stay.
fn remove_cgroups(name: &str) {
    let find = "find /sys/fs/cgroup -depth -type d -path \"*/$1*\" -exec rmdir {} + 2>/dev/null";
    for _ in 0..10 {
        let done = Command::new("sh").args(["-c", find, "sh", name]).status();
        if done.is_ok_and(|status| status.success()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
