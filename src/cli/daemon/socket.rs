//! The API's socket.

use crate::cli::outcome::Failure;
use nix::unistd::{Gid, chown};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::net::UnixListener;

/// Listens on the API's socket: mode 0660, owner root, the group given or `netdns` if there is one.
pub fn listen(path: &Path, group: Option<&str>) -> Result<UnixListener, Failure> {
    let failed = |error| Failure::doing(format!("listen on {}", path.display()), error);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let gid = match (gid_of(&groups, group.unwrap_or("netdns")), group) {
        (None, Some(missing)) => {
            return Err(Failure::new(format!("there is no group {missing}"))
                .hint("it is looked for in /etc/group; a number works too"));
        }
        (gid, _) => gid,
    };
    let listener = UnixListener::bind(path).map_err(failed)?;
    chown(path, None, gid).map_err(|error| failed(error.into()))?;
    fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// Finds a group by its name or number; the C library would load shared objects to ask elsewhere.
fn gid_of(groups: &str, wanted: &str) -> Option<Gid> {
    let named = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(wanted)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    named.or_else(|| wanted.parse().ok()).map(Gid::from_raw)
}
