//! `[[transmitter]]`: one device or service that sends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::field::Field;
use super::names::{Kind as NameKind, Sender};
use super::scalar;
use super::section::Section;
use crate::base::Secret;

#[derive(Clone, Debug)]
pub struct Transmitter {
    pub name: Arc<str>,
    /// Transmitters of one group stand for each other; a group's name is no transmitter's.
    pub group: Option<Arc<str>>,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Smtp(Smtp),
    Http(Box<Http>),
    Console(Console),
}

/// How a passcode travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Sms,
    Mail,
}

impl Channel {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Mail => "mail",
        }
    }
}

/// `kind = "smtp"`: a mail relay.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// `host:port`.
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// PEM; instead of the system's CAs.
    pub ca: Option<PathBuf>,
    pub user: Option<String>,
    pub password: Option<Secret<String>>,
    /// `Name <address>` or an address.
    pub from: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmtpTls {
    StartTls,
    Tls,
    /// Only to loopback when a password is set.
    None,
}

/// `kind = "http"`: any HTTP SMS gateway, by preset or written out.
#[derive(Clone, Debug)]
pub struct Http {
    /// `GET`, `POST` or `PUT`. Default: POST.
    pub method: String,
    /// May hold placeholders, encoded for a URL.
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub body: Option<Body>,
    pub success: Success,
    /// PEM; instead of the system's CAs.
    pub ca: Option<PathBuf>,
    /// For the whole exchange. Default: 10 s.
    pub timeout: Duration,
    /// What `{{sender}}` stands for.
    pub sender: Option<String>,
    /// What `{{api_key}}` stands for. Never logged.
    pub api_key: Option<Secret<String>>,
}

#[derive(Clone, Debug)]
pub struct Body {
    /// Decides the encoder: `application/json`, `application/x-www-form-urlencoded`, `text/xml`, `application/xml`, `text/plain`.
    pub content_type: String,
    pub encoder: Encoder,
    pub template: Template,
}

/// How a placeholder's value is written at its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoder {
    Url,
    Json,
    Xml,
    Raw,
}

/// Text with placeholders, taken apart when the configuration is read, so that none is unknown later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(pub Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    Text(String),
    Slot(Slot),
}

/// `{{to_e164}}` ... in `method`, `url`, `headers`, `body`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// `+4512345678`
    ToE164,
    /// `4512345678`
    ToDigits,
    /// `004512345678`
    To00,
    Text,
    /// UTF-16 big endian in hexadecimal.
    TextHexUtf16,
    Sender,
    /// The message's id, for the gateway's own log.
    Reference,
    /// Seconds that the passcode still lives.
    TtlSeconds,
    Code,
    ApiKey,
}

/// When a gateway's answer counts as "sent".
#[derive(Clone, Debug)]
pub struct Success {
    /// Default: 200 to 299.
    pub status: Vec<u16>,
    /// A regular expression that the body (first 64 KiB) must match, where given.
    pub body: Option<String>,
}

/// `kind = "console"`: to the terminal and a file, for a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Console {
    /// One JSON object a line is appended here. Absent: the terminal alone.
    pub outbox: Option<PathBuf>,
}

/// Whether a `console` transmitter may be there: every listener is on loopback, or the node is on trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Consoles {
    Allowed,
    Refused,
}

#[derive(Clone, Copy)]
enum Word {
    Smtp,
    Http,
    Console,
}

impl Transmitter {
    pub(super) fn read(section: Section<'_>, consoles: Consoles) -> Option<Self> {
        let name = section.name(NameKind::Transmitter);
        let group_field = section.optional("group");
        let group = group_field.and_then(Field::name);
        let words = [("smtp", Word::Smtp), ("http", Word::Http), ("console", Word::Console)];
        let kind_field = section.required("kind");
        let word = kind_field.and_then(|field| field.choice(&words, &["modem", "voice", "push"]));
        if let Some(name) = &name {
            let group = group.clone().zip(group_field.map(Field::at));
            section.walk.sender(Sender { name: Arc::clone(name), group, serves: served(word) });
        }
        let kind = match word {
            Some(Word::Smtp) => Smtp::read(&section).map(Kind::Smtp),
            Some(Word::Http) => Http::read(&section).map(|http| Kind::Http(Box::new(http))),
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
            None => return None,
        };
        section.finish();
        Some(Self { name: name?, group, kind: kind? })
    }
}

/// A transmitter whose kind is wrong already is not blamed for its channel besides.
fn served(word: Option<Word>) -> &'static [Channel] {
    match word {
        Some(Word::Smtp) => &[Channel::Mail],
        Some(Word::Http) => &[Channel::Sms],
        Some(Word::Console) | None => &[Channel::Sms, Channel::Mail],
    }
}

impl Smtp {
    fn read(section: &Section<'_>) -> Option<Self> {
        let server = section.required("server").and_then(Field::host_and_port);
        let ways = [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls), ("none", SmtpTls::None)];
        let tls_field = section.optional("tls");
        let tls = tls_field.and_then(|field| field.choice(&ways, &[])).unwrap_or(SmtpTls::StartTls);
        let ca = section.optional("ca").and_then(Field::path);
        let user_field = section.optional("user");
        let user = user_field.and_then(Field::text).map(str::to_owned);
        let password_field = section.optional("password");
        let password = password_field.and_then(Field::secret);
        match (user_field, password_field) {
            (Some(user), None) => user.key_problem("`user` without `password`"),
            (None, Some(password)) => password.key_problem("`password` without `user`"),
            _ => {}
        }
        let from = section.required("from").and_then(from);
        let (host, port) = server?;
        if let Some(field) = tls_field.filter(|_| tls == SmtpTls::None && password_field.is_some() && !scalar::is_loopback(host))
        {
            field.problem("`tls = \"none\"` would send the password in the clear; it is for loopback only");
        }
        let usual = match tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        };
        Some(Self { host: host.to_ascii_lowercase(), port: port.unwrap_or(usual), tls, ca, user, password, from: from? })
    }
}

/// `Name <address>` or an address; what makes no header line is refused.
fn from(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let (name, address) = match text.split_once('<') {
        None => ("", text),
        Some((name, rest)) => (name.trim(), rest.strip_suffix('>').unwrap_or_default()),
    };
    // RFC 5322 section 3.2.3: what is special in an address line must stand in quotes.
    let quoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name_fits = match quoted {
        Some(inside) => !inside.contains(['"', '\\']),
        None => !name.contains(SPECIAL),
    };
    let fits = address.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && scalar::is_host(domain)
            && !address.contains(|letter: char| letter.is_whitespace() || "<>,;".contains(letter))
    });
    if !fits || !name_fits {
        field.problem("`from`: expected an address like \"no-reply@example.com\" or \"Doorward <no-reply@example.com>\"");
    }
    (fits && name_fits).then(|| text.to_owned())
}

const SPECIAL: [char; 11] = ['(', ')', '<', '>', '[', ']', ':', ';', '@', ',', '"'];
