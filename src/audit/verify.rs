//! Whether the journal is whole: its chains by their hashes, and their old ends by the events that say what `keep` removed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::store::{Anchor, Chain, EventLog, Misfit, Search, StoreError};

/// Walks every chain, and says what does not fit in each.
pub async fn verify(log: &dyn EventLog, anchor: Option<Anchor>) -> Result<Vec<Chain>, StoreError> {
    let mut chains = log.verify(anchor).await?;
    let cuts = log.search(Search { kind: Some(CUT.to_owned()), ..Search::default() }).await?;
    let cuts: Vec<Cut> = cuts.iter().filter_map(|entry| serde_json::from_str(&entry.detail).ok()).collect();
    for chain in &mut chains {
        let is_meant = cuts.iter().any(|cut| cut.up_to.get(&chain.node).is_some_and(|last| *last >= chain.cut));
        if chain.misfit.is_none() && chain.cut > 0 && !is_meant {
            chain.misfit = Some(Misfit::NotCutByUs(chain.cut));
        }
    }
    Ok(chains)
}

/// Of [`super::What::JournalCut`].
#[derive(Deserialize)]
struct Cut {
    up_to: BTreeMap<String, u64>,
}

const CUT: &str = "journal-cut";
