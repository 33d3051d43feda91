//! Which connections get a place: so many in all, so many from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::net::counted;

/// Connections of one listener that were dropped since the start, by the cap that they met.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub in_all: AtomicU64,
    pub per_address: AtomicU64,
    /// The core that was to serve it had too many waiting.
    pub core_queue: AtomicU64,
}

/// Counts open connections, over all cores. Asked once per connection, never per request.
#[derive(Debug)]
pub(super) struct Places {
    total: AtomicUsize,
    most: usize,
    /// Changed by a reload.
    most_per_address: AtomicU32,
    /// Bounded by `most`: an address is in here only while it has a connection.
    by_address: Mutex<HashMap<IpAddr, u32>>,
}

impl Places {
    pub fn new(most: usize, most_per_address: u32) -> Arc<Self> {
        Arc::new(Self {
            total: AtomicUsize::new(0),
            most,
            most_per_address: most_per_address.into(),
            by_address: Mutex::default(),
        })
    }

    pub fn set_most_per_address(&self, most: u32) {
        self.most_per_address.store(most, Ordering::Relaxed);
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// A place for a connection from this address, or nothing if all are taken: then the socket is dropped. From nothing (a trusted
    /// proxy, through whom many come) only the number in all counts.
    pub fn take(self: &Arc<Self>, from: Option<IpAddr>, core: &Arc<AtomicUsize>, refused: &Arc<Refused>) -> Option<Place> {
        if self.total.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.total.fetch_sub(1, Ordering::Relaxed);
            refused.in_all.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        core.fetch_add(1, Ordering::Relaxed);
        let place = Place { places: Arc::clone(self), address: None, core: Arc::clone(core), refused: Arc::clone(refused) };
        match from {
            Some(address) => place.of(address),
            None => Some(place),
        }
    }

    fn count(&self, address: IpAddr) -> bool {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_insert(0);
        let fits = *count < self.most_per_address.load(Ordering::Relaxed);
        if fits {
            *count += 1;
        } else if *count == 0 {
            by_address.remove(&address);
        }
        fits
    }
}

/// One connection's place; given back when dropped. Lives inside the connection's socket, so that a tunnel keeps it too.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// Which address it counts for.
    address: Option<IpAddr>,
    core: Arc<AtomicUsize>,
    /// Its listener's counts.
    refused: Arc<Refused>,
}

impl Place {
    /// The same place, now that its client is known; nothing if the client has as many as it may. Asked once for a place.
    pub fn of(mut self, client: IpAddr) -> Option<Self> {
        let address = counted(client);
        if !self.places.count(address) {
            self.refused.per_address.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.address = Some(address);
        Some(self)
    }

    /// The core that was to serve it cannot take it.
    pub fn dropped_by_core(&self) {
        self.refused.core_queue.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut by_address = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = by_address.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    by_address.remove(&address);
                }
            }
        }
        self.places.total.fetch_sub(1, Ordering::Relaxed);
        self.core.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_so_many_places_and_gets_them_back() {
        let core = Arc::new(AtomicUsize::new(0));
        let (places, refused) = (Places::new(3, 2), Arc::<Refused>::default());
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let same_customer: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        let first = places.take(Some(one), &core, &refused).unwrap();
        let _second = places.take(Some(same_customer), &core, &refused).unwrap();
        assert!(places.take(Some(one), &core, &refused).is_none(), "two from this /64 already");
        let _third = places.take(Some(other), &core, &refused).unwrap();
        drop(first);
        let _again = places.take(Some(one), &core, &refused).unwrap();
        assert!(places.take("192.0.2.2".parse().ok(), &core, &refused).is_none(), "three in all");
        assert_eq!(core.load(Ordering::Relaxed), 3);
        assert_eq!((refused.in_all.load(Ordering::Relaxed), refused.per_address.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn a_proxy_is_not_limited_by_its_own_address_but_its_clients_are() {
        let core = Arc::new(AtomicUsize::new(0));
        let (places, refused) = (Places::new(4, 1), Arc::<Refused>::default());
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let first = places.take(None, &core, &refused).unwrap().of(client).unwrap();
        assert!(places.take(None, &core, &refused).unwrap().of(client).is_none(), "the client has its one");
        assert_eq!(core.load(Ordering::Relaxed), 1, "and nothing is kept of the second");
        drop(first);
        let _again = places.take(None, &core, &refused).unwrap().of(client).unwrap();
        let _others: Vec<_> = (0..3).map(|_| places.take(None, &core, &refused).unwrap()).collect();
        assert!(places.take(None, &core, &refused).is_none(), "four in all");
    }
}
