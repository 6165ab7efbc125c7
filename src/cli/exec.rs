//! `exec`: one more program in a sandbox. This process joins the sandbox's namespaces before it has any other thread,
//! forks (a PID namespace is for children) and waits.

use super::Dirs;
use super::init::{self, Signals, attend, fork, leave_terminal};
use super::outcome::{Failure, Outcome, need_root};
use super::program::Program;
use super::run::{check_terminal, refused};
use super::user::User;
use crate::api::call::InspectSandbox;
use crate::api::client::{Client, ClientError};
use crate::api::view;
use clap::Args;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub struct ExecArgs {
    /// Run in the background
    #[arg(short, long)]
    detach: bool,
    /// The command has the caller's stdin (it has in any case, unless -d)
    #[arg(short, long)]
    interactive: bool,
    /// The command has the caller's terminal (it has in any case, unless -d)
    #[arg(short, long)]
    tty: bool,
    /// An environment variable beside the caller's
    #[arg(short, long, value_name = "K=V")]
    env: Vec<String>,
    /// The working directory instead of the caller's
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// The user of the command, instead of the sandbox's: its home is HOME
    #[arg(short, long, value_name = "NAME|UID[:GROUP|GID]")]
    user: Option<String>,
    /// The sandbox, the command, its arguments
    #[arg(required = true, num_args = 2.., trailing_var_arg = true)]
    #[arg(value_names = ["SANDBOX", "COMMAND"])]
    words: Vec<OsString>,
}

/// Runs a program in a sandbox; returns its exit code.
pub fn exec(args: ExecArgs, dirs: &Dirs) -> Outcome {
    let (name, command) = args.words.split_first().expect("clap requires two words");
    need_root("exec").map_err(refused)?;
    check_terminal(args.interactive, args.tty, args.detach).map_err(refused)?;
    let view = join(&name.to_string_lossy(), &dirs.client())?;
    enter_directory(args.workdir.as_deref()).map_err(refused)?;
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let user = User::find(args.user.as_deref().unwrap_or(&view.config.user)).map_err(refused)?;
    let program = Program::find(command, &args.env, &here, user).map_err(refused)?;
    // An adopted namespace keeps its owner's rules, as with `ip netns exec`.
    let adopted = view.state.pid == 0;
    launch(&program, adopted || view.host_config.privileged, args.detach).map_err(refused)
}

/// Joins the namespaces of a running sandbox. One that is unknown or stopped ends with 1, anything else with 125.
fn join(name: &str, client: &Client) -> Result<view::Sandbox, Failure> {
    let here = std::env::current_dir();
    let view = look(name, client)?;
    match process_of(&view) {
        Some(pid) => {
            let process = init::open_process(Pid::from_raw(pid))
                .map_err(|error| refused(joining(&view, error)))?;
            // The pid is the sandbox's still, so the descriptor is its process's.
            let again = look(&view.id, client)?;
            if process_of(&again) != Some(pid) {
                return Err(not_running(&view));
            }
            let all = CloneFlags::CLONE_NEWNET
                | CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWUTS
                | CloneFlags::CLONE_NEWIPC;
            setns(&process, all).map_err(|error| refused(joining(&view, error)))?;
        }
        None => join_file(&view).map_err(refused)?,
    }
    // Another mount namespace begins at its root.
    if let Ok(here) = here {
        std::env::set_current_dir(here).ok();
    }
    Ok(view)
}

fn look(name: &str, client: &Client) -> Result<view::Sandbox, Failure> {
    let view = match client.call(InspectSandbox { sandbox: name.to_owned() }) {
        Ok(view) => view,
        Err(error @ ClientError::Refused(_)) => return Err(error.into()),
        Err(error) => return Err(refused(error.into())),
    };
    if view.state.running { Ok(view) } else { Err(not_running(&view)) }
}

fn not_running(view: &view::Sandbox) -> Failure {
    Failure::new(format!("sandbox {} is not running", view.name))
        .hint("netdns ps lists those that run")
}

fn joining(view: &view::Sandbox, error: impl Into<io::Error>) -> Failure {
    Failure::doing(format_args!("join sandbox {}", view.name), error)
}

/// Returns the process that the sandbox lives in: its init, or the one that it was adopted by.
fn process_of(view: &view::Sandbox) -> Option<i32> {
    if view.state.pid != 0 {
        return Some(view.state.pid);
    }
    let key = &view.network_settings.sandbox_key;
    key.strip_prefix("/proc/")?.strip_suffix("/ns/net")?.parse().ok()
}

/// Joins a namespace that is only a file, as `ip netns exec` does.
fn join_file(view: &view::Sandbox) -> Result<(), Failure> {
    let key = Path::new(&view.network_settings.sandbox_key);
    let file = File::open(key).map_err(|error| joining(view, error))?;
    setns(&file, CloneFlags::CLONE_NEWNET).map_err(|error| joining(view, error))?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| joining(view, error))?;
    let name = key.file_name().unwrap_or_default();
    init::as_ip_netns(&name.to_string_lossy())
}

fn enter_directory(dir: Option<&Path>) -> Result<(), Failure> {
    let Some(dir) = dir else { return Ok(()) };
    std::env::set_current_dir(dir)
        .map_err(|error| Failure::doing(format_args!("enter {}", dir.display()), error))
}

/// Starts the program and waits for its end, or with -d for its start.
fn launch(program: &Program, privileged: bool, detach: bool) -> Outcome {
    let (mut reader, mut writer) =
        io::pipe().map_err(|error| Failure::doing("make a pipe", error))?;
    let signals = Signals::block().map_err(|error| Failure::doing("block signals", error))?;
    let Some(child) = fork().map_err(|error| Failure::doing("fork", error))? else {
        if let Err(failure) = settle(privileged, detach, &[writer.as_raw_fd()]) {
            init::fail(&mut writer, failure);
        }
        init::start(program, &signals, writer)
    };
    drop(writer);
    let mut report = Vec::new();
    reader
        .read_to_end(&mut report)
        .map_err(|error| Failure::doing("hear of the program", error))?;
    if let Some(failure) = init::read_report(&report) {
        return Err(failure);
    }
    if detach {
        return Ok(0);
    }
    attend(child, signals).map_err(|error| Failure::doing("wait", error))
}

fn settle(privileged: bool, detach: bool, keep: &[i32]) -> Result<(), Failure> {
    if !privileged {
        init::drop_to_default().map_err(|error| Failure::doing("drop capabilities", error))?;
    }
    if detach {
        leave_terminal(keep).map_err(|error| Failure::doing("leave the terminal", error))?;
    }
    Ok(())
}
