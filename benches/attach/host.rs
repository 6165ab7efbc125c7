//! A host of a peer's own: a network namespace in which its programs run, so that none is slowed by another's links.

use netdns::kernel::netns::within;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a peer could not do, in words for the table.
pub type Unable = String;

/// The namespace, and where its files are.
pub struct Host {
    ns: File,
    /// A directory for this peer's files.
    pub dir: PathBuf,
}

/// How long a process took, and what it printed.
pub struct Ran {
    /// From before it was started until it had ended.
    pub took: Duration,
    /// When it was started.
    pub started: Instant,
    /// Its standard output, without the last newline.
    pub out: String,
}

impl Host {
    /// Makes one with lo up that forwards.
    pub fn new(name: &str) -> Result<Self, Unable> {
        let dir = Path::new("/run/bench").join(name);
        std::fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let ns = prepared(&format!("host-{name}"))?;
        let ns = File::open(&ns).map_err(|error| format!("{}: {error}", ns.display()))?;
        let host = Self { ns, dir };
        host.run(&["ip", "link", "set", "lo", "up"])?;
        host.run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
        Ok(host)
    }

    /// Does something on a thread in it.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        within(self.ns.as_fd(), act)?
    }

    /// Runs a program in it to its end.
    pub fn run(&self, words: &[&str]) -> Result<Ran, Unable> {
        self.run_with(words, "")
    }

    /// The same with a text on its standard input.
    pub fn run_with(&self, words: &[&str], input: &str) -> Result<Ran, Unable> {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).current_dir("/");
        let run = || {
            let started = Instant::now();
            let mut child = command.spawn()?;
            // One that ends without reading says why.
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
            let output = child.wait_with_output()?;
            Ok::<_, io::Error>((output, started, started.elapsed()))
        };
        let failed = |error: io::Error| format!("{}: {error}", words[0]);
        let (output, started, took) = self.within(run).map_err(failed)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if !output.status.success() {
            let said = format!("{} {}", text(&output.stderr), text(&output.stdout));
            let said: Vec<&str> = said.split_whitespace().collect();
            return Err(format!("`{}`: {}", words[..words.len().min(4)].join(" "), said.join(" ")));
        }
        Ok(Ran { took, started, out: text(&output.stdout) })
    }

    /// Starts a program in it that ends with the benchmark, and waits until its log says `ready`.
    pub fn serve(&self, words: &[&str], ready: &str) -> Result<Child, Unable> {
        let path = self.dir.join("log");
        let failed = |error: io::Error| format!("{}: {error}", words[0]);
        let log = File::create(&path).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(log).stderr(errors).current_dir("/");
        let mut child = self.within(|| command.spawn()).map_err(failed)?;
        let started = Instant::now();
        loop {
            let said = std::fs::read_to_string(&path).unwrap_or_default();
            if said.contains(ready) {
                return Ok(child);
            }
            let runs = child.try_wait().is_ok_and(|ended| ended.is_none());
            if !runs || started.elapsed() > Duration::from_secs(60) {
                let last = said.lines().last().unwrap_or("it said nothing");
                return Err(format!("{}: {last}", words[0]));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Prepares a namespace and returns its file.
pub fn prepared(name: &str) -> Result<PathBuf, Unable> {
    let made = Command::new("ip").args(["netns", "add", name]).output();
    match made {
        Ok(output) if output.status.success() => Ok(Path::new("/run/netns").join(name)),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()),
        Err(error) => Err(format!("ip (iproute2): {error}")),
    }
}

/// Prepares some namespaces before any is attached: the kernel is busy with one for a while after it is made, and longer
/// after it is removed.
pub fn many_prepared(prefix: &str, after: usize, count: usize) -> Result<Vec<String>, Unable> {
    let names: Vec<String> = (1..=count).map(|one| format!("{prefix}{}", after + one)).collect();
    names.iter().try_for_each(|name| prepared(name).map(drop))?;
    Ok(names)
}

/// Removes namespaces that [`many_prepared`] made.
pub fn discard_all(names: &[String]) {
    for name in names {
        // They end with the benchmark at the latest.
        let _ = Command::new("ip").args(["netns", "del", name]).output();
    }
}
