//! Build: how a program tells itself from another build of itself.

use super::{Build, VERSION};
use std::io;
use std::os::unix::fs::MetadataExt;

impl Build {
    /// Returns the build of the running program. It reads `/proc/self/exe`, so a process that gives up its privileges
    /// asks before it does.
    pub fn current() -> io::Result<Self> {
        let file = std::fs::metadata("/proc/self/exe")?;
        let changed = (file.mtime(), file.mtime_nsec());
        Ok(Self {
            channel: VERSION,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            executable: format!(
                "{}:{}:{}:{}.{:09}",
                file.dev(),
                file.ino(),
                file.size(),
                changed.0,
                changed.1
            ),
        })
    }
}
