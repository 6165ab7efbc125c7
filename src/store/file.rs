//! One redb file: rows of JSON, the pending changes, a format number and the boot it belongs to.

use super::StoreError;
use crate::model::Change;
use ::redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const FORMAT: u64 = 1;
const META: TableDefinition<&str, &str> = TableDefinition::new("meta");
const ROWS: TableDefinition<&str, &[u8]> = TableDefinition::new("rows");
const PENDING: TableDefinition<u64, &[u8]> = TableDefinition::new("pending");

/// A row's key and, unless it goes, its JSON.
pub type Row = (String, Option<Vec<u8>>);

/// An open file.
pub struct File {
    path: PathBuf,
    database: Database,
    next: u64,
}

impl File {
    /// Opens or makes a file. What belongs to another boot is dropped, if a boot is given.
    pub fn open(path: &Path, boot: Option<&str>) -> Result<Self, StoreError> {
        // redb panics on some files that are not its own; such a file is damaged, and the process is not.
        let opened = catch_unwind(AssertUnwindSafe(|| Database::create(path)));
        let database = match opened {
            Ok(Ok(database)) => database,
            Ok(Err(error)) => return Err(unopened(path, error)),
            Err(_) => return Err(damaged(path, &"it cannot be parsed")),
        };
        let mut file = Self { path: path.to_owned(), database, next: 1 };
        file.prepare(boot)?;
        file.next = file.pending()?.last().map_or(1, |(number, _)| number + 1);
        Ok(file)
    }

    fn prepare(&self, boot: Option<&str>) -> Result<(), StoreError> {
        let known = self.meta("format")?;
        if let Some(found) = known.as_deref().and_then(|text| text.parse().ok())
            && found != FORMAT
        {
            return Err(StoreError::Format { path: self.path.clone(), found, known: FORMAT });
        }
        let same_boot = boot.is_none() || self.meta("boot_id")?.as_deref() == boot;
        if known.is_some() && same_boot {
            return Ok(());
        }
        self.write(|txn| {
            txn.delete_table(ROWS)?;
            txn.delete_table(PENDING)?;
            txn.open_table(ROWS)?;
            txn.open_table(PENDING)?;
            let mut meta = txn.open_table(META)?;
            meta.insert("format", FORMAT.to_string().as_str())?;
            meta.insert("boot_id", boot.unwrap_or_default())?;
            Ok(())
        })
    }

    fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|txn| match txn.open_table(META) {
            Ok(table) => Ok(table.get(key)?.map(|value| value.value().to_owned())),
            Err(::redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    /// Reads all rows whose keys begin with a prefix.
    pub fn rows<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, StoreError> {
        let bytes: Vec<Vec<u8>> = self.read(|txn| {
            let table = txn.open_table(ROWS)?;
            let rows = table.range(prefix..)?;
            let mut found = Vec::new();
            for row in rows {
                let (key, value) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                found.push(value.value().to_vec());
            }
            Ok(found)
        })?;
        bytes.iter().map(|json| self.parse(json)).collect()
    }

    /// Reads the pending changes, oldest first.
    pub fn pending(&self) -> Result<Vec<(u64, Change)>, StoreError> {
        let rows: Vec<(u64, Vec<u8>)> = self.read(|txn| {
            let table = txn.open_table(PENDING)?;
            let rows = table.iter()?;
            rows.map(|row| row.map(|(key, value)| (key.value(), value.value().to_vec())))
                .collect::<Result<_, _>>()
                .map_err(Into::into)
        })?;
        rows.iter().map(|(number, json)| Ok((*number, self.parse(json)?))).collect()
    }

    /// Writes rows and the change they come from, pending, in one transaction; returns its number.
    pub fn record(&mut self, change: &Change, rows: &[Row]) -> Result<u64, StoreError> {
        let number = self.next;
        let json = to_json(change);
        self.write(|txn| {
            txn.open_table(PENDING)?.insert(number, json.as_slice())?;
            let mut table = txn.open_table(ROWS)?;
            for (key, value) in rows {
                match value {
                    Some(json) => table.insert(key.as_str(), json.as_slice())?,
                    None => table.remove(key.as_str())?,
                };
            }
            Ok(())
        })?;
        self.next += 1;
        Ok(number)
    }

    /// Forgets that a change is pending.
    pub fn settle(&mut self, number: u64) -> Result<(), StoreError> {
        self.write(|txn| {
            txn.open_table(PENDING)?.remove(number)?;
            Ok(())
        })
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&::redb::ReadTransaction) -> Result<T, ::redb::Error>,
    ) -> Result<T, StoreError> {
        let txn = self.database.begin_read().map_err(|error| self.failed(error))?;
        work(&txn).map_err(|error| damaged(&self.path, &error))
    }

    fn write(
        &self,
        work: impl FnOnce(&::redb::WriteTransaction) -> Result<(), ::redb::Error>,
    ) -> Result<(), StoreError> {
        let txn = self.database.begin_write().map_err(|error| self.failed(error))?;
        work(&txn).map_err(|error| self.failed(error))?;
        txn.commit().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: impl Into<::redb::Error>) -> StoreError {
        StoreError::Io { path: self.path.clone(), source: Box::new(error.into()) }
    }

    fn parse<T: DeserializeOwned>(&self, json: &[u8]) -> Result<T, StoreError> {
        serde_json::from_slice(json).map_err(|error| damaged(&self.path, &error))
    }
}

/// Writes a noun as JSON; the model's types all can.
pub fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("the model has string keys and no failing serializer")
}

/// A file that the system would not open is not damaged; one that redb cannot make sense of is.
fn unopened(path: &Path, error: ::redb::DatabaseError) -> StoreError {
    use ::redb::{DatabaseError, StorageError};
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        DatabaseError::Storage(StorageError::Io(source))
            if !matches!(source.kind(), InvalidData | UnexpectedEof) =>
        {
            StoreError::Io { path: path.to_owned(), source: Box::new(::redb::Error::Io(source)) }
        }
        error => damaged(path, &error),
    }
}

fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}
