//! How many messages one person, one number and this node may have: against bills, and against pestering somebody.

use std::time::Duration;

use crate::base::{Keys, Rate, Time, UserId, country};
use crate::config::Limits;
use crate::dispatch::routing::Route;
use crate::store::{Counter, Place, StoreError, Stores, Taken};

const USER: Counter = Counter::MessagesOfUser;
const NUMBER: Counter = Counter::MessagesOfNumber;
const PREFIX: Counter = Counter::MessagesOfPrefix;
const DAY: Counter = Counter::MessagesOfDay;
const ONE_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Which limit was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageLimit {
    User,
    Number,
    /// The range that the number is in.
    Prefix,
    Day,
}

impl MessageLimit {
    /// The reason in the journal: the counter's name.
    pub const fn name(self) -> &'static str {
        self.counter().name()
    }

    const fn counter(self) -> Counter {
        match self {
            Self::User => USER,
            Self::Number => NUMBER,
            Self::Prefix => PREFIX,
            Self::Day => DAY,
        }
    }
}

pub(in crate::dispatch) struct Allowances {
    pub stores: Stores,
    pub keys: Keys,
    pub limits: Limits,
    pub node: String,
}

/// A limit that was reached, and until when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    pub limit: MessageLimit,
    pub until: Time,
}

/// Ok: it was taken. The inner error is a no.
pub(in crate::dispatch) type Answer<T> = Result<Result<T, Reached>, StoreError>;

impl Allowances {
    /// Takes one message of the person, of this node's day, and of the first address of `routes` that has one left; that
    /// address is returned. After a no nothing stays taken.
    pub async fn take<'a>(&self, user: &UserId, routes: &'a [Route], now: Time) -> Answer<&'a str> {
        let person = self.limits.messages_per_user;
        if let Some(reached) = self.one(MessageLimit::User, user.as_str(), person, now).await? {
            return Ok(Err(reached));
        }
        let day = Rate { count: self.limits.messages_per_day, window: ONE_DAY };
        if let Some(reached) = self.one(MessageLimit::Day, &self.node, day, now).await? {
            self.stores.counters.give_back(USER, user.as_str(), now).await?;
            return Ok(Err(reached));
        }
        // The first address that has room again is the one to wait for.
        let mut soonest: Option<Reached> = None;
        for (place, route) in routes.iter().enumerate() {
            if routes.iter().take(place).any(|earlier| earlier.to == route.to) {
                continue;
            }
            match self.address(&route.to, now).await? {
                Ok(()) => return Ok(Ok(&route.to)),
                Err(reached) => soonest = Some(soonest.filter(|known| known.until <= reached.until).unwrap_or(reached)),
            }
        }
        self.stores.counters.give_back(USER, user.as_str(), now).await?;
        self.stores.counters.give_back(DAY, &self.node, now).await?;
        Ok(Err(soonest.unwrap_or(Reached { limit: MessageLimit::Number, until: now })))
    }

    /// Takes one message of a number or mailbox, and of the range that a number is in.
    pub async fn address(&self, to: &str, now: Time) -> Answer<()> {
        let address = self.limits.messages_per_number;
        if let Some(reached) = self.one(MessageLimit::Number, &self.address_id(to), address, now).await? {
            return Ok(Err(reached));
        }
        let range = self.limits.messages_per_prefix;
        if let Some(id) = self.range_id(to)
            && let Some(reached) = self.one(MessageLimit::Prefix, &id, range, now).await?
        {
            self.stores.counters.give_back(NUMBER, &self.address_id(to), now).await?;
            return Ok(Err(reached));
        }
        Ok(Ok(()))
    }

    /// Undoes a taking that came to nothing.
    pub async fn give_back(&self, user: &UserId, to: &str, now: Time) -> Result<(), StoreError> {
        self.stores.counters.give_back(USER, user.as_str(), now).await?;
        self.stores.counters.give_back(DAY, &self.node, now).await?;
        if let Some(id) = self.range_id(to) {
            self.stores.counters.give_back(PREFIX, &id, now).await?;
        }
        self.stores.counters.give_back(NUMBER, &self.address_id(to), now).await
    }

    async fn one(&self, limit: MessageLimit, id: &str, rate: Rate, now: Time) -> Result<Option<Reached>, StoreError> {
        let place = Place { kind: limit.counter(), owner: "", id };
        Ok(match self.stores.counters.take(place, rate.count, rate.window, now).await? {
            Taken::Yes { .. } => None,
            Taken::No { until } => Some(Reached { limit, until }),
        })
    }

    /// Mailboxes and topics are in none.
    fn range_id(&self, to: &str) -> Option<String> {
        let range = country::range(to);
        to.starts_with('+').then(|| data_encoding::HEXLOWER.encode(&self.keys.mac(PREFIX.name(), range.as_bytes())))
    }

    /// A copy of the store tells no numbers. Mailboxes count in one case.
    fn address_id(&self, to: &str) -> String {
        data_encoding::HEXLOWER.encode(&self.keys.mac(NUMBER.name(), to.to_lowercase().as_bytes()))
    }
}
