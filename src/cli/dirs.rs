//! Dirs: where a daemon keeps its things, and so how it is found. Flag before environment before default.

use crate::api::client::Client;
use clap::Args;
use std::path::PathBuf;

/// The directories and files that say which daemon is meant.
#[derive(Args, Clone, Debug)]
pub struct Dirs {
    /// What does not outlive a boot; the API socket is api.sock in it
    #[arg(long, global = true, value_name = "DIR", env = "NETDNS_RUN_DIR")]
    #[arg(default_value = "/run/netdns", help_heading = "Directories")]
    pub run_dir: PathBuf,
    /// What outlives a boot
    #[arg(long, global = true, value_name = "DIR", env = "NETDNS_STATE_DIR")]
    #[arg(default_value = "/var/lib/netdns", help_heading = "Directories")]
    pub state_dir: PathBuf,
    /// The file that names the host's DNS servers
    #[arg(long, global = true, value_name = "FILE", env = "NETDNS_RESOLV_CONF")]
    #[arg(default_value = "/etc/resolv.conf", help_heading = "Directories")]
    pub resolv_conf: PathBuf,
    /// Where zone files are, each as ORIGIN.zone
    #[arg(long, global = true, value_name = "DIR", env = "NETDNS_ZONES")]
    #[arg(default_value = "/etc/netdns/zones", help_heading = "Directories")]
    pub zones: PathBuf,
}

impl Dirs {
    /// Returns the path of the API's socket.
    pub fn socket(&self) -> PathBuf {
        self.run_dir.join("api.sock")
    }

    /// Returns where inits write exit codes: one file a pid, made by `run`, removed by the manager.
    pub fn exits(&self) -> PathBuf {
        self.run_dir.join("exits")
    }

    /// Returns where the output of detached sandboxes is kept.
    pub fn logs(&self) -> PathBuf {
        self.state_dir.join("logs")
    }

    /// Returns a client of the daemon.
    pub fn client(&self) -> Client {
        Client::new(self.socket())
    }
}
