//! Person: types commands into the demo's host and reads what they print. What is checked is what is shown.

use super::lab::Lab;
use crate::cli::init::open_process;
use crate::cli::outcome::Failure;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where the demo keeps its files, on the stage alone.
pub const DIR: &str = "/run/netdns-demo";
/// Where `netdns` is found.
pub const BIN: &str = "/run/netdns-demo/bin";
/// The daemon's run directory.
pub const RUN: &str = "/run/netdns";

const STATE: &str = "/run/netdns-demo/state";
const RESOLV_CONF: &str = "/run/netdns-demo/resolv.conf";

/// How long a command may take, in milliseconds, before it is ended.
const LIMIT: u16 = 5000;

/// What a row is: what was seen, or why it is not as it should be.
pub type Seen = Result<String, String>;

/// Who types.
pub struct Person {
    path: OsString,
    colour: bool,
    unwritten: OnceCell<Failure>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The command.
    pub typed: String,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit code; 128+N for a signal.
    pub code: i32,
}

impl Said {
    /// Returns what a command printed that must have succeeded.
    pub fn done(&self) -> Result<&str, String> {
        if self.code == 0 { Ok(self.out.trim()) } else { Err(self.complaint()) }
    }

    /// Returns how it failed, in one line.
    pub fn complaint(&self) -> String {
        let lines = || self.err.lines().chain(self.out.lines()).filter(|line| !line.is_empty());
        let why = lines().find(|line| !line.starts_with("hint:")).unwrap_or("it printed nothing");
        format!("`{}` ended with {}: {why}", self.typed, self.code)
    }
}

impl Person {
    /// Makes one who sits at this process's stdout, and writes what the daemon will read as the host's resolv.conf.
    pub fn new(nameserver: std::net::Ipv4Addr) -> io::Result<Self> {
        fs::write(RESOLV_CONF, format!("nameserver {nameserver}\n"))?;
        let mut path = OsString::from(BIN);
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = io::stdout().is_terminal() && !plain;
        Ok(Self { path, colour, unwritten: OnceCell::new() })
    }

    /// Whether the host has a program.
    pub fn has(&self, program: &str) -> bool {
        std::env::split_paths(&self.path).any(|dir| {
            let file = dir.join(program);
            nix::unistd::access(&file, nix::unistd::AccessFlags::X_OK).is_ok()
        })
    }

    /// Says a line about what follows.
    pub fn explain(&self, text: &str) {
        self.print(&format!("\n{}\n", self.paint("36", &format!("# {text}"))));
    }

    /// Types a command, shows what it prints, and returns it.
    pub fn types(&self, typed: &str) -> Result<Said, String> {
        self.prompt("$", typed);
        self.shows(typed, |command| command.spawn())
    }

    /// The same at the lab.
    pub fn types_at(&self, lab: &Lab, typed: &str) -> Result<Said, String> {
        self.prompt("lab$", typed);
        self.shows(typed, |command| lab.spawn(command))
    }

    /// Asks without showing it: for what a check compares with.
    pub fn asks(&self, typed: &str) -> Result<Said, String> {
        self.run(typed, |command| command.spawn())
    }

    /// Starts a program that stays; its stdout is piped, its stderr goes to a log.
    pub fn starts(
        &self,
        typed: &str,
        log: &Path,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Child, String> {
        let failed = |error: io::Error| format!("`{typed}` does not start: {error}");
        let errors = File::create(log).map_err(failed)?;
        let mut command = self.command(typed);
        command.stdout(Stdio::piped()).stderr(errors);
        spawn(&mut command).map_err(failed)
    }

    /// Prepares a command with the environment of the demo's host.
    pub fn command(&self, typed: &str) -> Command {
        let mut words = typed.split_ascii_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env("PATH", &self.path)
            .env("NETDNS_RUN_DIR", RUN)
            .env("NETDNS_STATE_DIR", STATE)
            .env("NETDNS_RESOLV_CONF", RESOLV_CONF)
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    /// Shows a command as typed.
    pub fn prompt(&self, prompt: &str, typed: &str) {
        self.print(&format!("{}\n", self.paint("1", &format!("{prompt} {typed}"))));
    }

    /// Shows a text.
    pub fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // A reader that has gone away does not change what is true.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.unwritten.set(Failure::doing("write to stdout", error)).ok();
            }
            _ => {}
        }
    }

    /// Returns why something of it all could not be shown, if so.
    pub fn unwritten(&self) -> Option<&Failure> {
        self.unwritten.get()
    }

    /// Returns a text in a colour, on a terminal.
    pub fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn shows(
        &self,
        typed: &str,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Said, String> {
        let said = self.run(typed, spawn)?;
        for text in [&said.out, &said.err].into_iter().filter(|text| !text.is_empty()) {
            self.print(&format!("{}\n", text.trim_end()));
        }
        Ok(said)
    }

    fn run(
        &self,
        typed: &str,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Said, String> {
        let failed = |error: io::Error| format!("`{typed}`: {error}");
        // Files, not pipes: a grandchild that lives on must not keep us reading. Nor may it write into a later one's.
        let files = ["out", "err"].map(|name| Path::new(DIR).join(name));
        let open = |path: &PathBuf| {
            fs::remove_file(path).ok();
            File::create(path).map_err(failed)
        };
        let mut command = self.command(typed);
        command.stdout(open(&files[0])?).stderr(open(&files[1])?);
        let mut child = spawn(&mut command).map_err(failed)?;
        let in_time = within_limit(&child).map_err(failed)?;
        if !in_time {
            child.kill().map_err(failed)?;
        }
        let status = child.wait().map_err(failed)?;
        let read =
            |path: &PathBuf| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
        let mut err = read(&files[1]).map_err(failed)?;
        if !in_time {
            err = format!("it did not end within {} s\n{err}", LIMIT / 1000);
        }
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Ok(Said { typed: typed.to_owned(), out: read(&files[0]).map_err(failed)?, err, code })
    }
}

/// Waits for a process's end, but not for ever.
fn within_limit(child: &Child) -> io::Result<bool> {
    let process = open_process(Pid::from_raw(child.id() as i32))?;
    readable(&process)
}

/// Waits until a descriptor is readable, or says that it took too long.
pub fn readable(fd: impl AsFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut fds, PollTimeout::from(LIMIT))? > 0)
}
