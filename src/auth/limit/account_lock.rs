//! A request that changes an account's count waits for those before it. By compare-and-set alone a slower one loses to the others again
//! and again, and in the end gives up: a right password would be refused because many arrive at once.
//!
//! Other nodes on the same store do not wait here: between nodes compare-and-set decides.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use tokio::sync::{Mutex, MutexGuard};

/// Accounts that meet in a line wait for each other too: that costs a moment, and no client can choose it.
static LINES: [Mutex<()>; 64] = [const { Mutex::const_new(()) }; 64];
static SPREAD: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Waits for this account's turn, first come, first served; it is over when the guard is dropped. Not to be asked for twice at a time.
pub(in crate::auth) async fn turn(user: &str) -> Option<MutexGuard<'static, ()>> {
    let line = usize::try_from(SPREAD.hash_one(user) % LINES.len() as u64).ok()?;
    Some(LINES.get(line)?.lock().await)
}
