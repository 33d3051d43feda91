//! The records of one type: the only place where a value gets its format byte and its seal, and where a record is changed by reading it,
//! deciding and writing it back if no other writer was faster.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Expect, Kind, Place, Put, Record, Records, StoreError, Stores};
use crate::base::{Keys, Time};

/// What the records of a kind hold.
pub trait Stored: Serialize + DeserializeOwned + Send + Sync {
    const KIND: Kind;

    /// Of the values that this version writes: their first byte.
    const FORMAT: u8;

    /// The formats that this version reads.
    const READS: &'static [u8] = &[Self::FORMAT];

    /// Whether the value is sealed, with the kind as its purpose and the record's id as its context.
    const SEALED: bool = true;

    /// JSON, unless the type has bytes of its own.
    fn write(&self, into: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(into, self)
    }

    /// `format` is one of [`Stored::READS`].
    fn read(_format: u8, bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}

/// A row as it was read, or is to be written.
#[derive(Clone, Debug)]
pub struct Versioned<R> {
    pub row: R,
    /// See [`Kind::owner`].
    pub owner: String,
    pub expires: Time,
    /// Zero: there is no such record yet.
    pub version: u64,
}

impl<R> Versioned<R> {
    /// A record that is not there yet.
    pub fn new(row: R, owner: impl Into<String>, expires: Time) -> Self {
        Self { row, owner: owner.into(), expires, version: 0 }
    }
}

/// What is to become of a record.
pub enum Step<R, T> {
    /// It is written, and `T` is the answer.
    Write(Versioned<R>, T),
    /// It stays as it is, and `T` is the answer.
    Leave(T),
}

/// A record is read again so often because of other writers. Each time one of them got on, and there are few.
const CONFLICTS: usize = 64;

/// The table of one type of rows. Cheap to clone.
///
/// A value of a format that this version does not know is an error ([`StoreError::Format`]): it was written by a newer version,
/// perhaps on a node that is running, so it admits nobody and is neither overwritten nor removed here. So is a value that does not
/// open.
pub struct Table<R> {
    records: Arc<dyn Records>,
    keys: Keys,
    rows: PhantomData<fn() -> R>,
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self { records: Arc::clone(&self.records), keys: self.keys.clone(), rows: PhantomData }
    }
}

impl<R: Stored> Table<R> {
    /// `keys` seal and open the values.
    pub fn new(stores: &Stores, keys: &Keys) -> Self {
        Self { records: Arc::clone(&stores.records), keys: keys.clone(), rows: PhantomData }
    }

    /// The row of this id.
    pub async fn find(&self, id: &str, now: Time) -> Result<Option<Versioned<R>>, StoreError> {
        let record = self.records.find(R::KIND, id, now).await?;
        record.map(|record| self.open(record)).transpose()
    }

    /// The row that a record of this kind holds.
    pub fn open(&self, record: Record) -> Result<Versioned<R>, StoreError> {
        let row = self.decoded(&record.id, &record.value)?;
        Ok(Versioned { row, owner: record.owner, expires: record.expires, version: record.version })
    }

    /// One write of it, for [`Records::put_all`]: it succeeds where the record still has this version.
    pub fn to_put<'a>(&self, id: &'a str, row: &'a Versioned<R>) -> Result<Put<'a>, StoreError> {
        let expect = if row.version == 0 { Expect::Absent } else { Expect::Version(row.version) };
        let place = Place { kind: R::KIND, owner: &row.owner, id };
        Ok(Put { place, value: self.encoded(id, &row.row)?, expires: row.expires, expect })
    }

    /// Writes it where the record still has this version; says whether it did.
    pub async fn put(&self, id: &str, row: &Versioned<R>, now: Time) -> Result<bool, StoreError> {
        self.records.put_if(self.to_put(id, row)?, now).await
    }

    /// Writes the same row under all of these ids or none, whatever is there.
    pub async fn overwrite(&self, ids: &[String], row: &Versioned<R>, now: Time) -> Result<(), StoreError> {
        for _ in 0..CONFLICTS {
            let mut versions = Vec::with_capacity(ids.len());
            for id in ids {
                versions.push(self.records.find(R::KIND, id, now).await?.map_or(0, |record| record.version));
            }
            let mut puts = Vec::with_capacity(ids.len());
            for (id, version) in ids.iter().zip(versions) {
                let expect = if version == 0 { Expect::Absent } else { Expect::Version(version) };
                puts.push(Put { expect, ..self.to_put(id, row)? });
            }
            if self.records.put_all(puts, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict(R::KIND))
    }

    /// Reads, decides and writes, again where another writer was faster; the decision's answer. It may be made several times, so it must
    /// have no other effect.
    pub async fn update<T>(
        &self,
        id: &str,
        now: Time,
        mut decide: impl FnMut(Option<Versioned<R>>) -> Step<R, T>,
    ) -> Result<T, StoreError> {
        for _ in 0..CONFLICTS {
            match decide(self.find(id, now).await?) {
                Step::Leave(answer) => return Ok(answer),
                Step::Write(row, answer) => {
                    if self.put(id, &row, now).await? {
                        return Ok(answer);
                    }
                }
            }
        }
        Err(StoreError::Conflict(R::KIND))
    }

    /// Says whether there was one.
    pub async fn remove(&self, id: &str, now: Time) -> Result<bool, StoreError> {
        self.records.remove(R::KIND, id, now).await
    }

    fn encoded(&self, id: &str, row: &R) -> Result<Vec<u8>, StoreError> {
        // Roomy, so that growing leaves no copies of secrets behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(4096));
        row.write(&mut plain).map_err(|error| StoreError::Failed(error.into()))?;
        let mut value = vec![R::FORMAT];
        if R::SEALED {
            value.extend_from_slice(&self.keys.seal(R::KIND.name(), id.as_bytes(), &plain));
        } else {
            value.extend_from_slice(&plain);
        }
        Ok(value)
    }

    fn decoded(&self, id: &str, value: &[u8]) -> Result<R, StoreError> {
        let (format, bytes) = value.split_first().map_or((0, value), |(format, bytes)| (*format, bytes));
        if !R::READS.contains(&format) {
            return Err(StoreError::Format { kind: R::KIND, format });
        }
        let malformed = |source| StoreError::Malformed { kind: R::KIND, id: id.to_owned(), source };
        if !R::SEALED {
            return R::read(format, bytes).map_err(malformed);
        }
        let plain = self.keys.open(R::KIND.name(), id.as_bytes(), bytes).map(Zeroizing::new);
        let plain = plain.ok_or_else(|| StoreError::Sealed { kind: R::KIND, id: id.to_owned() })?;
        R::read(format, &plain).map_err(malformed)
    }
}

#[cfg(test)]
mod tests;
