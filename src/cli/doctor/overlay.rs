//! Whether an overlay can be laid over /etc, tried in a mount namespace that ends with the trial.

use super::Finding;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs;
use std::io;
use std::path::Path;
use std::thread;

/// Tries it as `run` does it, with a scratch file system at `scratch`, or at /run where that does not exist yet.
pub fn check(scratch: &Path) -> Finding {
    let scratch = if scratch.is_dir() { scratch } else { Path::new("/run") };
    let tried = thread::scope(|scope| {
        let trial = scope.spawn(|| -> io::Result<()> {
            unshare(CloneFlags::CLONE_NEWNS)?;
            lay(scratch)
        });
        trial.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    });
    match tried {
        Ok(()) => Finding::ok("overlay", "an overlay can be laid over /etc"),
        Err(error) => Finding::warn(
            "overlay",
            format!(
                "no overlay over /etc ({error}): a sandbox loses its resolv.conf and hosts when the host renames new ones into their place"
            ),
            "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS",
        ),
    }
}

fn lay(scratch: &Path) -> io::Result<()> {
    const NONE: Option<&str> = None;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SLAVE, NONE)?;
    mount(Some("tmpfs"), scratch, Some("tmpfs"), MsFlags::empty(), Some("mode=0700,size=64k"))?;
    let (upper, work) = (scratch.join("upper"), scratch.join("work"));
    fs::create_dir(&upper)?;
    fs::create_dir(&work)?;
    // Relative layers spare escaping the path; the directory is this thread's own.
    std::env::set_current_dir(scratch)?;
    let layers = "lowerdir=/etc,upperdir=upper,workdir=work";
    Ok(mount(Some("overlay"), "/etc", Some("overlay"), MsFlags::empty(), Some(layers))?)
}
