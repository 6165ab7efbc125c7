//! What the kernel refused, or what it lacks. Each variant names the object; the reason is its source.

use super::foreign::ForeignError;
use super::nft::NftError;
use crate::model::{IfName, Refusal};
use ipnet::IpNet;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

/// Why Linux did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The request itself cannot be granted: the caller is told as of any other refusal.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A link.
    #[error("cannot {act} interface {link}")]
    Link {
        /// What was tried.
        act: &'static str,
        /// The link.
        link: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A link of somebody else's has the name.
    #[error("interface {link} exists {place} and was not made by netdns")]
    LinkTaken {
        /// The name.
        link: IfName,
        /// On the host or in the sandbox.
        place: &'static str,
    },
    /// A parent that cannot have this macvlan link beside another: of the two, one is of mode passthru.
    #[error("interface {parent} carries another macvlan link, and mode passthru means one alone")]
    ParentOccupied {
        /// The parent.
        parent: IfName,
    },
    /// An address of a link.
    #[error("cannot give address {address} to interface {link}")]
    Address {
        /// The address.
        address: IpNet,
        /// The link.
        link: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A default route.
    #[error("cannot {act} the default route through {gateway}")]
    Route {
        /// What was tried.
        act: &'static str,
        /// Its gateway.
        gateway: IpAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A sysctl.
    #[error("cannot set {key}")]
    Sysctl {
        /// Its path below /proc/sys.
        key: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A namespace that cannot be opened or entered.
    #[error("cannot enter network namespace {}", .path.display())]
    Namespace {
        /// What opens it.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A namespace that is no longer the one that was attached.
    #[error("{} is another network namespace than the one that was attached", .path.display())]
    NamespaceChanged {
        /// What opens it.
        path: PathBuf,
    },
    /// A socket.
    #[error("cannot open {what}")]
    Socket {
        /// Which one.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something that is read.
    #[error("cannot read {what}")]
    Read {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The firewall.
    #[error(transparent)]
    Firewall(#[from] NftError),
    /// Another tool's chain.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
}

impl KernelError {
    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Firewall(NftError::Unsupported { .. } | NftError::Open(_)) => Some(
                "netdns needs Linux with nf_tables: modprobe nf_tables, or another kernel".into(),
            ),
            Self::ParentOccupied { parent } => Some(format!(
                "it may be in another namespace: what was made by others on {parent} has to go first"
            )),
            _ => None,
        }
    }
}
