//! Change: one step of State, as it is recorded.

use super::{
    DnsName, Endpoint, EndpointId, Millis, Network, NetworkId, Registration, RrType, Sandbox,
    SandboxId, SandboxName,
};
use serde::{Deserialize, Serialize};

/// What one command changes, recorded before the kernel is touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A network is made.
    AddNetwork(Network),
    /// A network goes.
    RemoveNetwork(NetworkId),
    /// A sandbox appears, or appears again, with its endpoints.
    AddSandbox(Box<Sandbox>, Vec<Endpoint>),
    /// A sandbox has ended; its endpoints go.
    EndSandbox {
        /// The sandbox.
        id: SandboxId,
        /// Its exit code.
        code: i32,
        /// When.
        at: Millis,
    },
    /// A sandbox and its endpoints go.
    RemoveSandbox(SandboxId),
    /// A sandbox is called otherwise.
    Rename {
        /// The sandbox.
        id: SandboxId,
        /// Its name from now on.
        name: SandboxName,
    },
    /// An endpoint answers to other aliases.
    SetAliases {
        /// The endpoint.
        endpoint: EndpointId,
        /// All of its aliases from now on.
        aliases: Vec<DnsName>,
    },
    /// A running sandbox joins a network.
    AddEndpoint(Endpoint),
    /// A sandbox leaves a network.
    RemoveEndpoint(EndpointId),
    /// An RRset is registered, in the place of one of the same name, type and network.
    Register(Registration),
    /// An RRset goes.
    Deregister {
        /// Its network.
        network: Option<NetworkId>,
        /// Its name.
        name: DnsName,
        /// Its type.
        rr_type: RrType,
    },
}

impl Change {
    /// Returns what withdraws this change if it was never acknowledged: an addition is removed again; a removal is
    /// completed by converging, so nothing withdraws it; what changes names is data alone and stays.
    pub fn withdrawal(&self) -> Option<Change> {
        match self {
            Self::AddNetwork(network) => Some(Self::RemoveNetwork(network.id)),
            Self::AddSandbox(sandbox, _) => Some(Self::RemoveSandbox(sandbox.id)),
            Self::AddEndpoint(endpoint) => Some(Self::RemoveEndpoint(endpoint.id)),
            Self::RemoveNetwork(_)
            | Self::EndSandbox { .. }
            | Self::RemoveSandbox(_)
            | Self::RemoveEndpoint(_)
            | Self::Rename { .. }
            | Self::SetAliases { .. }
            | Self::Register(_)
            | Self::Deregister { .. } => None,
        }
    }

    /// Whether it outlives a boot: networks and registrations do, sandboxes and endpoints do not.
    pub fn is_durable(&self) -> bool {
        match self {
            Self::AddNetwork(_)
            | Self::RemoveNetwork(_)
            | Self::Register(_)
            | Self::Deregister { .. } => true,
            Self::AddSandbox(..)
            | Self::EndSandbox { .. }
            | Self::RemoveSandbox(_)
            | Self::Rename { .. }
            | Self::SetAliases { .. }
            | Self::AddEndpoint(_)
            | Self::RemoveEndpoint(_) => false,
        }
    }
}
