//! Commands on names that change on what exists already.

use super::{Controller, Failure};
use crate::decide::{self, Decision};
use crate::kernel::Kernel;
use crate::model::{DnsName, SandboxName};
use crate::store::Store;
use tracing::info;

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Gives a sandbox another name. Returns warnings.
    pub async fn rename(&self, text: &str, name: SandboxName) -> Result<Vec<String>, Failure> {
        let mut turn = self.turn().await;
        info!(sandbox = text, %name, "rename");
        let Decision { noun, mut warnings } = decide::rename(&turn.state, text, name)?;
        warnings.extend(turn.make_true(noun).await?);
        Ok(warnings)
    }

    /// Gives a sandbox one more alias on a network. Returns warnings.
    pub async fn add_alias(
        &self,
        network: &str,
        sandbox: &str,
        alias: DnsName,
    ) -> Result<Vec<String>, Failure> {
        let mut turn = self.turn().await;
        info!(sandbox, network, %alias, "add alias");
        let Decision { noun, mut warnings } =
            decide::add_alias(&turn.state, network, sandbox, alias)?;
        warnings.extend(turn.make_true(noun).await?);
        Ok(warnings)
    }

    /// Takes an alias away. Returns warnings.
    pub async fn remove_alias(
        &self,
        network: &str,
        sandbox: &str,
        alias: &DnsName,
    ) -> Result<Vec<String>, Failure> {
        let mut turn = self.turn().await;
        info!(sandbox, network, %alias, "remove alias");
        let removal = decide::remove_alias(&turn.state, network, sandbox, alias)?;
        turn.make_true(removal).await
    }
}
