//! Ranges of host ports too long to be held by sockets: the kernel is told to choose none of them for others.
//!
//! The host's own entries stay. Which entries are ours is written down in RUN_DIR before they are made, so that a
//! manager that was killed leaves none behind for good.

use super::Settings;
use super::turn::Turn;
use crate::kernel::Kernel;
use crate::model::{PortSet, reserved};
use crate::store::Store;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tracing::warn;

impl<K: Kernel, S: Store> Turn<K, S> {
    /// Makes the reserved ports what running sandboxes publish in long ranges, besides the host's own.
    pub(super) fn reserve_ports(&self) {
        let wanted = self.wanted_reserved();
        let noted = noted(&self.settings);
        let ours = read(&noted);
        if wanted.is_empty() && ours.is_empty() {
            return;
        }
        let hosts = self.kernel.reserved_ports().without(&ours);
        let added = wanted.without(&hosts);
        write(&noted, &ours.union(&added));
        match self.kernel.reserve_ports(&hosts.union(&wanted)) {
            Ok(()) => write(&noted, &added),
            Err(error) => warn!(%error, "long ranges of host ports are not reserved"),
        }
    }

    /// Notes anew which ports are reserved by us, where the note is gone.
    pub(super) fn note_reserved(&self) {
        let noted = noted(&self.settings);
        if !noted.exists() {
            write(&noted, &self.wanted_reserved());
        }
    }

    fn wanted_reserved(&self) -> PortSet {
        let running = self.state.sandboxes.values().filter(|sandbox| sandbox.is_running());
        let ranges = running.flat_map(|sandbox| reserved(&sandbox.publish));
        ranges.flat_map(|range| range.host_ports().ports()).collect()
    }
}

fn noted(settings: &Settings) -> PathBuf {
    settings.run_dir.join("reserved-ports")
}

/// Returns which boot this is: what another one reserved is gone with it.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn read(path: &Path) -> PortSet {
    let text = fs::read_to_string(path).unwrap_or_default();
    let (of, ports) = text.split_once('\n').unwrap_or_default();
    if of == boot() { PortSet::parse(ports) } else { PortSet::default() }
}

fn write(path: &Path, ports: &PortSet) {
    if let Err(error) = try_to_write(path, ports) {
        warn!(file = %path.display(), %error, "not written");
    }
}

fn try_to_write(path: &Path, ports: &PortSet) -> io::Result<()> {
    if ports.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("{}\n{ports}\n", boot()))?;
    fs::rename(&fresh, path)
}
