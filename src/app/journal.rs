//! The journal of a node that does not run, read from its file. Nothing is changed there, so this look is in no journal.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use super::keys;
use crate::audit;
use crate::auth::JournalQuery;
use crate::base::{Keys, TraceId};
use crate::config;
use crate::store::sqlite::Sqlite;
use crate::store::{Anchor, Chain, Entry, EventLog, Link, Search};

/// The file, open.
pub struct StoppedJournal {
    store: Sqlite,
    keys: Option<Keys>,
    runtime: Runtime,
}

impl StoppedJournal {
    /// Of the node of this configuration, whose state folder this is. Nothing where no node has run there yet.
    pub fn open(file: &Path, state_dir: &Path) -> Result<Option<Self>> {
        let path = state_dir.join("doorward.db");
        if !path.exists() {
            return Ok(None);
        }
        let store = Sqlite::open_to_read(&path).with_context(|| format!("the journal in {}", path.display()))?;
        // A file with mistakes, or without its secrets: then names that were never looked up are not found.
        let configured = config::load(file).ok().and_then(|config| config.keys);
        let keys = keys::there(configured.as_deref(), state_dir);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Some(Self { store, keys, runtime }))
    }

    /// Gives what matches to `take`, page by page, until it returns an error.
    pub fn read(&self, query: &JournalQuery, mut take: impl FnMut(Vec<Link>) -> std::io::Result<()>) -> Result<()> {
        self.runtime.block_on(async {
            let search = query.search(&self.store, self.keys.as_ref(), None).await?;
            let mut mark = 0;
            loop {
                let page = self.store.page(search.clone(), mark).await?;
                mark = page.mark;
                take(page.entries)?;
                if page.is_end {
                    return Ok(());
                }
            }
        })
    }

    /// The events of one trace id.
    pub fn trace(&self, trace: TraceId) -> Result<Vec<Entry>> {
        Ok(self.runtime.block_on(self.store.search(Search { trace: Some(trace), ..Search::default() }))?)
    }

    /// Whether the chains are whole.
    pub fn verify(&self, anchor: Option<Anchor>) -> Result<Vec<Chain>> {
        Ok(self.runtime.block_on(audit::verify(&self.store, anchor))?)
    }
}
