//! Registry: who answers to which name on which network.
//!
//! [`derive`](self::updates) turns State into updates (pure); the channel carries them; [`Registry`] holds them for
//! look-ups in the resolver, network by network, so that a query waits for no command.

mod derive;
mod update;

pub use derive::{endpoint_names, forward_of, network_names, sandbox_view, snapshot};
pub use update::{EndpointNames, Forward, NetworkNames, SandboxView, Source, Update};
