//! A name server of a test's own, in the router's namespace, in a sandbox or on the host.

use crate::host::Host;
use std::fs;
use std::path::PathBuf;

const PROGRAM: &str = include_str!("upstream.py");

/// A running server; it ends with its host.
pub struct Upstream {
    log: PathBuf,
    go: PathBuf,
}

impl Upstream {
    /// Starts one beyond the host, at 10.9.0.1, that answers 198.51.100.7.
    pub fn at_router(host: &Host) -> Self {
        Self::start(host, "router", &["ip", "netns", "exec", "router"], "10.9.0.1", "198.51.100.7")
    }

    /// Starts one in a sandbox, at every address of it, that answers 203.0.113.53.
    pub fn in_sandbox(host: &Host, sandbox: &str) -> Self {
        let netdns = env!("CARGO_BIN_EXE_netdns");
        Self::start(host, sandbox, &[netdns, "exec", sandbox], "0.0.0.0", "203.0.113.53")
    }

    /// Starts one on the host, at every address of it, that answers 203.0.113.1.
    pub fn on_host(host: &Host) -> Self {
        Self::start(host, "host", &[], "0.0.0.0", "203.0.113.1")
    }

    fn start(host: &Host, name: &str, entry: &[&str], address: &str, answer: &str) -> Self {
        let program = host.path("upstream.py");
        fs::write(&program, PROGRAM).expect("a program");
        let log = format!("upstream-{name}.log");
        let go = host.path(&format!("go-{name}"));
        let [program, end] = [&program, &go].map(|path| path.to_str().expect("UTF-8"));
        host.serve(&log, &[entry, &["python3", program, address, answer, end]].concat());
        let upstream = Self { log: host.path(&log), go };
        upstream.wait_for(host, "listening");
        upstream
    }

    /// Returns the questions so far, a line each: transport, asker, name, type.
    pub fn asked(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).expect("its log");
        log.lines().filter(|line| *line != "listening").map(str::to_owned).collect()
    }

    /// Whether any question so far held this text.
    pub fn was_asked(&self, text: &str) -> bool {
        self.asked().iter().any(|line| line.contains(text))
    }

    /// Waits until a question has held this text.
    pub fn wait_for(&self, host: &Host, text: &str) {
        host.until(&format!("grep -qF '{text}' {}", self.log.display()));
    }

    /// Has names that begin with `slow` answered from now on.
    pub fn go(&self) {
        fs::write(&self.go, "").expect("a file");
    }

    /// Has them wait again.
    pub fn halt(&self) {
        fs::remove_file(&self.go).expect("it was there");
    }
}
