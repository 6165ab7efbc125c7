//! The host's resolv.conf: read, watched, and what follows from a change: whom unknown names are asked of, and what the
//! files of sandboxes say.

use super::path_watch::PathWatch;
use super::turn::Turn;
use super::{Controller, Settings, file};
use crate::channel::ToResolver;
use crate::etc::HostResolv;
use crate::kernel::Kernel;
use crate::registry::Update;
use crate::store::Store;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};
use tokio::time::sleep;
use tracing::{info, warn};

/// Where systemd-resolved writes the servers that it asks itself (systemd-resolved.service(8)).
const BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

/// The most servers that are asked.
const MOST: usize = 8;

/// The port of name servers.
const PORT: u16 = 53;

/// How long whoever writes the file may take from one piece to the next.
const SETTLE: Duration = Duration::from_millis(50);

/// The pause before a file that cannot be watched is looked at again.
const BLIND: Duration = Duration::from_secs(1);

/// Reads the host's resolv.conf, and the servers behind systemd-resolved's stub if there is one. A file that is not
/// there has no servers.
pub fn read_host_resolv(path: &Path) -> io::Result<HostResolv> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let behind = fs::read_to_string(BEHIND_STUB).unwrap_or_default();
            let behind = HostResolv::parse(&behind).nameservers;
            Ok(HostResolv { behind, ..HostResolv::parse(&text) })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HostResolv::default()),
        Err(error) => Err(error),
    }
}

/// Returns the servers that unknown names are asked of: the daemon's, else the host's, of which 127.0.0.53 is asked
/// itself, as split DNS lives there.
pub fn servers(settings: &Settings) -> Vec<SocketAddr> {
    let given = match settings.servers.as_slice() {
        [] => &settings.host_resolv.nameservers,
        given => given,
    };
    given.iter().take(MOST).map(|server| SocketAddr::new(*server, PORT)).collect()
}

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Follows the host's resolv.conf until the daemon ends.
    pub async fn follow_host_resolv(&self) {
        let path = &self.settings.resolv_conf;
        loop {
            // What happens while the file is read is told by this watch.
            let watch = PathWatch::new(&[path, Path::new(BEHIND_STUB)]);
            match read_host_resolv(path) {
                Ok(read) => self.turn().await.set_host_resolv(read).await,
                Err(error) => warn!(file = %path.display(), %error, "cannot be read"),
            }
            match watch {
                Ok(watch) => match watch.changed().await {
                    Ok(()) => sleep(SETTLE).await,
                    Err(_) => sleep(BLIND).await,
                },
                Err(_) => sleep(BLIND).await,
            }
        }
    }
}

impl<K: Kernel, S: Store> Turn<K, S> {
    /// Makes true what the host's resolv.conf says now.
    async fn set_host_resolv(&mut self, read: HostResolv) {
        if read == self.settings.host_resolv {
            return;
        }
        let before = self.settings.clone();
        self.settings.host_resolv = read;
        let servers = servers(&self.settings);
        match servers.is_empty() {
            true => warn!(
                file = %self.settings.resolv_conf.display(),
                "no DNS server any more: names that netdns does not know will fail"
            ),
            false => info!(?servers, "servers of the host"),
        }
        self.replica.set_servers(servers.clone());
        let mut messages =
            vec![(ToResolver::Updates(vec![Update::SetHostServers(servers)]), vec![])];
        let running: Vec<_> = self.state.sandboxes.values().filter(|s| s.is_running()).collect();
        for id in running.iter().map(|sandbox| sandbox.id).collect::<Vec<_>>() {
            // One that had servers to ask itself may have none left, and the other way round.
            match self.open_sockets(id) {
                Ok(more) => messages.extend(more),
                Err(failure) => warn!(sandbox = id.short(), failure = failure.text(), "not whole"),
            }
            file::rewrite((&self.state, &before), (&self.state, &self.settings), id);
        }
        if let Some(warning) = self.publish(messages).await {
            warn!(warning, "servers of the host");
        }
    }
}
