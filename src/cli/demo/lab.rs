//! Lab: the world beyond the demo's host: a namespace at the other end of the host's uplink, a DNS server in it, and a
//! machine `www.lab.test`.

use super::person::DIR;
use crate::cli::outcome::Failure;
use crate::kernel::netns;
use futures_util::TryStreamExt;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rtnetlink::{Handle, LinkUnspec, LinkVeth, RouteMessageBuilder};
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The host's address on its uplink.
pub const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The lab's address there, its DNS server's, and the host's gateway.
pub const LAB: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// What `www.lab.test` is.
pub const WWW: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

const UPLINK: &str = "eth0";
const DOWNLINK: &str = "lab0";

/// Where the lab's namespace is mounted, as `ip netns` expects it.
const NETNS: &str = "/run/netns/lab";

/// For tests: a directory with other zones than those that are built in.
const OTHER_ZONES: &str = "NETDNS_DEMO_ZONES";

const ZONES: [(&str, &str); 3] = [
    ("root.zone", include_str!("../../../zones/lab/root.zone")),
    ("lab.test.zone", include_str!("../../../zones/lab/lab.test.zone")),
    ("2.0.192.in-addr.arpa.zone", include_str!("../../../zones/lab/2.0.192.in-addr.arpa.zone")),
];

/// A zone file: its name and its text.
pub type Zone = (PathBuf, String);

/// Returns the zones of the lab's DNS server.
pub fn zones() -> Result<Vec<Zone>, Failure> {
    let Some(dir) = std::env::var_os(OTHER_ZONES) else {
        return Ok(ZONES.map(|(name, text)| (name.into(), text.to_owned())).into());
    };
    read_zones(Path::new(&dir))
}

/// Reads the zone files of a directory.
pub fn read_zones(dir: &Path) -> Result<Vec<Zone>, Failure> {
    let read = || -> io::Result<Vec<Zone>> {
        let mut zones = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "zone") {
                let text = fs::read_to_string(&path)?;
                zones.push((path.file_name().unwrap_or_default().into(), text));
            }
        }
        Ok(zones)
    };
    read().map_err(|error| Failure::doing(format!("read the zones of {}", dir.display()), error))
}

/// The lab's namespace.
pub struct Lab {
    netns: File,
}

impl Lab {
    /// Makes the lab and the wire to it. The calling thread's namespace is the host's.
    pub fn build() -> Result<Self, Failure> {
        let built = || -> io::Result<Self> {
            let netns = new_netns()?;
            wire(&netns)?;
            mount_at(&netns, Path::new(NETNS))?;
            Ok(Self { netns })
        };
        built().map_err(|error| Failure::doing("build the lab", error))
    }

    /// Writes the zones of the lab's DNS server where it will read them.
    pub fn write_zones(&self, zones: &[Zone]) -> Result<PathBuf, Failure> {
        let dir = Path::new(DIR).join("zones");
        let written = || -> io::Result<()> {
            fs::create_dir_all(&dir)?;
            zones.iter().try_for_each(|(name, text)| fs::write(dir.join(name), text))
        };
        written().map_err(|error| Failure::doing("write the lab's zones", error))?;
        Ok(dir)
    }

    /// Starts a program in the lab.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        netns::within(self.netns.as_fd(), || command.spawn())?
    }
}

fn new_netns() -> io::Result<File> {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET)?;
        File::open("/proc/thread-self/ns/net")
    };
    std::thread::spawn(make).join().expect("nothing in it panics")
}

fn mount_at(netns: &File, path: &Path) -> io::Result<()> {
    File::create(path)?;
    let source = format!("/proc/self/fd/{}", netns.as_raw_fd());
    Ok(mount(Some(source.as_str()), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

fn wire(netns: &File) -> io::Result<()> {
    let fd = netns.as_raw_fd();
    talk(async |links| {
        let pair = LinkVeth::new(UPLINK, DOWNLINK).build();
        links.link().add(pair).execute().await?;
        let away = LinkUnspec::new_with_name(DOWNLINK).setns_by_fd(fd).build();
        links.link().set(away).execute().await?;
        up(&links, "lo", &[]).await?;
        up(&links, UPLINK, &[(HOST, 24)]).await?;
        let default = RouteMessageBuilder::<Ipv4Addr>::new().gateway(LAB).build();
        links.route().add(default).execute().await
    })?;
    netns::within(netns.as_fd(), || {
        talk(async |links| {
            up(&links, "lo", &[]).await?;
            up(&links, DOWNLINK, &[(LAB, 24), (WWW, 32)]).await
        })
    })?
}

async fn up(
    links: &Handle,
    name: &str,
    addresses: &[(Ipv4Addr, u8)],
) -> Result<(), rtnetlink::Error> {
    let found = links.link().get().match_name(name.to_owned()).execute().try_next().await?;
    let index = found.map_or(0, |link| link.header.index);
    for (address, prefix) in addresses {
        links.address().add(index, (*address).into(), *prefix).execute().await?;
    }
    links.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await
}

/// Talks to the kernel over a route socket of the calling thread's namespace.
fn talk<F>(talk: impl FnOnce(Handle) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), rtnetlink::Error>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        talk(handle).await.map_err(io::Error::other)
    })
}
