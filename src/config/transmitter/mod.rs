//! `[[transmitter]]`: one device or service that sends.

mod encoder;
mod http;
mod http_answer;
mod http_check;
pub(in crate::config) mod http_gateway;
mod http_parts;
mod http_reading;
mod http_trial;
pub mod modem;
pub mod price;
mod program;
mod smtp;
mod template;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::encoder::Encoder;
pub use self::http::{Auth, Body, Http, Named};
pub use self::http_answer::{Answers, Extract, FailureRule, Match, Report, Signature, Then};
use self::modem::Modem;
use self::price::Prices;
pub use self::program::Program;
pub use self::smtp::{Smtp, SmtpTls};
pub use self::template::{Condition, Piece, Slot, Template};
use crate::base::Channel;
use crate::config::document::{Field, Kind as NameKind, Preset, Section, Sender};
use crate::config::presets;

/// `[[transmitter]]`: one device or service that sends.
#[derive(Clone, Debug)]
pub struct Transmitter {
    pub name: Arc<str>,
    /// Transmitters of one group stand for each other; a group's name is no transmitter's.
    pub group: Option<Arc<str>>,
    pub prices: Prices,
    pub kind: Kind,
}

/// `kind` of a transmitter, with the keys that belong to it.
#[derive(Clone, Debug)]
pub enum Kind {
    Smtp(Smtp),
    /// A gateway for text messages.
    Http(Box<Http>),
    Modem(Modem),
    /// One that calls people up.
    Voice(Box<Http>),
    /// A push service.
    Push(Box<Http>),
    Program(Program),
    Console(Console),
}

/// `kind = "console"`: to the terminal and a file, for a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Console {
    /// One JSON object a line is appended here. Absent: the terminal alone.
    pub outbox: Option<PathBuf>,
}

/// Whether a `console` transmitter may be there: every listener is on loopback, or the node is on trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) enum Consoles {
    Allowed,
    Refused,
}

#[derive(Clone, Copy)]
enum Word {
    Smtp,
    Http,
    Modem,
    Voice,
    Push,
    Program,
    Console,
}

impl Word {
    /// The channel of what may have a preset.
    fn gateway(self) -> Option<Channel> {
        match self {
            Self::Http => Some(Channel::Sms),
            Self::Voice => Some(Channel::Voice),
            Self::Push => Some(Channel::Push),
            Self::Smtp | Self::Modem | Self::Program | Self::Console => None,
        }
    }
}

impl Transmitter {
    pub(in crate::config) fn read(section: Section<'_>, consoles: Consoles) -> Option<Self> {
        let name = section.name(NameKind::Transmitter);
        let group_field = section.optional("group");
        let group = group_field.and_then(Field::name);
        let words = [
            ("smtp", Word::Smtp),
            ("http", Word::Http),
            ("modem", Word::Modem),
            ("voice", Word::Voice),
            ("push", Word::Push),
            ("program", Word::Program),
            ("console", Word::Console),
        ];
        section.decides("kind");
        let kind_field = section.required("kind");
        let word = kind_field.and_then(|field| field.choice(&words, &[]));
        if let Some(name) = &name {
            let group = group.clone().zip(group_field.map(Field::at));
            section.context.sender(Sender { name: Arc::clone(name), group, serves: served(word, &section) });
        }
        let preset = match word.and_then(Word::gateway) {
            Some(channel) => Preset::of(&section, presets::of(channel), &[]),
            None => Preset::Absent,
        };
        let section = preset.below(section);
        let prices = Prices::read(&section);
        let kind = match word {
            Some(Word::Smtp) => Smtp::read(&section).map(Kind::Smtp),
            Some(Word::Http) => Http::read(&section, Channel::Sms).map(|http| Kind::Http(Box::new(http))),
            Some(Word::Voice) => Http::read(&section, Channel::Voice).map(|http| Kind::Voice(Box::new(http))),
            Some(Word::Push) => Http::read(&section, Channel::Push).map(|http| Kind::Push(Box::new(http))),
            Some(Word::Program) => Program::read(&section).map(Kind::Program),
            Some(Word::Modem) => Modem::read(&section).map(Kind::Modem),
            Some(Word::Console) => {
                if let Some(field) = kind_field.filter(|_| consoles == Consoles::Refused) {
                    field.problem(
                        "a console transmitter needs every listener on loopback, or `trial = true` in [node]: \
                         it shows passcodes to whoever sees the terminal",
                    );
                }
                Some(Kind::Console(Console { outbox: section.optional("outbox").and_then(Field::path) }))
            }
            // Which of the other keys belong here is not known either.
            None => {
                section.finish_undecided();
                return None;
            }
        };
        section.finish();
        Some(Self { name: name?, group, prices, kind: kind? })
    }
}

/// A transmitter whose kind is wrong already is not blamed for its channel besides.
fn served(word: Option<Word>, section: &Section<'_>) -> &'static [Channel] {
    match word {
        // Of what it says of numbers, `Smtp::read` judges.
        Some(Word::Smtp) if section.unlisted("sms_to").is_some() => &[Channel::Sms],
        Some(Word::Smtp) => &[Channel::Mail],
        Some(Word::Http | Word::Modem | Word::Program) => &[Channel::Sms],
        Some(Word::Voice) => &[Channel::Voice],
        Some(Word::Push) => &[Channel::Push],
        Some(Word::Console) | None => &[Channel::Sms, Channel::Voice, Channel::Mail, Channel::Push],
    }
}
