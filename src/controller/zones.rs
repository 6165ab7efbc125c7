//! Zone files: read, watched, and handed to the resolver. A file with an error is refused whole; what was served before
//! it goes on being served.

#[cfg(test)]
mod tests;

use super::path_watch::PathWatch;
use super::replica::Message;
use super::{Controller, Happening, now};
use crate::channel::ToResolver;
use crate::kernel::Kernel;
use crate::model::DnsName;
use crate::store::Store;
use crate::zone::{MAX_BYTES, Zone};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

/// The most zones.
const MOST: usize = 1000;

/// The most bytes of all zones, as the resolver gets them.
const MOST_BYTES: usize = 64 << 20;

/// How long whoever writes a file may take from one piece to the next.
const SETTLE: Duration = Duration::from_millis(50);

/// The pause before a directory that cannot be watched is looked at again.
const BLIND: Duration = Duration::from_secs(1);

/// A zone that is served.
#[derive(Clone, Debug)]
pub struct ServedZone {
    /// The zone.
    pub zone: Arc<Zone>,
    /// Its records in a file in memory, for the resolver.
    file: Arc<OwnedFd>,
    size: usize,
}

impl ServedZone {
    fn new(zone: Zone) -> io::Result<Self> {
        let bytes = zone.to_bytes();
        let mut file = File::from(memfd_create("netdns-zone", MFdFlags::MFD_CLOEXEC)?);
        file.write_all(&bytes)?;
        Ok(Self { zone: Arc::new(zone), file: Arc::new(file.into()), size: bytes.len() })
    }

    /// Returns the message that hands it on.
    pub fn message(&self) -> Message {
        (ToResolver::PutZone(self.zone.origin.clone()), vec![self.file.clone()])
    }
}

/// What tells one version of a file from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp([i64; 7]);

impl Stamp {
    fn of(file: &Metadata) -> Self {
        let (device, inode, size) = (file.dev() as i64, file.ino() as i64, file.size() as i64);
        let changed = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Self([device, inode, size, changed[0], changed[1], changed[2], changed[3]])
    }
}

/// A directory of zone files, as it was read last.
pub struct ZoneFiles {
    dir: PathBuf,
    files: BTreeMap<OsString, ZoneFile>,
    zones: BTreeMap<DnsName, ServedZone>,
}

struct ZoneFile {
    stamp: Stamp,
    /// Whose zone it is, if its name says so.
    origin: Option<DnsName>,
    /// Why it is refused.
    refused: Option<String>,
}

/// All zones, what the resolver is to be told, and what has happened.
type Change = (BTreeMap<DnsName, ServedZone>, Vec<Message>, Vec<Happening>);

impl ZoneFiles {
    /// Knows nothing of a directory yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, files: BTreeMap::new(), zones: BTreeMap::new() }
    }

    /// Reads what has changed. Returns all zones, what the resolver is to be told, and what has happened.
    fn read(&mut self) -> Change {
        let (mut messages, mut happenings) = (Vec::new(), Vec::new());
        let names = match zone_files(&self.dir) {
            Ok(names) => names,
            Err(error) => {
                warn!(dir = %self.dir.display(), %error, "zones cannot be listed");
                return (self.zones.clone(), messages, happenings);
            }
        };
        let before = self.files.len();
        self.files.retain(|name, _| names.contains_key(name));
        // One that was refused for another's sake may now be taken.
        let again = self.files.len() < before;
        let owned: Vec<_> = self.files.values().filter_map(|file| file.origin.clone()).collect();
        let gone = self.zones.keys().filter(|origin| !owned.contains(origin));
        for origin in gone.cloned().collect::<Vec<_>>() {
            self.zones.remove(&origin);
            messages.push((ToResolver::RemoveZone(origin.clone()), Vec::new()));
            happenings.push(Happening::ZoneRemoved(origin));
        }
        for (name, stamp) in names {
            let known = self.files.get(&name).filter(|known| known.stamp == stamp);
            if known.is_some_and(|known| !(again && known.refused.is_some())) {
                continue;
            }
            let told = known.and_then(|known| known.refused.clone());
            let path = self.dir.join(&name);
            let (origin, read) = self.one(&name, &path);
            let refused = match read {
                Ok(served) => {
                    let origin = served.zone.origin.clone();
                    messages.push(served.message());
                    let records = served.zone.records.len();
                    happenings.push(Happening::ZoneLoaded(origin.clone(), records));
                    self.zones.insert(origin, served);
                    None
                }
                Err(reason) => {
                    if told.as_ref() != Some(&reason) {
                        let file = path.display().to_string();
                        happenings.push(Happening::ZoneRefused(file, reason.clone()));
                    }
                    Some(reason)
                }
            };
            self.files.insert(name, ZoneFile { stamp, origin, refused });
        }
        (self.zones.clone(), messages, happenings)
    }

    /// Reads one file. Returns whose zone it would be, and the zone or why there is none.
    fn one(&self, name: &OsString, path: &Path) -> (Option<DnsName>, Result<ServedZone, String>) {
        let stem = name.to_str().and_then(|name| name.strip_suffix(".zone"));
        let Some(origin) = stem.and_then(|stem| stem.parse::<DnsName>().ok()) else {
            return (None, Err("the file's name is not ORIGIN.zone of a domain name".to_owned()));
        };
        let mut others = self.files.iter().filter(|(other, _)| *other != name);
        if others.any(|(_, file)| file.origin.as_ref() == Some(&origin)) {
            return (None, Err(format!("another file has the zone {origin} already")));
        }
        let served = self.load(&origin, path);
        (Some(origin), served)
    }

    fn load(&self, origin: &DnsName, path: &Path) -> Result<ServedZone, String> {
        let text = read_bounded(path).map_err(|error| error.to_string())?;
        let zone = Zone::read(origin, &text).map_err(|error| error.to_string())?;
        let served = ServedZone::new(zone).map_err(|error| error.to_string())?;
        let others = self.zones.iter().filter(|(other, _)| *other != origin);
        let (count, size) = others.fold((1, served.size), |(n, sum), (_, z)| (n + 1, sum + z.size));
        if count > MOST || size > MOST_BYTES {
            let most = MOST_BYTES >> 20;
            return Err(format!("with it there would be more than {MOST} zones or {most} MiB"));
        }
        Ok(served)
    }

    /// Returns the files that are refused, each with the reason.
    fn refused(&self) -> Vec<String> {
        let refused = |(name, file): (&OsString, &ZoneFile)| {
            let path = self.dir.join(name);
            Some(format!("{}: {}", path.display(), file.refused.as_ref()?))
        };
        self.files.iter().filter_map(refused).collect()
    }
}

/// Lists the zone files of a directory; none if there is no directory.
fn zone_files(dir: &Path) -> io::Result<BTreeMap<OsString, Stamp>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries?,
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        let is_zone = entry.path().extension().is_some_and(|extension| extension == "zone");
        // A link is followed; one that leads nowhere, or what has just gone, is no file.
        if let Ok(file) = fs::metadata(entry.path())
            && is_zone
            && file.is_file()
        {
            found.insert(entry.file_name(), Stamp::of(&file));
        }
    }
    Ok(found)
}

/// Lists the links among the zone files of a directory: what they lead to changes elsewhere.
fn zone_links(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    let paths = links.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "zone")).collect()
}

/// Reads a file, one byte more than is allowed at most.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Reads the zone files that have changed and has the resolver serve them.
    pub async fn read_zones(&self) {
        let Some(controller) = self.myself.upgrade() else { return };
        let read = spawn_blocking(move || controller.zone_files.blocking_lock().read());
        let Ok((zones, messages, happenings)) = read.await else { return };
        self.replica.set_zones(zones);
        for happening in &happenings {
            match happening {
                Happening::ZoneLoaded(origin, records) => info!(%origin, records, "zone read"),
                Happening::ZoneRemoved(origin) => info!(%origin, "zone is gone"),
                Happening::ZoneRefused(file, reason) => {
                    warn!(file, reason, "zone refused; what was served before goes on");
                }
                _ => {}
            }
        }
        if !messages.is_empty() && self.resolver.tell(messages).await.is_err() {
            warn!("the resolver has not confirmed the zones yet");
        }
        self.events.tell(happenings, now());
    }

    /// Follows the directory of zone files until the daemon ends.
    pub async fn follow_zones(&self) {
        loop {
            // What happens while files are read is told by this watch.
            let links = zone_links(&self.settings.zones);
            let paths = [&self.settings.zones].into_iter().chain(&links);
            let watch = PathWatch::new(&paths.map(PathBuf::as_path).collect::<Vec<_>>());
            self.read_zones().await;
            match watch {
                Ok(watch) => match watch.changed().await {
                    Ok(()) => sleep(SETTLE).await,
                    Err(_) => sleep(BLIND).await,
                },
                Err(_) => sleep(BLIND).await,
            }
        }
    }

    /// Returns the zone files that are refused, each with the reason.
    pub async fn refused_zones(&self) -> Vec<String> {
        self.zone_files.lock().await.refused()
    }
}
