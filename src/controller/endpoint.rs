//! Commands on endpoints: a running sandbox joins a network, and leaves it.

use super::turn::Turn;
use super::{Controller, Failure};
use crate::decide::{self, Decision};
use crate::kernel::Kernel;
use crate::model::{Change, Endpoint, EndpointRequest, HostFacts};
use crate::store::Store;
use ipnet::IpNet;
use tracing::info;

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Connects a running sandbox to a network. Returns warnings.
    pub async fn connect(
        &self,
        request: EndpointRequest,
        sandbox: &str,
    ) -> Result<Vec<String>, Failure> {
        let mut turn = self.turn().await;
        turn.settle_idle_default(std::slice::from_ref(&request)).await?;
        let facts = HostFacts::default();
        let Decision { noun: endpoint, mut warnings } =
            decide::connect(&turn.given(&facts), &request, sandbox)?;
        info!(sandbox, network = request.network, "connect");
        turn.remember(std::slice::from_ref(&endpoint));
        warnings.extend(turn.make_true(Change::AddEndpoint(endpoint)).await?);
        Ok(warnings)
    }

    /// Disconnects a sandbox from a network. Returns warnings.
    pub async fn disconnect(&self, network: &str, sandbox: &str) -> Result<Vec<String>, Failure> {
        let mut turn = self.turn().await;
        let endpoint = decide::disconnect(&turn.state, network, sandbox)?;
        info!(sandbox, network, "disconnect");
        turn.make_true(Change::RemoveEndpoint(endpoint.id)).await
    }
}

impl<K: Kernel, S: Store> Turn<K, S> {
    /// Remembers the addresses given, so that the next ones are others.
    pub(super) fn remember(&mut self, endpoints: &[Endpoint]) {
        for endpoint in endpoints {
            let given = endpoint.addresses.iter().map(IpNet::addr).collect();
            self.cursors.insert(endpoint.network, given);
        }
    }
}
