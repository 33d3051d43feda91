//! `[[dispatch_policy]]`: which channel, to which address, through which transmitters.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Channel, Country};
use crate::config::document::{Field, Kind, Section, Use};

/// `[[dispatch_policy]]`: rules in order, by which a message is sent until one of them delivers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DispatchPolicy {
    pub name: Arc<str>,
    /// Tried in order; at least one.
    pub rules: Vec<Rule>,
}

/// One rule: by which channel, to which address, through which transmitters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub channel: Channel,
    pub to: AddressKind,
    /// Names of transmitters or groups, tried in order. Each exists and serves the channel.
    pub through: Vec<Arc<str>>,
    /// Only for phone numbers of these countries; empty: of all.
    pub to_country: Vec<Country>,
    /// Not for phone numbers of these countries.
    pub to_country_not: Vec<Country>,
    /// How long one hand-over may take before the next entry is tried, and after it the delivery before the next rule. Default: 30 s.
    pub wait: Duration,
}

/// Which of a user's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressKind {
    Mobile,
    SecondMobile,
    Mail,
    Push,
}

const SECOND: Duration = Duration::from_secs(1);

impl DispatchPolicy {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.name(Kind::DispatchPolicy);
        let rules = section.required("rules").and_then(|list| list.some(|entry| entry.section().and_then(Rule::read)));
        section.finish();
        Some(Self { name: name?, rules: rules? })
    }
}

impl Rule {
    fn read(section: Section<'_>) -> Option<Self> {
        let channels = [Channel::Sms, Channel::Voice, Channel::Mail, Channel::Push].map(|channel| (channel.name(), channel));
        let channel = section.required("channel").and_then(|field| field.choice(&channels, &[]));
        let kinds = [AddressKind::Mobile, AddressKind::SecondMobile, AddressKind::Mail, AddressKind::Push];
        let kinds = kinds.map(|kind| (kind.name(), kind));
        let to_field = section.required("to");
        let to = to_field.and_then(|field| field.choice(&kinds, &[]));
        if let (Some(channel), Some(to), Some(field)) = (channel, to, to_field)
            && !to.fits(channel)
        {
            field.problem(format!("a message by {} cannot go to `{}`", channel.name(), to.name()));
        }
        let through = section.required("through").and_then(|list| list.some(|entry| route(entry, channel)));
        let wait = section.or("wait", 30 * SECOND, |field| field.duration(SECOND..=600 * SECOND));
        let [to_country, to_country_not] = ["to_country", "to_country_not"].map(|key| {
            let field = section.optional(key);
            if let (Some(field), Some(channel @ (Channel::Mail | Channel::Push))) = (field, channel) {
                field.problem(format!("`{key}` matches phone numbers, but messages by {} have none", channel.name()));
            }
            field.and_then(|field| field.some(Field::country)).unwrap_or_default()
        });
        section.finish();
        Some(Self { to_country, to_country_not, channel: channel?, to: to?, through: through?, wait })
    }
}

impl AddressKind {
    fn fits(self, channel: Channel) -> bool {
        match self {
            Self::Mobile | Self::SecondMobile => matches!(channel, Channel::Sms | Channel::Voice),
            Self::Mail => channel == Channel::Mail,
            Self::Push => channel == Channel::Push,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::SecondMobile => "second_mobile",
            Self::Mail => "mail",
            Self::Push => "push",
        }
    }
}

fn route(entry: Field<'_>, channel: Option<Channel>) -> Option<Arc<str>> {
    let name = entry.name()?;
    entry.context.uses(Use { kind: Kind::Transmitter, name: name.clone(), channel, at: entry.at() });
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{messages, parsed, with};

    fn rule(keys: &str) -> String {
        with("through =", &format!("{keys}, through ="))
    }

    #[test]
    fn a_rule_is_for_numbers_of_some_countries() {
        let config = parsed(&rule("to_country = [\"DK\", \"SE\"], to_country_not = [\"GL\"]")).unwrap();
        let read = &config.dispatch_policies[0].rules[0];
        assert_eq!(read.to_country.iter().map(|country| country.code()).collect::<Vec<_>>(), ["DK", "SE"]);
        assert_eq!(read.to_country_not, [Country::named("GL").unwrap()]);
    }

    #[test]
    fn what_is_no_country_is_refused() {
        for (keys, words) in [
            ("to_country = [\"UK\"]", "a country of ISO 3166 like \"DK\""),
            ("to_country_not = [\"dk\"]", "a country of ISO 3166 like \"DK\""),
            ("to_country = []", "must not be empty"),
            ("to_country = \"DK\"", "a list"),
        ] {
            let found = messages(&rule(keys));
            assert!(found.len() == 1 && found[0].contains(words), "{keys}: {found:?}");
        }
        let mail = with("channel = \"sms\", to = \"mobile\"", "channel = \"mail\", to = \"mail\", to_country = [\"DK\"]");
        assert_eq!(messages(&mail), ["`to_country` matches phone numbers, but messages by mail have none"]);
    }
}
