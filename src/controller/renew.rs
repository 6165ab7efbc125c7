//! Renewing what is in RUN_DIR: somebody has emptied it while the manager lives, which knows all that was there. Lost are
//! the exit codes of sandboxes that run now, as their inits write them to files that have no name any more.

use super::{Controller, Failure};
use crate::kernel::Kernel;
use crate::store::Store;

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Writes down again what the manager knows, where it is not written. The resolver's socket is seen to by its
    /// supervisor.
    pub async fn renew(&self) -> Result<(), Failure> {
        let mut turn = self.turn().await;
        let state = turn.state.clone();
        turn.store.renew(&state)?;
        turn.note_reserved();
        Ok(())
    }
}
