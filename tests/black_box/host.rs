//! A host of a test's own: namespaces that end with it, a daemon in them, peers beyond it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything that is awaited may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Process 1 of the host: it reaps whatever is orphaned, and with it everything ends.
const INIT: &str = "trap '' TERM INT HUP; while :; do sleep 3600 & wait; done";

/// A machine: network, mount and pid namespaces, and a directory for its files.
pub struct Host {
    holder: Child,
    init: u32,
    dir: PathBuf,
    daemon: Option<Child>,
    background: Mutex<Vec<Child>>,
    resolv_conf: &'static str,
}

/// What a command printed and how it ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit code; 128+N for a signal.
    pub code: i32,
}

impl Ran {
    /// Returns stdout of a command that must have succeeded, without the last newline.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self.out.trim_end_matches('\n').to_owned()
    }

    /// Returns stderr of a command that must have failed with this code.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self.err
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code();
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: code.unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        }
    }
}

impl Host {
    /// Makes a host with lo up and an uplink `up0` (10.9.0.2/24), at whose other end stands the namespace of
    /// [`Host::router`] (10.9.0.1/24), the default gateway. No daemon runs yet.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("netdns-test-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a scratch directory");
        let flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
        let mut holder = Command::new("unshare")
            .args(flags)
            .args(["--propagation", "private", "bash", "-c", &format!("echo up; {INIT}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare (util-linux): tests need root and namespaces");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the host's init speaks");
        assert_eq!(line, "up\n", "namespaces cannot be made: tests need root");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let children = fs::read_to_string(children).expect("the holder has a child");
        let init = children.trim().parse().expect("one child");
        let host = Self {
            holder,
            init,
            dir,
            daemon: None,
            background: Mutex::default(),
            resolv_conf: "nameserver 10.9.0.1\n",
        };
        host.sh("ip link set lo up
                 mount -t tmpfs none /run && mkdir -p /run/netns
                 mkdir -p /etc/netns && mount -t tmpfs none /etc/netns
                 ip netns add router
                 ip link add up0 type veth peer name down0 netns router
                 ip addr add 10.9.0.2/24 dev up0 && ip link set up0 up
                 ip netns exec router sh -c 'ip link set lo up
                     ip addr add 10.9.0.1/24 dev down0 && ip link set down0 up'
                 ip route add default via 10.9.0.1")
            .ok();
        host
    }

    /// Makes a host with a running daemon.
    pub fn with_daemon() -> Self {
        let mut host = Self::new();
        host.start(&[]);
        host
    }

    /// Sets what the daemon reads as the host's resolv.conf.
    pub fn resolv_conf(mut self, text: &'static str) -> Self {
        self.resolv_conf = text;
        self
    }

    /// Returns a path in the host's scratch directory, which its sandboxes see too.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Prepares a command in the host's namespaces. The daemon's directories are in its environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.init.to_string(), "-n", "-m", "-p", "--", program])
            .env("NETDNS_RUN_DIR", self.path("run"))
            .env("NETDNS_STATE_DIR", self.path("state"))
            .env("NETDNS_RESOLV_CONF", self.path("resolv.conf"))
            .env("NETDNS_ZONES", self.path("zones"))
            .env("NETDNS_LOG", "netdns=debug")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program in the host's namespaces and waits for its end, at most a minute.
    pub fn run(&self, words: &[&str]) -> Ran {
        let mut command = Command::new("timeout");
        let inner = self.command(words[0]);
        command.arg("60").arg(inner.get_program()).args(inner.get_args());
        for (key, value) in inner.get_envs() {
            command.env(key, value.unwrap_or_default());
        }
        command.args(&words[1..]).current_dir("/").stdin(Stdio::null());
        command.output().expect("timeout (coreutils) runs").into()
    }

    /// Runs a shell script in the host's namespaces.
    pub fn sh(&self, script: &str) -> Ran {
        self.run(&["bash", "-euc", script])
    }

    /// Returns the lines of all rules, sorted: a table that is put anew stands elsewhere in the list, and its elements in
    /// another order. nft cannot always say who owns one.
    pub fn rules(&self) -> String {
        let apart = "sed 's/ # progname .*//; s/elements = {/&\\n/; s/}$//' | tr ',' '\\n' | sed 's/^[[:space:]]*//; s/[[:space:]]*$//'";
        self.run(&["bash", "-c", &format!("nft -s list ruleset | {apart} | grep . | sort")]).out
    }

    /// Runs `netdns WORDS`.
    pub fn netdns(&self, words: &[&str]) -> Ran {
        self.run(&[&[env!("CARGO_BIN_EXE_netdns")], words].concat())
    }

    /// Runs `netdns exec SANDBOX bash -c SCRIPT`.
    pub fn inside(&self, sandbox: &str, script: &str) -> Ran {
        self.netdns(&["exec", sandbox, "bash", "-c", script])
    }

    /// Runs a shell script in the router's network namespace: a machine beyond the host.
    pub fn router(&self, script: &str) -> Ran {
        self.run(&["ip", "netns", "exec", "router", "bash", "-euc", script])
    }

    /// Starts a detached sandbox that sleeps. Returns its id.
    pub fn sleeper(&self, name: &str, flags: &[&str]) -> String {
        let words = [&["run", "-d", "--name", name], flags, &["sleep", "3600"]].concat();
        self.netdns(&words).ok()
    }

    /// Returns a sandbox's first IPv4 address on a network.
    pub fn address(&self, sandbox: &str, network: &str) -> String {
        let inspected: serde_json::Value =
            serde_json::from_str(&self.netdns(&["inspect", sandbox]).ok()).expect("JSON");
        let networks = &inspected[0]["NetworkSettings"]["Networks"];
        networks[network]["IPAddress"].as_str().expect("an address").to_owned()
    }

    /// Starts a program in the background; it ends with the host at the latest. Its output goes to a file.
    pub fn spawn(&self, name: &str, words: &[&str]) -> Child {
        let output = fs::File::create(self.path(name)).expect("a file for its output");
        let errors = output.try_clone().expect("the same file");
        let mut command = self.command(words[0]);
        command.args(&words[1..]).stdout(output).stderr(errors);
        command.spawn().expect("nsenter (util-linux) runs")
    }

    /// The same for one that serves until the host ends.
    pub fn serve(&self, name: &str, words: &[&str]) {
        let server = self.spawn(name, words);
        self.background.lock().expect("no test panics while it adds one").push(server);
    }

    /// Starts the daemon and waits until it says ready.
    pub fn start(&mut self, flags: &[&str]) {
        fs::write(self.path("resolv.conf"), self.resolv_conf).expect("a resolv.conf");
        let log = fs::File::options().create(true).append(true).open(self.path("daemon.log"));
        let mut daemon = self
            .command(env!("CARGO_BIN_EXE_netdns"))
            .arg("daemon")
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("the daemon starts");
        let mut line = String::new();
        let stdout = daemon.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the daemon speaks or ends");
        assert!(line.starts_with("ready "), "daemon not ready; its log:\n{}", self.log());
        self.daemon = Some(daemon);
    }

    /// Returns the daemon's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// Returns the pid of the manager, or of the resolver, as the host's processes see it.
    pub fn pid(&self, of: &str) -> u32 {
        let status = self.netdns(&["status", "--format", "json"]).ok();
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        status[of].as_u64().expect("a pid") as u32
    }

    /// Sends the manager a signal (`KILL`, `TERM`) and waits for its end.
    pub fn end_daemon(&mut self, signal: &str) {
        let manager = self.pid("ManagerPid");
        self.sh(&format!("kill -{signal} {manager}")).ok();
        let mut daemon = self.daemon.take().expect("a daemon was started");
        daemon.wait().expect("nsenter ends with the daemon");
    }

    /// Waits until a script succeeds in the host's namespaces.
    #[track_caller]
    pub fn until(&self, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ran = self.sh(script);
            if ran.code == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "never true: {script}\n{}{}", ran.out, ran.err);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the host's scratch directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut resolver = String::new();
            let log = fs::File::open(self.path("run/resolver.log"));
            let _ = log.and_then(|mut log| log.read_to_string(&mut resolver));
            eprintln!("--- daemon.log ---\n{}\n--- resolver.log ---\n{resolver}", self.log());
        }
        // The kernel ends all processes of the pid namespace with its init.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let background = self.background.get_mut().map(std::mem::take).unwrap_or_default();
        for mut child in self.daemon.take().into_iter().chain(background) {
            // nsenter stops itself when what it started is stopped, and would wait for ever.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
