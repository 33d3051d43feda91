//! How often one address may try: every password and passcode that is posted counts. In memory, on our own clock, before
//! anything is looked up. A browser in which the named user has signed in before has a bucket of its own, so that an office
//! behind one address and an owner under attack both get in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::base::{Clock, Rate, net};

/// What an attempt is counted against.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Bucket {
    Address(IpAddr),
    /// A known browser's own id.
    Browser(Arc<str>),
}

impl Bucket {
    /// An IPv4 address, or the /64 of an IPv6 one.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(net::counted(address))
    }
}

/// Attempts by bucket.
pub struct Attempts {
    limiter: RateLimiter<Bucket, HashMapStateStore<Bucket>, OurClock, NoOpMiddleware<Nanos>>,
}

/// So many different buckets are remembered. When it is full even after those that are fresh again are dropped, new ones are
/// refused: a flood from everywhere finds a closed door, who is known or has a bucket already gets on.
const MOST_BUCKETS: usize = 200_000;

impl Attempts {
    /// Each bucket holds `rate.count` and fills again evenly over `rate.window`.
    pub fn new(rate: Rate, clock: Clock) -> Self {
        let burst = NonZeroU32::new(rate.count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(rate.window / burst.get()).unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst);
        Self { limiter: RateLimiter::new(quota, HashMapStateStore::default(), OurClock(clock)) }
    }

    /// Takes one attempt; false where there is none left now.
    pub fn take(&self, bucket: &Bucket) -> bool {
        if self.limiter.len() >= MOST_BUCKETS {
            self.forget_fresh();
            if self.limiter.len() >= MOST_BUCKETS {
                return false;
            }
        }
        self.limiter.check_key(bucket).is_ok()
    }

    /// Drops what is as good as new; called now and then.
    pub fn forget_fresh(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[derive(Clone)]
struct OurClock(Clock);

impl GovernorClock for OurClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.now().millis().saturating_mul(1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_address_has_its_attempts_and_gets_them_back() {
        let clock = Clock::by_hand();
        let attempts = Attempts::new(Rate { count: 3, window: Duration::from_secs(60) }, clock.clone());
        let here = Bucket::address("192.0.2.1".parse().unwrap());
        assert!((0..3).all(|_| attempts.take(&here)));
        assert!(!attempts.take(&here));
        assert!(attempts.take(&Bucket::address("192.0.2.2".parse().unwrap())));
        assert!(attempts.take(&Bucket::Browser("b".into())));
        clock.advance(Duration::from_secs(21));
        assert!(attempts.take(&here));
        assert!(!attempts.take(&here));
    }

    #[test]
    fn one_ipv6_customer_is_one_address() {
        let attempts = Attempts::new(Rate { count: 1, window: Duration::from_secs(60) }, Clock::by_hand());
        assert!(attempts.take(&Bucket::address("2001:db8::1".parse().unwrap())));
        assert!(!attempts.take(&Bucket::address("2001:db8::2".parse().unwrap())));
    }
}
