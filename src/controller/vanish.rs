//! Noticing that the file of an adopted namespace is removed, or stands for another namespace: `ip netns del`.

use crate::channel::Watched;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use tokio::io::Interest;

/// Waits until `stands` no longer holds of a file, asking anew whenever something happens in its directory. A directory
/// that goes itself takes the file along.
pub async fn vanished(path: &Path, stands: impl Fn() -> bool) -> io::Result<()> {
    let dir = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let entries = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
    let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
    inotify.add_watch(dir, entries | itself | AddWatchFlags::IN_ONLYDIR)?;
    let events = Watched::new(Arc::new(OwnedFd::from(inotify)), Interest::READABLE)?;
    // What happened before the watch stood is seen here.
    while stands() {
        let mut ready = events.readable().await?;
        drain(events.get_ref())?;
        ready.clear_ready();
    }
    Ok(())
}

/// Reads what is queued: that something happened is all that matters.
fn drain(events: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match rustix::io::read(events, &mut buffer) {
            Ok(_) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
