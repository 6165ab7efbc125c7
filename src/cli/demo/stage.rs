//! Stage: namespaces that play a host. Process 1 in them reaps; when it ends, and it ends with the demo however that
//! ends, the kernel ends every process of the stage, and links, mounts and firewall go with the namespaces.

use super::person::{BIN, DIR, RUN};
use crate::cli::init::{clone_init, fork};
use crate::cli::outcome::{Failure, Outcome};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname};
use std::fs::{self, File};
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Runs what is performed on a stage of its own and returns how it ended, when nothing of the stage is left.
pub fn play(perform: impl FnOnce() -> Outcome) -> Outcome {
    let (audience, seat) = io::pipe().map_err(|error| Failure::doing("make a pipe", error))?;
    match clone_init(true) {
        Ok(Some(init)) => wait_for(init).map_err(|error| Failure::doing("wait", error)),
        Ok(None) => {
            drop(seat);
            let ended = set_the_stage(&audience).and_then(|()| attend(perform));
            std::process::exit(code(ended).into())
        }
        Err(error) => Err(Failure::doing("make namespaces", error)
            .hint("in a container this needs --privileged, or CAP_SYS_ADMIN and CAP_NET_ADMIN")),
    }
}

/// Performs in a child and reaps whatever is orphaned until it has ended.
fn attend(perform: impl FnOnce() -> Outcome) -> Outcome {
    match fork() {
        Ok(Some(performer)) => wait_for(performer).map_err(|error| Failure::doing("wait", error)),
        Ok(None) => std::process::exit(code(perform()).into()),
        Err(error) => Err(Failure::doing("fork", error)),
    }
}

fn code(ended: Outcome) -> u8 {
    ended.unwrap_or_else(|failure| failure.report())
}

fn wait_for(pid: Pid) -> io::Result<u8> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(ended, code)) if ended == pid => return Ok(code as u8),
            Ok(WaitStatus::Signaled(ended, signal, _)) if ended == pid => {
                return Ok(128 + signal as u8);
            }
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn set_the_stage(audience: &PipeReader) -> Result<(), Failure> {
    let tied = || -> io::Result<()> {
        set_pdeathsig(Signal::SIGKILL)?;
        // The demo may have ended before the kernel was asked to tell.
        let mut fds = [PollFd::new(audience.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::ZERO)? {
            0 => Ok(()),
            _ => std::process::exit(1),
        }
    };
    tied().map_err(|error| Failure::doing("end with the demo", error))?;
    sethostname("demo-host").map_err(|error| Failure::doing("set the host name", error))?;
    lay("keep mounts to ourselves", None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE)?;
    let pseudo = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    lay("mount /proc", None, "/proc", Some("proc"), pseudo)?;
    lay("mount /sys", None, "/sys", Some("sysfs"), pseudo)?;
    // It may lie below /run; and a descriptor from before the stage would belong to mounts of another namespace.
    let me = std::env::current_exe()
        .and_then(|path| File::options().read(true).custom_flags(libc::O_PATH).open(path))
        .map_err(|error| Failure::doing("find this program", error))?;
    lay("mount /run", None, "/run", Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV)?;
    let netdns = Path::new(BIN).join("netdns");
    let made = || -> io::Result<()> {
        for dir in [DIR, BIN, RUN, "/run/netns"] {
            fs::create_dir_all(dir)?;
        }
        File::create(&netdns).map(drop)
    };
    made().map_err(|error| Failure::doing("write below /run", error))?;
    let me = format!("/proc/self/fd/{}", me.as_raw_fd());
    lay("put netdns on the path", Some(Path::new(&me)), &netdns, None, MsFlags::MS_BIND)
}

fn lay(
    what: &str,
    source: Option<&Path>,
    target: impl AsRef<Path>,
    kind: Option<&str>,
    flags: MsFlags,
) -> Result<(), Failure> {
    let source = source.or(kind.map(Path::new));
    mount(source, target.as_ref(), kind, flags, None::<&str>)
        .map_err(|error| Failure::doing(what, error))
}
