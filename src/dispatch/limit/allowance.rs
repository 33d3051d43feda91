//! How many messages one person, one number and this node may have: against bills, and against pestering somebody.

use std::time::Duration;

use crate::base::{Keys, Time, UserId, country};
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
        let counter = match self {
            Self::User => USER,
            Self::Number => NUMBER,
            Self::Prefix => PREFIX,
            Self::Day => DAY,
        };
        counter.name()
    }
}

pub(in crate::dispatch) struct Allowances {
    pub stores: Stores,
    pub keys: Keys,
    pub limits: Limits,
    pub node: String,
}

/// Ok: it was taken. The inner error is a no.
pub(in crate::dispatch) type Answer<T> = Result<Result<T, MessageLimit>, StoreError>;

impl Allowances {
    /// Takes one message of the person, of this node's day, and of the first address of `routes` that has one left; that
    /// address is returned. After a no nothing stays taken.
    pub async fn take<'a>(&self, user: &UserId, routes: &'a [Route], now: Time) -> Answer<&'a str> {
        let person = self.limits.messages_per_user;
        if !self.one(USER, user.as_str(), person.count, person.window, now).await? {
            return Ok(Err(MessageLimit::User));
        }
        if !self.one(DAY, &self.node, self.limits.messages_per_day, ONE_DAY, now).await? {
            self.stores.counters.give_back(USER, user.as_str(), now).await?;
            return Ok(Err(MessageLimit::Day));
        }
        let mut reached = MessageLimit::Number;
        for (place, route) in routes.iter().enumerate() {
            if routes.iter().take(place).any(|earlier| earlier.to == route.to) {
                continue;
            }
            match self.address(&route.to, now).await? {
                Ok(()) => return Ok(Ok(&route.to)),
                Err(limit) => reached = limit,
            }
        }
        self.stores.counters.give_back(USER, user.as_str(), now).await?;
        self.stores.counters.give_back(DAY, &self.node, now).await?;
        Ok(Err(reached))
    }

    /// Takes one message of a number or mailbox, and of the range that a number is in.
    pub async fn address(&self, to: &str, now: Time) -> Answer<()> {
        let address = self.limits.messages_per_number;
        if !self.one(NUMBER, &self.address_id(to), address.count, address.window, now).await? {
            return Ok(Err(MessageLimit::Number));
        }
        let range = self.limits.messages_per_prefix;
        if let Some(id) = self.range_id(to)
            && !self.one(PREFIX, &id, range.count, range.window, now).await?
        {
            self.stores.counters.give_back(NUMBER, &self.address_id(to), now).await?;
            return Ok(Err(MessageLimit::Prefix));
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

    async fn one(&self, kind: Counter, id: &str, limit: u32, window: Duration, now: Time) -> Result<bool, StoreError> {
        let taken = self.stores.counters.take(Place { kind, owner: "", id }, limit, window, now).await?;
        Ok(matches!(taken, Taken::Yes { .. }))
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
