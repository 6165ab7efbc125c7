//! `run`: clones the init into namespaces of its own, has the manager attach it while it waits on a pipe, and lets it
//! go. So terminal, stdio, signals, exit status and cgroup are the caller's own. When anything fails, nothing is left.

use super::Dirs;
use super::init::{Init, Signals, attend, clone_init};
use super::outcome::{Failure, Outcome, need_root, warn};
use super::print;
use super::program::Program;
use super::sandbox::NetworkArgs;
use super::sysctl;
use super::user::User;
use crate::api::call::{Attach, Attached, GetStatus, RemoveSandbox, Settle};
use crate::api::client::Client;
use crate::model::{AttachTo, RunRequest};
use clap::{ArgAction, Args};
use network::Network;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

mod network;
#[cfg(test)]
mod tests;

/// netdns itself refused or failed.
pub const REFUSED: u8 = 125;

#[derive(Args, Debug)]
pub struct RunArgs {
    /// Run in the background; prints the id
    #[arg(short, long)]
    detach: bool,
    /// Remove the sandbox when its command ends
    #[arg(long)]
    rm: bool,
    /// The command has the caller's stdin (it has in any case, unless -d)
    #[arg(short, long)]
    interactive: bool,
    /// The command has the caller's terminal (it has in any case, unless -d)
    #[arg(short, long)]
    tty: bool,
    /// The sandbox's name; one is made up without it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
    /// The host name; the short id without it
    #[arg(short = 'h', long)]
    hostname: Option<String>,
    /// An environment variable beside the caller's
    #[arg(short, long, value_name = "K=V")]
    env: Vec<String>,
    /// The working directory instead of the caller's
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// The user of the command: its home is HOME
    #[arg(short, long, value_name = "NAME|UID[:GROUP|GID]")]
    user: Option<String>,
    /// A setting of the sandbox's network namespace
    #[arg(long, value_name = "net.KEY=VALUE")]
    sysctl: Vec<String>,
    /// All capabilities, writable /proc/sys and /sys
    #[arg(long)]
    privileged: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs a program in a sandbox of its own; returns its exit code.
pub fn run(args: RunArgs, dirs: &Dirs) -> Outcome {
    start(args, dirs).map_err(refused)
}

/// Turns the code of a plain failure into that of `run` and `exec`.
pub fn refused(failure: Failure) -> Failure {
    if failure.code == 1 { failure.code(REFUSED) } else { failure }
}

/// Refuses `-it` without a terminal, in Docker's words.
pub fn check_terminal(interactive: bool, tty: bool, detach: bool) -> Result<(), Failure> {
    if interactive && tty && !detach && !io::stdin().is_terminal() {
        return Err(Failure::new("the input device is not a TTY")
            .hint("leave -t out: the command has the caller's stdin"));
    }
    Ok(())
}

fn start(args: RunArgs, dirs: &Dirs) -> Outcome {
    need_root("run")?;
    check_terminal(args.interactive, args.tty, args.detach)?;
    let client = dirs.client();
    client.call(GetStatus {})?;
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let dir = args.workdir.as_ref().map_or(here.clone(), |dir| here.join(dir));
    let user = User::find(args.user.as_deref().unwrap_or_default())?;
    let program = Program::find(&args.command, &args.env, &dir, user)?;
    let detach = args.detach;
    let request = request(args)?;
    let network = Network::of(&request, &client)?;
    let (init, mut child) = prepare(dirs, program, &request, &network, detach)?;

    let signals = Signals::block().map_err(|error| Failure::doing("block signals", error))?;
    let cloned = network.enter().and_then(|()| clone_init(network.is_own()));
    child.pid = match cloned {
        Ok(Some(pid)) => pid,
        Ok(None) => {
            drop(child);
            init.run(signals)
        }
        Err(error) => {
            child.remove_files("");
            return Err(Failure::doing("make namespaces", error).hint("CAP_SYS_ADMIN is needed"));
        }
    };
    drop(init);
    let attached = child.bring_up(request, &client)?;
    warn(&attached.warnings);
    if detach {
        return Ok(
            print::line(&attached.id).map_or_else(|failure| untold(failure, &attached), |()| 0)
        );
    }
    let code = attend(child.pid, signals).map_err(|error| Failure::doing("wait", error))?;
    // A manager that is away notices the end by itself when it is back.
    client.call(Settle { sandbox: attached.id }).ok();
    Ok(code)
}

/// Says that a sandbox runs whose id could not be printed: 1, as 125 would mean that nothing runs.
fn untold(failure: Failure, attached: &Attached) -> u8 {
    let id = attached.id.get(..12).unwrap_or(&attached.id);
    let text = format!("{}, though sandbox {id} runs", failure.text);
    Failure { text, ..failure }.hint(format!("to end it: netdns rm -f {id}")).report()
}

/// Parses what is asked of the daemon; the namespace is filled in when it exists.
fn request(args: RunArgs) -> Result<RunRequest, Failure> {
    let mut request = args.network.request(AttachTo::Init(0))?;
    request.name = args.name.map(|name| name.parse()).transpose()?;
    let config = &mut request.config;
    config.hostname = host_name(args.hostname)?;
    config.command = args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    config.env = args.env;
    config.user = args.user.unwrap_or_default();
    config.sysctls = sysctl::parse(&args.sysctl)?;
    config.privileged = args.privileged;
    config.auto_remove = args.rm;
    Ok(request)
}

/// Checks a host name: a domain name of at most 64 bytes, which is Linux's limit.
fn host_name(given: Option<String>) -> Result<String, Failure> {
    let Some(name) = given else { return Ok(String::new()) };
    let valid = name.len() <= 64 && crate::model::DnsName::parse_owned(&name).is_ok();
    if valid {
        Ok(name)
    } else {
        Err(Failure::new(format!("invalid hostname: \"{}\"", name.escape_debug())))
    }
}

/// The CLI's side of the init that it has cloned.
struct Child {
    pid: Pid,
    own_network: bool,
    go: Option<PipeWriter>,
    report: PipeReader,
    exit_path: PathBuf,
    logs: Option<PathBuf>,
}

/// Opens everything that the init will need after RUN_DIR and STATE_DIR are masked.
fn prepare(
    dirs: &Dirs,
    program: Program,
    request: &RunRequest,
    network: &Network,
    detach: bool,
) -> Result<(Init, Child), Failure> {
    let pipe = || io::pipe().map_err(|error| Failure::doing("make a pipe", error));
    let (go_reader, go_writer) = pipe()?;
    let (report_reader, report_writer) = pipe()?;
    let logs = if detach { Some(open_dir(&dirs.logs())?) } else { None };
    private_dir(&dirs.exits())?;
    // The file is named after the init, whose pid is not known yet.
    let exit_path = dirs.exits().join(format!(".{}", std::process::id()));
    let exit_file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&exit_path)
        .map_err(|error| Failure::doing(format_args!("write {}", exit_path.display()), error))?;
    let absolute = |dir: &Path| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let init = Init {
        program,
        privileged: request.config.privileged,
        own_network: network.is_own(),
        sysctls: request.config.sysctls.clone(),
        run_dir: absolute(&dirs.run_dir),
        state_dir: absolute(&dirs.state_dir),
        go: go_reader,
        report: report_writer,
        exit_file,
        logs,
    };
    let child = Child {
        pid: Pid::from_raw(0),
        own_network: network.is_own(),
        go: Some(go_writer),
        report: report_reader,
        exit_path,
        logs: detach.then(|| dirs.logs()),
    };
    Ok((init, child))
}

fn private_dir(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Failure::doing(format_args!("make {}", path.display()), error))
}

fn open_dir(path: &Path) -> Result<File, Failure> {
    private_dir(path)?;
    File::open(path).map_err(|error| Failure::doing(format_args!("open {}", path.display()), error))
}

impl Child {
    /// Has the manager attach the init and lets it go; when either fails, nothing is left.
    fn bring_up(&mut self, request: RunRequest, client: &Client) -> Result<Attached, Failure> {
        let attached = match self.attach(request, client) {
            Ok(attached) => attached,
            Err(failure) => {
                self.end();
                self.remove_files("");
                return Err(failure);
            }
        };
        if let Err(failure) = self.release(&attached) {
            self.end();
            // Best effort: the failure to tell is the first one.
            client.call(RemoveSandbox { sandbox: attached.id.clone(), force: true }).ok();
            self.remove_files(&attached.id);
            return Err(failure);
        }
        Ok(attached)
    }

    fn attach(&mut self, mut request: RunRequest, client: &Client) -> Result<Attached, Failure> {
        let named = self.exit_path.with_file_name(self.pid.to_string());
        fs::rename(&self.exit_path, &named)
            .map_err(|error| Failure::doing(format_args!("write {}", named.display()), error))?;
        self.exit_path = named;
        request.attach = match self.own_network {
            true => AttachTo::Init(self.pid.as_raw()),
            false => AttachTo::Shared(self.pid.as_raw()),
        };
        Ok(client.call(Attach { sandbox: request })?)
    }

    /// Tells the init what it is, and waits until its command runs or cannot.
    fn release(&mut self, attached: &Attached) -> Result<(), Failure> {
        let text = serde_json::to_vec(attached).expect("replies are plain data");
        let mut go = self.go.take().expect("it is let go once");
        go.write_all(&text).map_err(|error| Failure::doing("start the sandbox's init", error))?;
        drop(go);
        let mut report = Vec::new();
        self.report
            .read_to_end(&mut report)
            .map_err(|error| Failure::doing("hear of the sandbox's init", error))?;
        match super::init::read_report(&report) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn end(&self) {
        kill(self.pid, Signal::SIGKILL).ok();
        waitpid(self.pid, None).ok();
    }

    fn remove_files(&self, id: &str) {
        fs::remove_file(&self.exit_path).ok();
        if let Some(logs) = &self.logs {
            fs::remove_file(logs.join(format!("{id}.log"))).ok();
        }
    }
}
