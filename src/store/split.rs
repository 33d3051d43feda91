//! Two stores as one: what lasts in the first, what is short-lived in the second.

use std::sync::Arc;
use std::time::Duration;

use super::{Class, Counted, Counter, Counters, Kind, Place, Put, Record, Records, StoreError, StoreFuture, Taken};
use crate::base::{Time, UserId};

/// Routes by class. Queue and feed hold what lasts, so they are the first store's own.
pub(super) struct Split<Lasting, Short> {
    pub lasting: Arc<Lasting>,
    pub short: Arc<Short>,
}

impl<Lasting: Records, Short: Records> Split<Lasting, Short> {
    fn records(&self, class: Class) -> &dyn Records {
        match class {
            Class::Lasting => &*self.lasting,
            Class::Short => &*self.short,
        }
    }
}

impl<Lasting: Counters, Short: Counters> Split<Lasting, Short> {
    fn counters(&self, counter: Counter) -> &dyn Counters {
        match counter.class() {
            Class::Lasting => &*self.lasting,
            Class::Short => &*self.short,
        }
    }
}

impl<Lasting: Records, Short: Records> Records for Split<Lasting, Short> {
    fn find<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, Option<Record>> {
        self.records(kind.class()).find(kind, id, now)
    }

    fn put_all<'a>(&'a self, puts: Vec<Put<'a>>, now: Time) -> StoreFuture<'a, bool> {
        let class = puts.first().map_or(Class::Lasting, |put| put.place.kind.class());
        if puts.iter().any(|put| put.place.kind.class() != class) {
            return Box::pin(async { Err(StoreError::Parted) });
        }
        self.records(class).put_all(puts, now)
    }

    fn remove<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        self.records(kind.class()).remove(kind, id, now)
    }

    fn by_owner<'a>(&'a self, kind: Kind, owner: &'a str, now: Time) -> StoreFuture<'a, Vec<Record>> {
        self.records(kind.class()).by_owner(kind, owner, now)
    }

    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64> {
        Box::pin(async { Ok(self.lasting.erase(user).await? + self.short.erase(user).await?) })
    }

    fn sweep(&self, now: Time) -> StoreFuture<'_, u64> {
        Box::pin(async move { Ok(self.lasting.sweep(now).await? + self.short.sweep(now).await?) })
    }
}

impl<Lasting: Counters, Short: Counters> Counters for Split<Lasting, Short> {
    fn take<'a>(&'a self, place: Place<'a, Counter>, limit: u32, window: Duration, now: Time) -> StoreFuture<'a, Taken> {
        self.counters(place.kind).take(place, limit, window, now)
    }

    fn give_back<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, ()> {
        self.counters(counter).give_back(counter, id, now)
    }

    fn starting<'a>(&'a self, counter: Counter, beginning: &'a str, now: Time) -> StoreFuture<'a, Vec<Counted>> {
        self.counters(counter).starting(counter, beginning, now)
    }

    fn remove<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        self.counters(counter).remove(counter, id, now)
    }

    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64> {
        Box::pin(async { Ok(self.lasting.erase(user).await? + self.short.erase(user).await?) })
    }

    fn sweep(&self, now: Time) -> StoreFuture<'_, u64> {
        Box::pin(async move { Ok(self.lasting.sweep(now).await? + self.short.sweep(now).await?) })
    }
}
