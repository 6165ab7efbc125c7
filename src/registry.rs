//! Registry: who answers to which name on which network.
//!
//! [`snapshot`] and its neighbours turn State into updates (pure); the channel carries them; [`Registry`] holds them for
//! look-ups in the resolver, network by network, so that a query waits for no command.

mod derive;
mod key;
mod replica;
mod services;
mod table;
mod update;
mod zones;

pub use derive::{endpoint_names, forward_of, member_view, network_names, sandbox_view, snapshot};
pub use key::{Key, Reverse};
pub use replica::{Mentioned, Registry, Slot};
pub use table::{ANY, DEFAULT_TTL, Layer, Name, Rrset, Table};
pub use update::{EndpointNames, Forward, NetworkNames, SandboxView, Source, Update};
pub use zones::{InZone, ZoneTable, Zones};
