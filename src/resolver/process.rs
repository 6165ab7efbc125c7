//! Process: what `netdns resolver` does from its first instruction: limits and privileges first, then threads.

use super::control::Control;
use super::lockdown::{lock_down, raise_descriptor_limit};
use super::replica::Replica;
use super::shard::Shards;
use super::shared::{Limits, Shared};
use crate::channel::{Build, Watched};
use crate::model::with_causes;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::process::{ExitCode, abort};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tracing_subscriber::EnvFilter;

/// The backlog of the channel: managers come one at a time.
const BACKLOG: i32 = 16;

/// The entry point of the resolver process, given the number of the listening channel socket that it inherited. The caller has
/// started no thread. It returns when the resolver was told to end.
pub fn run(listener: RawFd) -> ExitCode {
    // hickory's server tells each query of the host at INFO.
    let quiet = || EnvFilter::new("info,hickory_server=warn");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| quiet());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Whoever set a log up before means another one.
    let _ = log.with_ansi(false).try_init();
    match start(listener) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %with_causes(&*error), "resolver ends");
            ExitCode::FAILURE
        }
    }
}

fn start(listener: RawFd) -> Result<(), Box<dyn std::error::Error>> {
    // Started through /proc/self/exe, it would be called `exe`. A process without a name of its own serves as well.
    let _ = rustix::thread::set_name(c"netdns-resolver");
    die_of_panics();
    let listener = inherited(listener)?;
    let build = Build::current()?;
    let trusted = nix::unistd::getuid().as_raw();
    // The session of whoever started the manager is not ours: its terminal's signals are not meant for us. It fails
    // only for a process that leads a session already.
    let _ = nix::unistd::setsid();
    let descriptors = raise_descriptor_limit();
    lock_down()?;
    Ok(serve(listener, trusted, build, Limits::of(descriptors))?)
}

/// Serves until told to end, with the privileges that the process has. Managers of uid 0 and `trusted` are heard.
pub fn serve(listener: OwnedFd, trusted: u32, build: Build, limits: Limits) -> io::Result<()> {
    // From here on SO_PEERCRED names this process to whoever connects.
    rustix::net::listen(&listener, BACKLOG)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        // Whoever waits for a hang-up is not ended by it.
        let _hangup = signal(SignalKind::hangup())?;
        let terminate = signal(SignalKind::terminate())?;
        let (tell, events) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(limits, tell));
        let shards = Shards::start(&shared)?;
        let replica = Replica::new(shared.clone(), shards.clone());
        let listener = Watched::new(Arc::new(listener), Interest::READABLE)?;
        let control =
            Control { listener, trusted, build, events, terminate, shared, shards, replica };
        control.run().await;
        Ok(())
    })
}

/// A panic is a bug of which nothing is known: the process ends at once, and its successor gets the same sockets.
fn die_of_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        abort();
    }));
}

/// Takes the listener and closes whatever else came through the exec, but for stdout and stderr.
fn inherited(listener: RawFd) -> io::Result<OwnedFd> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let taken = pidfd_getfd(&this, listener, PidfdGetfdFlags::empty())?;
    drop(this);
    nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
    close_others(&taken)?;
    rustix::io::ioctl_fionbio(&taken, true)?;
    Ok(taken)
}

fn close_others(kept: &OwnedFd) -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?.flatten().map(|entry| entry.file_name());
    // All are known, and the directory is closed, before any is closed.
    let names: Vec<_> = names.collect();
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse::<RawFd>().ok());
    for number in numbers.filter(|number| *number > 2 && *number != kept.as_raw_fd()) {
        // The directory's own number was in the list, too.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}
