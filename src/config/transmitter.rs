//! `[[transmitter]]`: one device or service that sends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
