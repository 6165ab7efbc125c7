//! PathWatch: waits until something happens at a path, however its file is changed: written in place, replaced by
//! another, removed, made, or led elsewhere by a link on the way.

use crate::channel::Watched;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tokio::io::Interest;

/// The most links that are followed, as many as the kernel follows (path_resolution(7)).
const LINKS: usize = 40;

/// Watches of a path's directories, links and file, as they stand when it is made.
pub struct PathWatch {
    inotify: Inotify,
    ready: Watched,
    /// The names in each directory that matter; none where everything does.
    names: HashMap<WatchDescriptor, Option<HashSet<OsString>>>,
}

impl PathWatch {
    /// Watches absolute paths; of a directory also what is in it. To be called within a runtime.
    pub fn new(paths: &[&Path]) -> io::Result<Self> {
        Self::of(paths, true)
    }

    /// Watches whether absolute paths lead to the same, whatever is written there.
    pub fn of_names(paths: &[&Path]) -> io::Result<Self> {
        Self::of(paths, false)
    }

    fn of(paths: &[&Path], contents: bool) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let readable = Arc::new(inotify.as_fd().try_clone_to_owned()?);
        let ready = Watched::new(readable, Interest::READABLE)?;
        let mut watch = Self { inotify, ready, names: HashMap::new() };
        for path in paths {
            if let Some(end) = watch.add(path)?.filter(|_| contents) {
                watch.watch(&end, None)?;
            }
        }
        Ok(watch)
    }

    /// Waits until something has happened. What happens after is told by another watch.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.ready.readable().await?;
            match self.inotify.read_events() {
                Ok(events) => {
                    let concerns = |event: &nix::sys::inotify::InotifyEvent| {
                        let lost = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                        lost || match (self.names.get(&event.wd), &event.name) {
                            (Some(Some(names)), Some(name)) => names.contains(name),
                            _ => true,
                        }
                    };
                    if events.iter().any(concerns) {
                        return Ok(());
                    }
                }
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Watches each directory on the way for the next name, and returns where the way ends, if it does not break off.
    fn add(&mut self, path: &Path) -> io::Result<Option<PathBuf>> {
        let mut at = PathBuf::from("/");
        let mut rest = components(path);
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            if !self.watch(&at, Some(&name))? {
                return Ok(None);
            }
            let next = at.join(&name);
            match fs::read_link(&next) {
                Ok(target) if links < LINKS => {
                    links += 1;
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    let mut longer = components(&target);
                    longer.append(&mut rest);
                    rest = longer;
                }
                Ok(_) => return Ok(None),
                Err(_) => at = next,
            }
        }
        Ok(Some(at))
    }

    /// Watches a directory for a name, or what stands at the end of the way for all that is written; says whether it is
    /// there. A directory on the way, such as /run, may hold files that are written all the time.
    fn watch(&mut self, path: &Path, name: Option<&OsString>) -> io::Result<bool> {
        let entries = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
        let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        let rights = AddWatchFlags::IN_ATTRIB;
        let written = match name {
            Some(_) => AddWatchFlags::empty(),
            None => AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CLOSE_WRITE,
        };
        // One directory may be both.
        let more = AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD);
        let all = entries | itself | rights | written | more;
        match self.inotify.add_watch(path, all) {
            Ok(descriptor) => {
                let names = self.names.entry(descriptor).or_insert_with(|| Some(HashSet::new()));
                match (names.as_mut(), name) {
                    (Some(names), Some(name)) => drop(names.insert(name.clone())),
                    (Some(_), None) => *names = None,
                    (None, _) => {}
                }
                Ok(true)
            }
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ELOOP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits until one of these absolute paths leads nowhere.
pub async fn lost(paths: &[&Path]) -> io::Result<()> {
    loop {
        let watch = PathWatch::of_names(paths)?;
        if !paths.iter().all(|path| path.exists()) {
            return Ok(());
        }
        watch.changed().await?;
    }
}

fn components(path: &Path) -> VecDeque<OsString> {
    let named = |component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(named).collect()
}
