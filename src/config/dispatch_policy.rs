//! `[[dispatch_policy]]`: which channel, to which address, through which transmitters.

use std::sync::Arc;
use std::time::Duration;

use super::field::Field;
use super::names::{Kind, Use};
use super::section::Section;
use super::transmitter::Channel;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DispatchPolicy {
    pub name: Arc<str>,
    /// Tried in order; at least one.
    pub rules: Vec<Rule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub channel: Channel,
    pub to: AddressKind,
    /// Names of transmitters or groups, tried in order. Each exists and serves the channel.
    pub through: Vec<Arc<str>>,
    /// How long one hand-over may take before the next entry is tried. Default: 30 s.
    pub wait: Duration,
}

/// Which of a user's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressKind {
    Mobile,
    SecondMobile,
    Mail,
}

const SECOND: Duration = Duration::from_secs(1);

impl DispatchPolicy {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.name(Kind::DispatchPolicy);
        let rules = section.required("rules").and_then(|list| list.some(|entry| entry.section().and_then(Rule::read)));
        section.finish();
        Some(Self { name: name?, rules: rules? })
    }
}

impl Rule {
    fn read(section: Section<'_>) -> Option<Self> {
        let channels = [("sms", Channel::Sms), ("mail", Channel::Mail)];
        let channel = section.required("channel").and_then(|field| field.choice(&channels, &["voice", "push"]));
        let kinds = [("mobile", AddressKind::Mobile), ("second_mobile", AddressKind::SecondMobile), ("mail", AddressKind::Mail)];
        let to_field = section.required("to");
        let to = to_field.and_then(|field| field.choice(&kinds, &[]));
        if let (Some(channel), Some(to), Some(field)) = (channel, to, to_field)
            && (channel == Channel::Mail) != (to == AddressKind::Mail)
        {
            field.problem(format!("a message by {} cannot go to `{}`", channel.name(), to.name()));
        }
        let through = section.required("through").and_then(|list| list.some(|entry| route(entry, channel)));
        let wait = section.or("wait", 30 * SECOND, |field| field.duration(SECOND..=600 * SECOND));
        section.finish();
        Some(Self { channel: channel?, to: to?, through: through?, wait })
    }
}

impl AddressKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::SecondMobile => "second_mobile",
            Self::Mail => "mail",
        }
    }
}

fn route(entry: Field<'_>, channel: Option<Channel>) -> Option<Arc<str>> {
    let name = entry.name()?;
    entry.walk.uses(Use { kind: Kind::Transmitter, name: name.clone(), channel, at: entry.at() });
    Some(name)
}
