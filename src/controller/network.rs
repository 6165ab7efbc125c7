//! Commands on networks.

use super::turn::Turn;
use super::{Controller, Failure, now, random};
use crate::channel::ToResolver;
use crate::decide::{self, Decision, Given};
use crate::driver::ruleset;
use crate::kernel::Kernel;
use crate::model::{Change, EndpointRequest, HostFacts, Network, NetworkId, NetworkRequest};
use crate::registry::{Update, network_names};
use crate::store::Store;
use std::sync::Arc;
use tracing::{info, warn};

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Makes a network. Returns its id and warnings.
    pub async fn create_network(
        &self,
        request: NetworkRequest,
    ) -> Result<(NetworkId, Vec<String>), Failure> {
        let mut turn = self.turn().await;
        let facts = turn.facts().await?;
        let Decision { noun: network, mut warnings } =
            decide::create_network(&turn.given(&facts), &request)?;
        let id = network.id;
        info!(network = %network.name, id = id.short(), "create");
        warnings.extend(turn.make_true(Change::AddNetwork(network)).await?);
        Ok((id, warnings))
    }

    /// Returns the firewall's rules that serve a network, as nftables writes them.
    pub fn ruleset(&self, network: &Network) -> String {
        ruleset(&self.state(), network)
    }

    /// Removes a network that nothing uses. Returns it and warnings.
    pub async fn remove_network(&self, text: &str) -> Result<(Arc<Network>, Vec<String>), Failure> {
        let mut turn = self.turn().await;
        let network = decide::remove_network(&turn.state, text)?;
        info!(network = %network.name, id = network.id.short(), "remove");
        let warnings = turn.make_true(Change::RemoveNetwork(network.id)).await?;
        turn.cursors.remove(&network.id);
        Ok((network, warnings))
    }
}

impl<K: Kernel, S: Store> Turn<K, S> {
    /// Reads what the host has, its nameservers among it.
    pub(super) async fn facts(&self) -> Result<HostFacts, Failure> {
        let mut facts = self.kernel.facts().await?;
        let servers = self.settings.host_resolv.nameservers.iter();
        let nets = servers.map(|server| ((*server).into(), format!("nameserver {server}")));
        facts.taken.extend(nets);
        Ok(facts)
    }

    /// Makes the predefined networks what they are to be.
    pub(super) async fn settle_predefined(&mut self) -> Result<(), Failure> {
        let facts = self.facts().await?;
        let decision = decide::predefined(&self.given(&facts))?;
        decision.warnings.iter().for_each(|warning| warn!(warning, "default network"));
        for network in decision.noun {
            let names = vec![Update::PutNetwork(network_names(&network))];
            self.note(&Change::AddNetwork(network))?;
            self.publish(vec![(ToResolver::Updates(names), Vec::new())]).await;
        }
        Ok(())
    }

    /// Lets the default network move once more before its first endpoint: it had nothing in the kernel, so another tool
    /// may have taken its subnet since the start.
    pub(super) async fn settle_idle_default(
        &mut self,
        joined: &[EndpointRequest],
    ) -> Result<(), Failure> {
        if decide::joins_idle_default(&self.state, joined) {
            self.settle_predefined().await?;
        }
        Ok(())
    }

    /// Returns what a decision is given.
    pub(super) fn given<'a>(&'a self, facts: &'a HostFacts) -> Given<'a> {
        Given {
            state: &self.state,
            policy: &self.settings.policy,
            facts,
            now: now(),
            draw: &random::<32>,
            cursor: &self.cursors,
        }
    }
}
