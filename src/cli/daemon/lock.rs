//! One daemon a run directory, and one a network namespace.

use crate::cli::outcome::Failure;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a daemon that was killed may still be ending.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Held as long as the daemon lives; the kernel lets go of both when it ends, however it ends.
pub struct Lock {
    run_dir: Flock<File>,
    _namespace: UnixListener,
}

/// Takes the run directory and the network namespace, or says who has them.
pub async fn take(run_dir: &Path) -> Result<Lock, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let run_dir = until(deadline, || take_dir(run_dir)).await?;
    Ok(Lock { run_dir, _namespace: until(deadline, take_namespace).await? })
}

/// Where a daemon holds it.
pub fn path(run_dir: &Path) -> PathBuf {
    run_dir.join("pid")
}

impl Lock {
    /// Takes the run directory again, whose file is gone.
    pub fn renew(&mut self, run_dir: &Path) -> Result<(), Failure> {
        if !path(run_dir).exists() {
            self.run_dir = take_dir(run_dir)?;
        }
        Ok(())
    }
}

async fn until<T>(deadline: Instant, take: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    loop {
        match take() {
            Err(_) if Instant::now() < deadline => sleep(PAUSE).await,
            done => return done,
        }
    }
}

fn take_dir(run_dir: &Path) -> Result<Flock<File>, Failure> {
    let path = path(run_dir);
    let failed = |error: std::io::Error| Failure::doing(format!("lock {}", path.display()), error);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    match Flock::lock(file.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
        Ok(mut locked) => {
            locked.set_len(0).map_err(failed)?;
            locked.rewind().map_err(failed)?;
            writeln!(locked, "{}", std::process::id()).map_err(failed)?;
            Ok(locked)
        }
        Err((mut file, _)) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).map_err(failed)?;
            let (dir, pid) = (run_dir.display(), pid.trim());
            Err(Failure::new(format!("{dir} is held by pid {pid}"))
                .hint("netdns status asks the daemon that runs; another one needs its own --run-dir and namespace"))
        }
    }
}

/// Listens on the abstract socket `@netdns`, which every network namespace has for itself.
fn take_namespace() -> Result<UnixListener, Failure> {
    let address = SocketAddr::from_abstract_name("netdns").expect("the name is short");
    UnixListener::bind_addr(&address).map_err(|_| {
        let holder = UnixStream::connect_addr(&address)
            .ok()
            .and_then(|stream| rustix::net::sockopt::socket_peercred(stream.as_fd()).ok());
        let pid = holder.map_or("another daemon".into(), |peer| format!("pid {}", peer.pid));
        Failure::new(format!("this network namespace is managed by {pid}"))
            .hint("two daemons would undo each other's rules: end the other one first")
    })
}
