//! Whose network namespace a new sandbox has.

use crate::api::call::InspectSandbox;
use crate::api::client::Client;
use crate::cli::outcome::Failure;
use crate::model::RunRequest;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io;

/// The network namespace that the init is cloned into.
pub enum Network {
    /// A new one.
    Own,
    /// The host's.
    Host,
    /// Another sandbox's.
    Of(File),
}

impl Network {
    /// Reads `host` and `container:NAME`; whether they may stand where they do is the daemon's to say.
    pub fn of(request: &RunRequest, client: &Client) -> Result<Self, Failure> {
        for wanted in &request.networks {
            if wanted.network == "host" {
                if let Some(key) = request.config.sysctls.keys().next() {
                    let text = format!("sysctl \"{key}\" not allowed in host network namespace");
                    return Err(Failure::new(text).hint("sysctl -w sets one of the host"));
                }
                return Ok(Self::Host);
            }
            let Some(name) = wanted.network.strip_prefix("container:") else { continue };
            let owner = client.call(InspectSandbox { sandbox: name.to_owned() })?;
            if !owner.state.running {
                return Err(Failure::new(format!("sandbox {} is not running", owner.name)));
            }
            let key = owner.network_settings.sandbox_key;
            let opened = File::open(&key);
            return opened
                .map(Self::Of)
                .map_err(|error| Failure::doing(format!("open {key}"), error));
        }
        Ok(Self::Own)
    }

    /// Whether it is nobody else's.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }

    /// Enters another sandbox's, so that the clone is born there.
    pub fn enter(&self) -> io::Result<()> {
        match self {
            Self::Own | Self::Host => Ok(()),
            Self::Of(file) => Ok(setns(file, CloneFlags::CLONE_NEWNET)?),
        }
    }
}
