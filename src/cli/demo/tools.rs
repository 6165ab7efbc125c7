//! Tools: what the demo uses where the host lacks a program, and what it serves. Each prints what the program of that
//! name prints, as far as the demo reads it.

mod bridges;
mod http;
mod ping;
mod query;

use super::upstream;
use crate::cli::outcome::Outcome;
use clap::Subcommand;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// A tool of the demo's; none of them is part of the command line that scripts rely on.
#[derive(Subcommand, Debug)]
pub enum Tool {
    /// Send one ICMP echo request
    #[command(hide = true)]
    Ping { name: String },
    /// Ask the nameserver of /etc/resolv.conf
    #[command(hide = true)]
    Dig {
        name: String,
        #[arg(default_value = "A")]
        kind: String,
    },
    /// Serve one page that tells who is asking
    #[command(hide = true)]
    Serve { port: u16, name: String },
    /// Fetch a page
    #[command(hide = true)]
    Fetch { url: String },
    /// List bridges with their ports
    #[command(hide = true)]
    Bridges,
    /// List a link's addresses
    #[command(hide = true)]
    Addresses { link: String },
    /// Serve zones as the lab's DNS server
    #[command(hide = true)]
    Upstream { address: Ipv4Addr, directory: PathBuf },
}

impl Tool {
    /// Does what it is for.
    pub fn run(self) -> Outcome {
        match self {
            Self::Ping { name } => ping::ping(&name),
            Self::Dig { name, kind } => query::dig(&name, &kind),
            Self::Serve { port, name } => http::serve(port, &name),
            Self::Fetch { url } => http::fetch(&url),
            Self::Bridges => bridges::list(),
            Self::Addresses { link } => bridges::addresses(&link),
            Self::Upstream { address, directory } => upstream::serve(address, &directory),
        }
    }
}
