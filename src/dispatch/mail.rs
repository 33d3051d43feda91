//! Sends mail through one relay (SMTP, RFC 5321), a connection for each message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail, MultiPart, SinglePart};

use super::smtp::address::address;
use super::smtp::hello::Hello;
use super::smtp::reply::Reply;
use super::smtp::session::{Envelope, Relay, Session};
use super::text::mail_html::html;
use super::text::redact::redact;
use super::text::template::{Values, fill};
use super::{Failure, FailureKind, Message, Receipt, Transmitter};
use crate::base::tls::{TlsError, client_config};
use crate::base::{Channel, Later, Secret, Time};
use crate::config::transmitter::{Encoder, Named, Smtp, SmtpTls, Template};

/// One mail relay.
pub struct MailTransmitter {
    name: Arc<str>,
    relay: Relay,
    from: Mailbox,
    /// Makes an address of a number: then it serves text messages.
    sms_to: Option<Template>,
    limit: Duration,
}

/// What a relay said to a message, and the connection for taking leave.
struct Said {
    answer: Result<Reply, Failure>,
    session: Session,
}

/// Why a relay cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("{0:?} is no sender like \"Name <address>\"")]
    From(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// In letters.
const LONGEST_SUBJECT: usize = 200;
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
        let password = config.password.unwrap_or_else(|| Secret::new(String::new()));
        let relay = Relay {
            // A machine without authorities can send without TLS.
            trust: if config.tls == SmtpTls::None { None } else { Some(client_config(config.ca.as_deref())?) },
            sign_in: config.user.map(|user| (user, password)),
            hello: Hello::new(config.hello),
            host: config.host,
            port: config.port,
            tls: config.tls,
        };
        Ok(Self { name, relay, from, sms_to: config.sms_to, limit: LIMIT })
    }

    async fn deliver(&self, message: &Message, to: &str, now: Time, given: &AtomicBool) -> Result<Said, Failure> {
        let refused = || Failure { kind: FailureKind::Final, why: "not a mail address".into() };
        let mailbox: Address = to.parse().map_err(|_| refused())?;
        let mail = self.compose(message, &mailbox, now)?;
        let mut session = self.relay.open().await?;
        let from = self.from.email.to_string();
        let answer = session.mail(&Envelope { from: &from, to }, mail.expose(), given).await;
        Ok(Said { answer, session })
    }

    /// Whom the mail goes to: the person, or the gateway that makes a text message of it.
    fn envelope(&self, message: &Message, now: Time) -> String {
        let Some(template) = &self.sms_to else { return message.to.clone() };
        let values = Values { message, named: &Named::default(), receipt_url: None, twiml: None, now };
        fill(template, Encoder::Raw, &values).expose().clone()
    }

    fn compose(&self, message: &Message, to: &Address, now: Time) -> Result<Secret<Vec<u8>>, Failure> {
        let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
        // One without blanks is not folded, and no line may be longer than 998 octets (RFC 5322 section 2.1.1).
        let subject: String = message.subject.chars().map(shown).take(LONGEST_SUBJECT).collect();
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

impl MailTransmitter {
    /// A relay that waits for TLS says nothing, and waits for us as we do for it.
    fn too_long(&self) -> String {
        let hint = match self.relay.tls {
            SmtpTls::Tls => "",
            SmtpTls::StartTls | SmtpTls::None => "; if this port speaks TLS from the first byte on, write tls = \"tls\"",
        };
        format!("the relay took longer than {:?}{hint}", self.limit)
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
            let Some(to) = address(&self.envelope(message, now)) else {
                return Err(Failure { kind: FailureKind::Final, why: "not a mail address".into() });
            };
            let secrets = [message.passcode.expose().as_str(), &message.to, &to];
            let given = AtomicBool::new(false);
            let limit = self.limit.saturating_sub(LEAVE);
            let said = tokio::time::timeout(limit, self.deliver(message, &to, now, &given)).await;
            let slow = || {
                let kind = if given.load(Ordering::Relaxed) { FailureKind::Unsure } else { FailureKind::RetryHere };
                Err(Failure { kind, why: self.too_long() })
            };
            let answer = match said.unwrap_or_else(|_| slow()) {
                Ok(Said { answer, session }) => {
                    leave(session).await;
                    answer
                }
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(answer) => Ok(Receipt::last_word(redact(&answer.words(), &secrets))),
                Err(Failure { kind, why }) => Err(Failure { kind, why: redact(&why, &secrets) }),
            }
        })
    }

    /// Signs in where a name is set, and takes leave.
    fn examine(&self) -> Later<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            let reached = tokio::time::timeout(self.limit.saturating_sub(LEAVE), self.relay.open()).await;
            let reached = reached.map_err(|_| self.too_long())?;
            leave(reached.map_err(|failure| failure.why)?).await;
            let tls = if self.relay.tls == SmtpTls::None { "without TLS" } else { "over TLS" };
            let signed_in = if self.relay.sign_in.is_some() { " and takes our user name and password" } else { "" };
            Ok(vec![format!("{} port {} answers {tls}{signed_in}", self.relay.host, self.relay.port)])
        })
    }
}

/// Whatever comes of this, the message is the relay's, or is not.
async fn leave(session: Session) {
    drop(tokio::time::timeout(LEAVE, session.quit()).await);
}

fn elsewhere(why: String) -> Failure {
    Failure { kind: FailureKind::RetryElsewhere, why }
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
            Smtp { host, port: 25, tls, ca: None, user: None, password: None, from, sms_to: None, hello: None },
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
        silent.relay.host = "127.0.0.1".into();
        silent.relay.port = listener.local_addr().unwrap().port();
        silent.limit = LEAVE + Duration::from_millis(50);
        let sent = tokio::time::timeout(Duration::from_secs(5), silent.send(&message(), Time::default())).await;
        let failure = sent.expect("it ends").unwrap_err();
        assert!(failure.kind == FailureKind::RetryHere && failure.why.contains("longer than"), "{failure:?}");
    }

    #[tokio::test]
    async fn whether_a_relay_that_falls_silent_may_have_the_message_is_known() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        for (silent_after, kind) in
            [("RCPT", FailureKind::RetryHere), ("DATA\r\n", FailureKind::RetryHere), ("\r\n.\r\n", FailureKind::Unsure)]
        {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut sender = transmitter("no-reply@example.com").unwrap();
            (sender.relay.host, sender.relay.port) = ("127.0.0.1".into(), listener.local_addr().unwrap().port());
            sender.limit = LEAVE + Duration::from_millis(500);
            let relay = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"220 relay\r\n").await.unwrap();
                let (mut said, mut chunk) = (String::new(), [0; 4096]);
                loop {
                    let count = stream.read(&mut chunk).await.unwrap();
                    said.push_str(&String::from_utf8_lossy(&chunk[..count]));
                    if said.contains(silent_after) {
                        break;
                    }
                    // In the message itself nothing is answered.
                    let answer = if said.ends_with("DATA\r\n") { "354 go on\r\n" } else { "250 ok\r\n" };
                    if !said.contains("DATA\r\n") || said.ends_with("DATA\r\n") {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
                // Open until the other end has enough.
                drop(stream.read_to_end(&mut Vec::new()).await);
            });
            let failure = sender.send(&message(), Time::default()).await.unwrap_err();
            assert_eq!(failure.kind, kind, "{silent_after:?}: {failure:?}");
            relay.await.unwrap();
        }
    }

    #[test]
    fn a_sender_that_is_none_is_refused() {
        for bad in ["", "nobody", "A <a@b.c>\r\nBcc: x@y.z"] {
            assert!(matches!(transmitter(bad), Err(MailError::From(_))), "{bad:?}");
        }
    }

    #[test]
    fn whatever_it_says_its_lines_are_short_and_in_ascii() {
        let sender = transmitter("Doorward <no-reply@example.com>").unwrap();
        for long in ["x".repeat(3000), "ü".repeat(3000), "x\n".repeat(900), "a\r.\r\rb\0\u{7f}".repeat(500), " ".repeat(2000)] {
            let message = Message { subject: long.clone(), text: Secret::new(long), ..message() };
            let mail = sender.compose(&message, &"anna@example.com".parse().unwrap(), Time::default()).unwrap();
            for line in mail.expose().split(|byte| *byte == b'\n') {
                assert!(line.len() <= 999 && line.is_ascii(), "{} bytes: {}", line.len(), String::from_utf8_lossy(line));
                assert!(
                    !line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r'),
                    "a bare CR: {}",
                    String::from_utf8_lossy(line)
                );
            }
        }
    }

    #[tokio::test]
    async fn a_relay_that_is_full_before_tls_begins_is_tried_again() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut sender = transmitter("no-reply@example.com").unwrap();
        sender.relay.trust = Some(client_config(None).unwrap());
        (sender.relay.host, sender.relay.port) = ("127.0.0.1".into(), listener.local_addr().unwrap().port());
        sender.relay.tls = SmtpTls::Tls;
        let relay = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"421 too many connections, try again later\r\n").await.unwrap();
            drop(stream.read_to_end(&mut Vec::new()).await);
        });
        let failure = sender.send(&message(), Time::default()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::RetryHere, "{failure:?}");
        relay.await.unwrap();
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
