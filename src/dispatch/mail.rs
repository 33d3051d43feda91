//! Sends mail through one relay (SMTP, RFC 5321), a connection for each message. The conversation is led step by step, because
//! what a refusal means depends on the step: at RCPT it is the address, anywhere else it is the relay.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use lettre::{Address, transport::smtp::Error as SmtpError};

use super::blot::blot;
use super::mail_html::html;
use super::template::{Values, fill};
use super::{Failure, FailureKind, Message, Receipt, Transmitter};
use crate::base::{Later, Secret, Time};
use crate::config::transmitter::{Channel, Encoder, Named, Smtp, SmtpTls, Template};

/// One mail relay.
pub struct MailTransmitter {
    name: Arc<str>,
    host: String,
    port: u16,
    tls: SmtpTls,
    parameters: TlsParameters,
    credentials: Option<Credentials>,
    from: Mailbox,
    /// Makes an address of a number: then it serves text messages.
    sms_to: Option<Template>,
    hello: ClientId,
    limit: Duration,
}

/// Why a relay cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("{0:?} is no sender like \"Name <address>\"")]
    From(String),
    #[error("the CA file {path} cannot be read")]
    Ca { path: PathBuf, source: std::io::Error },
    #[error("TLS cannot be set up")]
    Tls(#[source] SmtpError),
}

/// For the whole conversation.
const LIMIT: Duration = Duration::from_secs(20);
/// Of these, for taking leave; the message is the relay's by then.
const LEAVE: Duration = Duration::from_secs(1);

impl MailTransmitter {
    pub fn new(name: Arc<str>, config: Smtp) -> Result<Self, MailError> {
        let from: Mailbox = config.from.parse().map_err(|_| MailError::From(config.from.clone()))?;
        if config.from.contains(char::is_control) || !from.email.to_string().is_ascii() {
            return Err(MailError::From(config.from));
        }
        let mut parameters = TlsParameters::builder(config.host.clone());
        if let Some(path) = config.ca {
            let pem = std::fs::read(&path).map_err(|source| MailError::Ca { path, source })?;
            let certificate = Certificate::from_pem(&pem).map_err(MailError::Tls)?;
            parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(certificate);
        }
        let parameters = parameters.build_rustls().map_err(MailError::Tls)?;
        let password = config.password.map(|password| password.expose().clone()).unwrap_or_default();
        let credentials = config.user.map(|user| Credentials::new(user, password));
        let (host, port, tls) = (config.host, config.port, config.tls);
        let (hello, limit, sms_to) = (ClientId::default(), LIMIT, config.sms_to);
        Ok(Self { name, host, port, tls, parameters, credentials, from, sms_to, hello, limit })
    }

    async fn deliver(&self, message: &Message, now: Time) -> Result<(Receipt, AsyncSmtpConnection), Failure> {
        let to: Address = address(&self.envelope(message, now))
            .and_then(|to| to.parse().ok())
            .ok_or_else(|| Failure { kind: FailureKind::Final, why: "not a mail address".into() })?;
        let mail = self.compose(message, &to, now)?;
        let mut connection = self.connect().await?;
        let blame_relay = |step: &'static str| move |error: SmtpError| relay(step, &error);
        let from = From::new(Some(self.from.email.clone()), Vec::new());
        connection.command(from).await.map_err(blame_relay("the relay refused the sender"))?;
        connection.command(Rcpt::new(to, Vec::new())).await.map_err(|error| recipient(&error))?;
        connection.command(Data).await.map_err(blame_relay("the relay refused the message"))?;
        let answer = connection.message(mail.expose()).await.map_err(blame_relay("the relay refused the message"))?;
        Ok((Receipt::last_word(answer_line(&answer)), connection))
    }

    /// Whom the mail goes to: the person, or the gateway that makes a text message of it.
    fn envelope(&self, message: &Message, now: Time) -> String {
        let Some(template) = &self.sms_to else { return message.to.clone() };
        let values = Values { message, named: &Named::default(), receipt_url: None, twiml: None, now };
        fill(template, Encoder::Raw, &values).expose().clone()
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let implicit = (self.tls == SmtpTls::Tls).then(|| self.parameters.clone());
        let server = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(self.limit), &self.hello, implicit, None)
            .await
            .map_err(|error| relay("the relay cannot be reached", &error))?;
        if self.tls == SmtpTls::StartTls {
            // Never optional: without it nothing is sent.
            let upgraded = connection.starttls(self.parameters.clone(), &self.hello).await;
            upgraded.map_err(|error| relay("STARTTLS failed", &error))?;
        }
        if let Some(credentials) = &self.credentials {
            let accepted = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await;
            accepted.map_err(|error| relay("the relay refused our user name or password", &error))?;
        }
        Ok(connection)
    }

    fn compose(&self, message: &Message, to: &Address, now: Time) -> Result<Secret<Vec<u8>>, Failure> {
        let subject: String = message.subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let id = format!("<{}@{}>", message.id, self.from.email.domain());
        let page = html(message.text.expose(), &subject, message.passcode.expose(), message.language.tag());
        let mail = Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .date(UNIX_EPOCH + Duration::from_millis(now.millis()))
            .message_id(Some(id))
            // RFC 3834: keeps vacation programs from answering.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Content-Language"), message.language.tag().to_owned()));
        let mail = match self.sms_to {
            Some(_) => mail.header(ContentType::TEXT_PLAIN).body(message.text.expose().clone()),
            None => mail.multipart(
                MultiPart::alternative()
                    .singlepart(SinglePart::plain(message.text.expose().clone()))
                    .singlepart(SinglePart::html(page.expose().clone())),
            ),
        };
        let mail = mail.map_err(|error| elsewhere(format!("the mail could not be written: {error}")))?;
        Ok(Secret::new(mail.formatted()))
    }
}

impl Transmitter for MailTransmitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        channel == if self.sms_to.is_some() { Channel::Sms } else { Channel::Mail }
    }

    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            let secrets = [message.passcode.expose().as_str(), &message.to];
            // lettre limits no more than the connecting; this limits everything.
            let sent = tokio::time::timeout(self.limit.saturating_sub(LEAVE), self.deliver(message, now)).await;
            match sent.unwrap_or_else(|_| Err(elsewhere(format!("the relay took longer than {:?}", self.limit)))) {
                Ok((Receipt { words, .. }, mut connection)) => {
                    // Whatever comes of this, the message is on its way.
                    drop(tokio::time::timeout(LEAVE, connection.quit()).await);
                    Ok(Receipt::last_word(blot(&words, &secrets)))
                }
                Err(Failure { kind, why }) => Err(Failure { kind, why: blot(&why, &secrets) }),
            }
        })
    }

    /// Signs in where a name is set, and takes leave.
    fn examine(&self) -> Later<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            let reached = tokio::time::timeout(self.limit.saturating_sub(LEAVE), self.connect()).await;
            let reached = reached.map_err(|_| format!("the relay took longer than {:?}", self.limit))?;
            let mut connection = reached.map_err(|failure| failure.why)?;
            drop(tokio::time::timeout(LEAVE, connection.quit()).await);
            let tls = if self.tls == SmtpTls::None { "without TLS" } else { "over TLS" };
            let signed_in = if self.credentials.is_some() { " and takes our user name and password" } else { "" };
            Ok(vec![format!("{} port {} answers {tls}{signed_in}", self.host, self.port)])
        })
    }
}

/// A mail address as it may stand in an envelope, or nothing. Addresses outside ASCII would need SMTPUTF8 all the way.
pub(super) fn address(typed: &str) -> Option<String> {
    let odd = |letter: char| !letter.is_ascii_graphic() || matches!(letter, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '\\');
    if typed.len() > 254 || typed.contains(odd) {
        return None;
    }
    typed.parse::<Address>().ok().map(|address| address.to_string())
}

fn recipient(error: &SmtpError) -> Failure {
    let why = format!("the relay refused the address: {error}");
    // 5.7.x (RFC 3463) speaks of us, not of the address: relaying denied, sign in first, blocked.
    let about_us = why.contains(" 5.7.") || error.status().is_some_and(|code| code.to_string() == "530");
    let kind = if error.is_permanent() && !about_us { FailureKind::Final } else { FailureKind::RetryElsewhere };
    Failure { kind, why }
}

fn relay(step: &str, error: &SmtpError) -> Failure {
    let mut why = format!("{step}: {error}");
    let mut cause = std::error::Error::source(error).and_then(std::error::Error::source);
    while let Some(inner) = cause {
        why.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    elsewhere(why)
}

fn elsewhere(why: String) -> Failure {
    Failure { kind: FailureKind::RetryElsewhere, why }
}

fn answer_line(answer: &Response) -> String {
    format!("{} {}", answer.code(), answer.first_line().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Language, UserId};
    use crate::dispatch::Purpose;

    fn transmitter(from: &str) -> Result<MailTransmitter, MailError> {
        let (host, tls, from) = ("localhost".into(), SmtpTls::None, from.into());
        MailTransmitter::new(
            "relay".into(),
            Smtp { host, port: 25, tls, ca: None, user: None, password: None, from, sms_to: None },
        )
    }

    fn message() -> Message {
        Message {
            id: "m1".into(),
            channel: Channel::Mail,
            purpose: Purpose::Passcode,
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            to: "anna@example.com".into(),
            subject: "Code\r\nBcc: evil@example.com".into(),
            text: Secret::new("Grüße\n.\n@h #482913".into()),
            passcode: Secret::new("482913".into()),
            user: UserId::new("people", "anna"),
            expires: Time::default(),
        }
    }

    #[tokio::test]
    async fn a_relay_that_never_speaks_ends_at_the_time_limit() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut silent = transmitter("no-reply@example.com").unwrap();
        assert_eq!(silent.limit, Duration::from_secs(20));
        silent.host = "127.0.0.1".into();
        silent.port = listener.local_addr().unwrap().port();
        silent.limit = LEAVE + Duration::from_millis(50);
        let sent = tokio::time::timeout(Duration::from_secs(5), silent.send(&message(), Time::default())).await;
        let failure = sent.expect("it ends").unwrap_err();
        assert!(failure.kind == FailureKind::RetryElsewhere && failure.why.contains("longer than"), "{failure:?}");
    }

    #[test]
    fn only_plain_addresses_pass() {
        for good in ["a@example.com", "first.last+tag@sub.example.com", "o'neil@example.com"] {
            assert_eq!(address(good).as_deref(), Some(good));
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "a",
            "a@",
            "@b",
            "a@b\r\nRCPT TO:<c@d>",
            "a b@c.d",
            "a@b.c,d@e.f",
            "<a@b.c>",
            "\"x y\"@b.c",
            "å@b.c",
            "a@b@c",
            "a\0@b.c",
            &long,
        ] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_sender_that_is_none_is_refused() {
        for bad in ["", "nobody", "A <a@b.c>\r\nBcc: x@y.z"] {
            assert!(matches!(transmitter(bad), Err(MailError::From(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_mail_has_what_it_needs_and_no_header_more() {
        let sender = transmitter("Doorward <no-reply@example.com>").unwrap();
        let mail =
            sender.compose(&message(), &"anna@example.com".parse().unwrap(), Time::from_millis(1_700_000_000_000)).unwrap();
        let mail = String::from_utf8(mail.expose().clone()).unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        for line in [
            "Date: Tue, 14 Nov 2023 22:13:20 +0000",
            "Message-ID: <m1@example.com>",
            "Auto-Submitted: auto-generated",
            "From: Doorward <no-reply@example.com>",
            "To: anna@example.com",
            "Content-Language: en",
        ] {
            assert!(head.lines().any(|found| found == line), "{line} is not in\n{head}");
        }
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("Content-Type: multipart/alternative;") && mail.contains("Content-Type: text/html; charset=utf-8"));
    }
}
