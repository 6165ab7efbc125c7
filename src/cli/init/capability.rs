//! Capability: Docker's default set, which a sandbox's programs have unless it is privileged.

use super::process;
use std::{fs, io};

/// Numbers of linux/capability.h, in Docker's order.
const DEFAULT: [u32; 14] = [
    0,  // CHOWN
    1,  // DAC_OVERRIDE
    4,  // FSETID
    3,  // FOWNER
    27, // MKNOD
    13, // NET_RAW
    6,  // SETGID
    7,  // SETUID
    31, // SETFCAP
    8,  // SETPCAP
    10, // NET_BIND_SERVICE
    18, // SYS_CHROOT
    5,  // KILL
    29, // AUDIT_WRITE
];

/// Drops every other capability for good: from the bounding set too, so that no program gets one back.
pub fn drop_to_default() -> io::Result<()> {
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap")?;
    let last: u32 = last.trim().parse().map_err(io::Error::other)?;
    process::clear_ambient()?;
    for capability in (0..=last).filter(|capability| !DEFAULT.contains(capability)) {
        process::drop_bounding(capability)?;
    }
    process::limit_capabilities(mask())
}

/// Returns the default set as bits.
pub fn mask() -> u64 {
    DEFAULT.iter().fold(0, |mask, capability| mask | 1 << capability)
}
