//! One redb file: rows of JSON, the pending changes, a format number and the boot it belongs to.

use super::StoreError;
use crate::model::Change;
use ::redb::backends::InMemoryBackend;
use ::redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend,
    StorageError, TableDefinition,
};
use serde::de::DeserializeOwned;
use std::fs;
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe};
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
    boot: Option<String>,
    /// None after a write that failed, until it is opened anew: before that redb refuses everything.
    database: Option<Database>,
    next: u64,
}

impl File {
    /// Opens or makes a file. What belongs to another boot is dropped, if a boot is given.
    pub fn open(path: &Path, boot: Option<&str>) -> Result<Self, StoreError> {
        let database = match read_whole(path)? {
            Some(bytes) => {
                examine(path, bytes)?;
                create(path)?
            }
            None => make(path)?,
        };
        let (path, boot) = (path.to_owned(), boot.map(str::to_owned));
        let mut file = Self { path, boot, database: Some(database), next: 1 };
        file.prepare()?;
        file.next = file.pending()?.last().map_or(1, |(number, _)| number + 1);
        Ok(file)
    }

    /// Makes the file anew with these rows, if it has been taken away.
    pub fn renew(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        if self.path.exists() {
            return Ok(());
        }
        self.database = Some(make(&self.path)?);
        self.prepare()?;
        self.write(|txn| put(txn, rows))
    }

    fn prepare(&mut self) -> Result<(), StoreError> {
        let known = self.meta("format")?;
        if let Some(found) = known.as_deref().and_then(|text| text.parse().ok())
            && found != FORMAT
        {
            return Err(StoreError::Format { path: self.path.clone(), found, known: FORMAT });
        }
        let boot = self.boot.clone();
        let same_boot = boot.is_none() || self.meta("boot_id")? == boot;
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
            meta.insert("boot_id", boot.as_deref().unwrap_or_default())?;
            Ok(())
        })
    }

    fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|txn| match txn.open_table(META) {
            Ok(table) => Ok(table.get(key)?.map(|value| value.value().to_owned())),
            Err(::redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    /// Reads all rows whose keys begin with a prefix.
    pub fn rows<T: DeserializeOwned>(&mut self, prefix: &str) -> Result<Vec<T>, StoreError> {
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
    pub fn pending(&mut self) -> Result<Vec<(u64, Change)>, StoreError> {
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
        // Of a write that fails nobody knows whether it will be read again: its number is not given twice.
        self.next += 1;
        let json = to_json(change);
        self.write(|txn| {
            txn.open_table(PENDING)?.insert(number, json.as_slice())?;
            put(txn, rows)
        })?;
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
        &mut self,
        work: impl FnOnce(&::redb::ReadTransaction) -> Result<T, ::redb::Error>,
    ) -> Result<T, StoreError> {
        let txn = self.database()?.begin_read().map_err(|error| self.failed(error))?;
        work(&txn).map_err(|error| damaged(&self.path, &error))
    }

    fn write(
        &mut self,
        work: impl FnOnce(&::redb::WriteTransaction) -> Result<(), ::redb::Error>,
    ) -> Result<(), StoreError> {
        let written = write_to(self.database()?, work);
        written.map_err(|error| {
            self.database = None;
            self.failed(error)
        })
    }

    fn database(&mut self) -> Result<&Database, StoreError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => create(&self.path)?,
        };
        Ok(self.database.insert(database))
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

fn put(txn: &::redb::WriteTransaction, rows: &[Row]) -> Result<(), ::redb::Error> {
    let mut table = txn.open_table(ROWS)?;
    for (key, value) in rows {
        match value {
            Some(json) => table.insert(key.as_str(), json.as_slice())?,
            None => table.remove(key.as_str())?,
        };
    }
    Ok(())
}

fn write_to(
    database: &Database,
    work: impl FnOnce(&::redb::WriteTransaction) -> Result<(), ::redb::Error>,
) -> Result<(), ::redb::Error> {
    let txn = database.begin_write()?;
    work(&txn)?;
    Ok(txn.commit()?)
}

/// Reads a file that no other process has open; none if there is none.
fn read_whole(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |error| unopened(path, DatabaseError::Storage(StorageError::Io(error)));
    let mut file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            return Err(unopened(path, DatabaseError::DatabaseAlreadyOpen));
        }
        Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Opens and checks a copy in memory: redb mends what it opens, and would take a torn file for a whole one at the
/// second attempt.
fn examine(path: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
    if bytes.is_empty() {
        return Err(damaged(path, &"it is empty"));
    }
    let copy = InMemoryBackend::new();
    let failed = |error| unopened(path, DatabaseError::Storage(StorageError::Io(error)));
    copy.set_len(bytes.len() as u64).and_then(|()| copy.write(0, &bytes)).map_err(failed)?;
    match quietly(|| Builder::new().create_with_backend(copy)?.check_integrity()) {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(damaged(path, &"its checksums are wrong")),
        Ok(Err(error)) => Err(damaged(path, &error)),
        Err(_) => Err(damaged(path, &"it cannot be parsed")),
    }
}

/// redb panics on some files that are not its own: such a file is damaged, and the process is not. The refusal says so, so
/// the panic need not.
fn quietly<T>(read: impl FnOnce() -> T) -> std::thread::Result<T> {
    let told = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(read));
    panic::set_hook(told);
    done
}

/// Makes a file under another name first: one that is there is whole.
fn make(path: &Path) -> Result<Database, StoreError> {
    let failed = |error| unopened(path, DatabaseError::Storage(StorageError::Io(error)));
    let new = path.with_added_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let database = create(&new)?;
    fs::rename(&new, path).map_err(failed)?;
    Ok(database)
}

fn create(path: &Path) -> Result<Database, StoreError> {
    Database::create(path).map_err(|error| unopened(path, error))
}

/// A file that the system would not open is not damaged; one that redb cannot make sense of is.
fn unopened(path: &Path, error: ::redb::DatabaseError) -> StoreError {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        // Somebody else's it is then.
        DatabaseError::DatabaseAlreadyOpen => {
            StoreError::Io { path: path.to_owned(), source: Box::new(error.into()) }
        }
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
