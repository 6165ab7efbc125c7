//! Noticing that the file of an adopted namespace is removed, or stands for another namespace: `ip netns del`.
//!
//! Hundreds of such files lie in one directory, where every `ip netns add` makes another. So a directory is watched once
//! for all of them, and what happens to a name wakes the one that waits for that name.

#[cfg(test)]
mod tests;

use crate::channel::Watched;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::Interest;
use tokio::sync::watch;

/// Who waits in a directory, by the name of the file.
type Waiting = BTreeMap<OsString, watch::Sender<()>>;

/// Watches the directories of namespaces' files, each as long as somebody waits for a file in it.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<Option<Directories>>>);

struct Directories {
    inotify: Arc<Inotify>,
    waiting: HashMap<WatchDescriptor, Waiting>,
}

impl Files {
    /// Waits until `stands` no longer holds of a file, asking anew whenever something happens to its name, or when
    /// [`Files::ask`] says so. A directory that goes itself takes the file along. To be called within a tokio runtime.
    pub async fn vanished(&self, path: &Path, stands: impl Fn() -> bool) -> io::Result<()> {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let mut waiter = self.wait_for(dir, name)?;
        // What happened before the watch stood is seen here.
        while stands() {
            let watched = waiter.happened.changed().await.is_ok();
            if !watched && stands() {
                return Err(io::Error::other("its directory is watched no more"));
            }
        }
        Ok(())
    }

    /// Makes those that wait for a file ask whether it still stands.
    pub fn ask(&self, path: &Path) {
        let Some(name) = path.file_name() else { return };
        for waiting in self.lock().iter().flat_map(|directories| directories.waiting.values()) {
            wake(waiting, Some(name));
        }
    }

    fn wait_for(&self, dir: &Path, name: &OsStr) -> io::Result<Waiter> {
        let mut kept = self.lock();
        let directories = match &mut *kept {
            Some(directories) => directories,
            None => kept.insert(self.open()?),
        };
        let entries = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
        let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        // The same directory by another path is the same watch.
        let wanted = entries | itself | AddWatchFlags::IN_ONLYDIR;
        let dir = directories.inotify.add_watch(dir, wanted)?;
        let waiting = directories.waiting.entry(dir).or_default();
        let happened = waiting.entry(name.to_owned()).or_default().subscribe();
        Ok(Waiter { files: self.clone(), dir, name: name.to_owned(), happened })
    }

    fn open(&self) -> io::Result<Directories> {
        let inotify = Arc::new(Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?);
        let watched = inotify.as_fd().try_clone_to_owned()?;
        let watched = Watched::new(Arc::new(watched), Interest::READABLE)?;
        let (files, events) = (self.clone(), inotify.clone());
        tokio::spawn(async move {
            if let Err(error) = files.follow(&watched, &events).await {
                tracing::warn!(%error, "the end of adopted sandboxes cannot be watched");
            }
            // Whoever waits learns of it; the next one opens another.
            drop(files.lock().take());
        });
        Ok(Directories { inotify, waiting: HashMap::new() })
    }

    /// Wakes those that wait for what happens.
    async fn follow(&self, watched: &Watched, inotify: &Inotify) -> io::Result<()> {
        loop {
            let mut ready = watched.readable().await?;
            match inotify.read_events() {
                Ok(events) => events.iter().for_each(|event| self.happened(event)),
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn happened(&self, event: &InotifyEvent) {
        let mut kept = self.lock();
        let Some(directories) = &mut *kept else { return };
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            directories.waiting.values().for_each(|waiting| wake(waiting, None));
        } else if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            // The directory is gone, and with it whatever they wait for.
            directories.waiting.remove(&event.wd);
        } else if let Some(waiting) = directories.waiting.get(&event.wd) {
            wake(waiting, event.name.as_deref());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Directories>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes those that wait for one name, or all: what has no name happened to the directory itself.
fn wake(waiting: &Waiting, name: Option<&OsStr>) {
    let of = |name| waiting.get(name).into_iter();
    let named = name.map(of).into_iter().flatten();
    let all = waiting.values().filter(|_| name.is_none());
    named.chain(all).for_each(|happened| happened.send_replace(()));
}

/// One that waits for a file. When it is dropped, nothing is watched for it any more.
struct Waiter {
    files: Files,
    dir: WatchDescriptor,
    name: OsString,
    happened: watch::Receiver<()>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut kept = self.files.lock();
        let Some(directories) = &mut *kept else { return };
        let Some(waiting) = directories.waiting.get_mut(&self.dir) else { return };
        if waiting.get(&self.name).is_some_and(|happened| happened.receiver_count() == 1) {
            waiting.remove(&self.name);
        }
        if waiting.is_empty() {
            directories.waiting.remove(&self.dir);
            // A directory that is gone is not watched already.
            let _ = directories.inotify.rm_watch(self.dir);
        }
    }
}
