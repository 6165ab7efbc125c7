//! Commands on names: entries by hand, and questions asked by people.

use super::{Controller, Failure};
use crate::channel::{Asker, FromResolver, LogBatch, Question, Resolution, ToResolver};
use crate::decide;
use crate::kernel::Kernel;
use crate::model::{Change, DnsName, HostFacts, RegisterRequest, RrType};
use crate::store::Store;
use tracing::info;

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Registers RRsets. Returns the data they replaced, and warnings.
    pub async fn register(
        &self,
        request: RegisterRequest,
    ) -> Result<(Vec<String>, Vec<String>), Failure> {
        let mut turn = self.turn().await;
        let facts = HostFacts::default();
        let decision = decide::register(&turn.given(&facts), &request)?;
        info!(name = %request.name, "register");
        let mut warnings = Vec::new();
        for registration in decision.noun {
            warnings.extend(turn.make_true(Change::Register(registration)).await?);
        }
        Ok((decision.replaced, warnings))
    }

    /// Removes registered RRsets. Returns warnings.
    pub async fn deregister(
        &self,
        name: &DnsName,
        rr_type: Option<RrType>,
        network: Option<&str>,
    ) -> Result<Vec<String>, Failure> {
        let mut turn = self.turn().await;
        let removals = decide::deregister(&turn.state, name, rr_type, network)?;
        info!(%name, "deregister");
        let mut warnings = Vec::new();
        for removal in removals {
            warnings.extend(turn.make_true(removal).await?);
        }
        Ok(warnings)
    }

    /// Has the resolver forget what upstreams have said.
    pub async fn flush_cache(&self) -> Result<(), Failure> {
        match self.resolver().ask(ToResolver::FlushCache).await? {
            FromResolver::Ack => Ok(()),
            _ => Err(Failure::Silent),
        }
    }

    /// Returns what sandboxes have asked after the query of a number; without one, nothing but where to begin. Waits a
    /// while for something.
    pub async fn query_log(&self, after: Option<u64>) -> Result<LogBatch, Failure> {
        match self.resolver().ask(ToResolver::ReadLog(after)).await? {
            FromResolver::Logged(batch) => Ok(batch),
            _ => Err(Failure::Silent),
        }
    }

    /// Asks the resolver what it would answer.
    pub async fn resolve(
        &self,
        asker: Asker,
        name: DnsName,
        rr_type: u16,
    ) -> Result<Resolution, Failure> {
        let question = Question { asker, name, rr_type };
        match self.resolver().ask(ToResolver::Resolve(question)).await? {
            FromResolver::Resolved(resolution) => Ok(resolution),
            _ => Err(Failure::Silent),
        }
    }
}
