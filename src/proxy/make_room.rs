//! Places for those who need them more: where requests wait for a place at an application, exchanges that hold one while their client
//! does nothing lose it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::exchanges::Running;
use super::seats::Rank;
use super::servers::Servers;
use crate::base::Time;

/// Ends exchanges of this core at these servers if others wait. The clients that hold the most go first, and of their exchanges those that
/// have stood still for longest. To be called after each sweep.
pub(super) fn make_room(running: &Running, servers: &Arc<Servers>, now: Time) {
    let Some(seats) = servers.seats.as_ref().filter(|seats| seats.waiting() > 0) else { return };
    let Some((urgent, share)) = seats.most_urgent(servers.capacity()) else { return };
    let mut idle = running.found(|exchange| {
        let (holder, span) = exchange.standstill(now).filter(|(holder, _)| holder.belongs_to(servers))?;
        let rank = holder.rank();
        (span >= patience(rank, urgent, share)?).then(|| ((rank, span), Arc::clone(holder)))
    });
    idle.sort_by_key(|((order, _), _)| Reverse(*order));
    for ((_, holder), exchange) in idle.iter().take(seats.waiting() as usize) {
        // One by one, as each changes what its client holds.
        if patience(holder.rank(), urgent, share).is_some() {
            exchange.make_room();
        }
    }
}

/// How long a client may do nothing while a client of rank `waiting` waits; nothing if that one does not need the place more. `share` is
/// what each client would have if all had the same.
fn patience(holder: Rank, waiting: Rank, share: u32) -> Option<Duration> {
    let has_more = holder.held > share.max(1) && holder.held > waiting.held + 1;
    match (holder.is_stranger, waiting.is_stranger) {
        (false, true) => None,
        (true, false) => Some(SHORT),
        _ if has_more => Some(SHORT),
        _ => (holder.held > waiting.held).then_some(LONG),
    }
}

/// A slow line takes something at least every few seconds, once what the kernel holds of an answer has filled.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_more_than_others_may_stand_still_for_less_and_strangers_never_push_out_the_signed_in() {
        // Who holds (a stranger, how many), who waits, the share of each; how many seconds.
        let table = [
            ((true, 1), (false, 0), 10, Some(3)),
            ((true, 1), (false, 50), 10, Some(3)),
            ((false, 90), (true, 0), 10, None),
            ((false, 90), (false, 0), 10, Some(3)),
            ((false, 10), (false, 0), 10, Some(60)),
            ((true, 1), (true, 0), 1, Some(60)),
            ((true, 1), (true, 1), 1, None),
            ((true, 90), (true, 90), 10, None),
        ];
        for ((is_stranger, held), (waits_stranger, waits_held), share, expected) in table {
            let holder = Rank { is_stranger, held };
            let waiting = Rank { is_stranger: waits_stranger, held: waits_held };
            let expected = expected.map(Duration::from_secs);
            assert_eq!(patience(holder, waiting, share), expected, "{holder:?} {waiting:?}");
        }
    }
}
