//! The nouns of netdns: ids, names, addresses, Network, Sandbox, Endpoint, Publish, and the State they form.
//!
//! Everything here is plain data that cannot hold a bad value: text is parsed at the door. There is no I/O, no clock
//! and no randomness; ids and times are given. Addresses are lists of both families from the first day.

mod addr;
mod causes;
mod change;
mod host;
mod id;
mod name;
mod network;
mod ports;
mod publish;
mod record;
mod refusal;
mod request;
mod route;
mod sandbox;
mod state;
mod time;
mod traffic;

pub use addr::{IfName, Mac, Proto};
pub use causes::with_causes;
pub use change::Change;
pub use host::{HostFacts, HostLink};
pub use id::{EndpointId, Id, NetworkId, SandboxId};
pub use name::{DnsName, NetworkName, SandboxName};
pub use network::{DriverKind, MacvlanMode, Network, NetworkOptions, Parent, Reach, Subnet};
pub use ports::PortSet;
pub use publish::{Exposed, PortRange, Publish, held, reserved};
pub use record::{Rdata, Registration, RrType};
pub use refusal::{Kind, Refusal};
pub use request::{
    AttachTo, EndpointRequest, NetworkRequest, PublishRequest, RegisterRequest, RunRequest,
};
pub use route::Route;
pub use sandbox::{
    Config, DnsConfig, Endpoint, ExtraHost, HostTarget, Origin, Sandbox, Shares, Status,
};
pub use state::{Plugged, State, gateway, gateway6};
pub use time::{Millis, civil_time};
pub use traffic::{Flow, Traffic};
