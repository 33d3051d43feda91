//! `[limits]`: how often, how many.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Country, Rate};
use crate::config::document::{Field, Section};

/// `[limits]`: attempts, messages and connections. Windows are rates like `"60/1m"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Passwords and codes posted. Default: 60 a minute; IPv6 by /64.
    pub attempts_per_address: Rate,
    /// Wrong passwords, by typed name and by account; then refused without asking the directory. Default: 5 in 15 minutes.
    pub failures_per_user: Rate,
    /// Wrong passcodes over all flows; then the factor pauses. Default: 10 in 15 minutes.
    pub wrong_factors_per_user: Rate,
    /// Messages to one person. Default: 20 an hour.
    pub messages_per_user: Rate,
    /// Messages to one number or mailbox. Default: 20 an hour.
    pub messages_per_number: Rate,
    /// Messages asked for from one address. Default: 200 an hour.
    pub messages_per_address: Rate,
    /// Messages to one range of numbers (the country code and the four digits after it). Default: 2,000 an hour.
    pub messages_per_prefix: Rate,
    /// Messages of this node in 24 hours. Default: 10,000.
    pub messages_per_day: u32,
    /// Where messages and calls may go; empty: everywhere.
    pub countries: Vec<Country>,
    /// Numbers that begin like this get neither. Default: none.
    pub refuse_prefixes: Vec<Arc<str>>,
    /// Connections open at once from one address. Default: 200.
    pub connections_per_address: u32,
}

const fn rate(count: u32, minutes: u64) -> Rate {
    Rate { count, window: Duration::from_secs(60 * minutes) }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts_per_address: rate(60, 1),
            failures_per_user: rate(5, 15),
            wrong_factors_per_user: rate(10, 15),
            messages_per_user: rate(20, 60),
            messages_per_number: rate(20, 60),
            messages_per_address: rate(200, 60),
            messages_per_prefix: rate(2000, 60),
            messages_per_day: 10_000,
            countries: Vec::new(),
            refuse_prefixes: Vec::new(),
            connections_per_address: 200,
        }
    }
}

impl Limits {
    pub(in crate::config) fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let rate = |key, default| section.or(key, default, Field::rate);
        let count = |key, default| section.or(key, default, |field: Field<'_>| field.number(1..=u32::MAX));
        let limits = Self {
            attempts_per_address: rate("attempts_per_address", default.attempts_per_address),
            failures_per_user: rate("failures_per_user", default.failures_per_user),
            wrong_factors_per_user: rate("wrong_factors_per_user", default.wrong_factors_per_user),
            messages_per_user: rate("messages_per_user", default.messages_per_user),
            messages_per_number: rate("messages_per_number", default.messages_per_number),
            messages_per_address: rate("messages_per_address", default.messages_per_address),
            messages_per_prefix: rate("messages_per_prefix", default.messages_per_prefix),
            messages_per_day: count("messages_per_day", default.messages_per_day),
            countries: section.or("countries", Vec::new(), |field| field.some(Field::country)),
            refuse_prefixes: section.or("refuse_prefixes", Vec::new(), |field| field.some(Field::number_prefix)),
            connections_per_address: count("connections_per_address", default.connections_per_address),
        };
        section.finish();
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{messages, parsed, with};

    fn limits(keys: &str) -> String {
        with("[[dispatch", &format!("[limits]\n{keys}\n[[dispatch"))
    }

    #[test]
    fn where_messages_may_go_is_read() {
        let keys = "messages_per_prefix = \"50/1h\"\ncountries = [\"DK\", \"SE\"]\nrefuse_prefixes = [\"+45900\"]";
        let read = parsed(&limits(keys)).unwrap().limits;
        assert_eq!(read.messages_per_prefix, rate(50, 60));
        assert_eq!(read.countries, ["DK", "SE"].map(|code| Country::named(code).unwrap()));
        assert_eq!(read.refuse_prefixes, [Arc::from("+45900")]);
        let default = parsed(&limits("")).unwrap().limits;
        assert_eq!((default.messages_per_prefix, default.countries.len(), default.refuse_prefixes.len()), (rate(2000, 60), 0, 0));
    }

    #[test]
    fn what_is_no_country_and_no_prefix_is_refused() {
        for (keys, words) in [
            ("countries = [\"Denmark\"]", "a country of ISO 3166"),
            ("countries = []", "must not be empty"),
            ("refuse_prefixes = [\"45900\"]", "the first digits of a phone number"),
            ("refuse_prefixes = [\"+0900\"]", "the first digits of a phone number"),
            ("refuse_prefixes = [\"+\"]", "the first digits of a phone number"),
            (
                "refuse_prefixes = [\"+490900\"]",
                "`refuse_prefixes`: +490900: no phone number begins so: what is dialled before it",
            ),
            ("refuse_prefixes = [\"+999\"]", "`refuse_prefixes`: +999: no phone number begins so"),
            ("messages_per_prefix = \"50\"", "a rate"),
        ] {
            let found = messages(&limits(keys));
            assert!(found.len() == 1 && found[0].contains(words), "{keys}: {found:?}");
        }
    }
}
