//! What the journal's own check says, in short.

use doorward::store::EventLog;

/// How many entries there are in all chains, or the number of the first that does not fit.
pub async fn whole(log: &dyn EventLog) -> Result<u64, u64> {
    let chains = log.verify(None).await.unwrap();
    match chains.iter().find_map(|chain| chain.misfit) {
        Some(misfit) => Err(misfit.seq()),
        None => Ok(chains.iter().map(|chain| chain.length).sum()),
    }
}
