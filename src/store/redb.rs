//! The store over two redb files: which rows a change touches, and in which file.

use super::file::{File, Row, to_json};
use super::{Loaded, Store, StoreError, Ticket};
use crate::model::{
    Change, DnsName, Endpoint, Network, NetworkId, Registration, RrType, Sandbox, SandboxId, State,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The store that the daemon uses.
pub struct RedbStore {
    durable: File,
    run: File,
}

/// A sandbox's row: it and its endpoints live and go together.
#[derive(Serialize, Deserialize)]
struct SandboxRow {
    sandbox: Sandbox,
    endpoints: Vec<Endpoint>,
}

impl RedbStore {
    /// The file in STATE_DIR.
    pub const DURABLE: &'static str = "state.redb";
    /// The file in RUN_DIR.
    pub const RUN: &'static str = "run.redb";

    /// Opens both files; what the run file holds of another boot is dropped.
    pub fn open(state_dir: &Path, run_dir: &Path, boot_id: &str) -> Result<Self, StoreError> {
        let durable = File::open(&state_dir.join(Self::DURABLE), None)?;
        let run = File::open(&run_dir.join(Self::RUN), Some(boot_id))?;
        Ok(Self { durable, run })
    }

    /// Sets files that cannot be read aside, as `NAME.damaged-N`, and opens the rest. Returns what was set aside.
    pub fn recover(
        state_dir: &Path,
        run_dir: &Path,
        boot_id: &str,
    ) -> Result<(Self, Vec<PathBuf>), StoreError> {
        let mut aside = Vec::new();
        loop {
            match Self::open(state_dir, run_dir, boot_id) {
                Ok(store) => return Ok((store, aside)),
                Err(StoreError::Damaged { path, .. } | StoreError::Format { path, .. })
                    if aside.len() < 2 =>
                {
                    aside.push(set_aside(&path)?);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn file(&mut self, durable: bool) -> &mut File {
        if durable { &mut self.durable } else { &mut self.run }
    }
}

impl Store for RedbStore {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        let mut state = State::default();
        for network in self.durable.rows::<Network>("network/")? {
            state.apply(&Change::AddNetwork(network));
        }
        for registration in self.durable.rows::<Registration>("record/")? {
            state.apply(&Change::Register(registration));
        }
        for SandboxRow { sandbox, endpoints } in self.run.rows("sandbox/")? {
            state.apply(&Change::AddSandbox(Box::new(sandbox), endpoints));
        }
        let mut pending = Vec::new();
        for durable in [true, false] {
            let changes = self.file(durable).pending()?;
            pending.extend(changes.into_iter().map(|(n, c)| (Ticket { durable, number: n }, c)));
        }
        Ok(Loaded { state, pending })
    }

    fn record(
        &mut self,
        change: &Change,
        before: &State,
        after: &State,
    ) -> Result<Ticket, StoreError> {
        let rows = rows_of(change, before, after);
        let durable = change.is_durable();
        let number = self.file(durable).record(change, &rows)?;
        Ok(Ticket { durable, number })
    }

    fn settle(&mut self, ticket: Ticket) -> Result<(), StoreError> {
        self.file(ticket.durable).settle(ticket.number)
    }

    fn renew(&mut self, state: &State) -> Result<(), StoreError> {
        let networks = state.networks.keys().map(|id| network_row(*id, state));
        let records = state.registrations.keys();
        let records =
            records.map(|(network, name, rr_type)| record_row(*network, name, *rr_type, state));
        self.durable.renew(&networks.chain(records).collect::<Vec<_>>())?;
        let sandboxes = state.sandboxes.keys().map(|id| sandbox_row(*id, state));
        self.run.renew(&sandboxes.collect::<Vec<_>>())
    }
}

fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let name = |number: u32| path.with_added_extension(format!("damaged-{number}"));
    let free = (1..).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(0));
    std::fs::rename(path, &free).map_err(|error| StoreError::Io {
        path: path.to_owned(),
        source: Box::new(::redb::Error::Io(error)),
    })?;
    Ok(free)
}

/// Returns the rows that a change touches, as they are after it.
fn rows_of(change: &Change, before: &State, after: &State) -> Vec<Row> {
    match change {
        Change::AddNetwork(network) => vec![network_row(network.id, after)],
        Change::RemoveNetwork(id) => {
            let records = before.registrations.keys().filter(|(network, ..)| *network == Some(*id));
            let records =
                records.map(|(network, name, rr_type)| record_row(*network, name, *rr_type, after));
            records.chain([network_row(*id, after)]).collect()
        }
        Change::AddSandbox(sandbox, _) => vec![sandbox_row(sandbox.id, after)],
        Change::EndSandbox { id, .. } | Change::RemoveSandbox(id) | Change::Rename { id, .. } => {
            vec![sandbox_row(*id, after)]
        }
        Change::AddEndpoint(endpoint) => vec![sandbox_row(endpoint.sandbox, after)],
        Change::RemoveEndpoint(id) | Change::SetAliases { endpoint: id, .. } => {
            let endpoint = before.endpoints.get(id);
            endpoint.map(|endpoint| sandbox_row(endpoint.sandbox, after)).into_iter().collect()
        }
        Change::Register(record) => {
            vec![record_row(record.network, &record.name, record.rr_type(), after)]
        }
        Change::Deregister { network, name, rr_type } => {
            vec![record_row(*network, name, *rr_type, after)]
        }
    }
}

fn network_row(id: NetworkId, after: &State) -> Row {
    (format!("network/{id}"), after.networks.get(&id).map(|network| to_json(network.as_ref())))
}

fn record_row(network: Option<NetworkId>, name: &DnsName, rr_type: RrType, after: &State) -> Row {
    let scope = network.map_or("*".to_owned(), |id| id.to_string());
    let found = after.registrations.get(&(network, name.clone(), rr_type));
    (format!("record/{scope}/{rr_type}/{name}"), found.map(|record| to_json(record.as_ref())))
}

fn sandbox_row(id: SandboxId, after: &State) -> Row {
    let row = after.sandboxes.get(&id).map(|sandbox| {
        let endpoints = after.endpoints.values().filter(|endpoint| endpoint.sandbox == id);
        to_json(&SandboxRow {
            sandbox: sandbox.as_ref().clone(),
            endpoints: endpoints.map(|endpoint| endpoint.as_ref().clone()).collect(),
        })
    });
    (format!("sandbox/{id}"), row)
}
