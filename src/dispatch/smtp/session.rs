//! One conversation with a relay, from connecting to taking leave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use data_encoding::BASE64;
use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::blame::{Step, blame};
use super::hello::Hello;
use super::line::{Line, LineError};
use super::offers::Offers;
use super::reply::Reply;
use crate::base::{Secret, tls};
use crate::config::transmitter::SmtpTls;
use crate::dispatch::http::client::is_untrusted;
use crate::dispatch::{Failure, FailureKind};

/// How one relay is spoken to.
pub(in super::super) struct Relay {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// Needed where `tls` is wanted.
    pub trust: Option<Arc<ClientConfig>>,
    /// User name and password.
    pub sign_in: Option<(String, Secret<String>)>,
    pub hello: Hello,
}

/// Ready for a message. Nothing in here limits its waits: the caller limits the conversation as a whole, to far less than the minutes
/// that RFC 5321 section 4.5.3.2 grants, because somebody waits for the code.
pub(in super::super) struct Session {
    line: Line,
    offers: Offers,
    local: SocketAddr,
    /// What is said cannot be read on the way: over TLS, or within this machine.
    private: bool,
}

/// What a message needs beside its content; both without anything that would end a command.
pub(in super::super) struct Envelope<'a> {
    pub from: &'a str,
    pub to: &'a str,
}

/// For one of a host's addresses: the next may answer.
const CONNECT: Duration = Duration::from_secs(5);

impl Relay {
    /// Connects, begins TLS and signs in, as far as the configuration wants it.
    pub async fn open(&self) -> Result<Session, Failure> {
        let stream = self.connect().await.map_err(|why| Failure { kind: FailureKind::RetryHere, why })?;
        let ends = stream.local_addr().and_then(|local| Ok((local, stream.peer_addr()?)));
        let (local, peer) = ends.map_err(|error| broken("the relay cannot be reached", &error.into()))?;
        let mut line = Line::new(stream);
        let mut private = peer.ip().to_canonical().is_loopback();
        if self.tls == SmtpTls::Tls {
            line = self.secure(line).await?;
            private = true;
        }
        let mut session = Session { line, offers: Offers::default(), local, private };
        session.greeting().await?;
        session.hello(self).await?;
        if self.tls == SmtpTls::StartTls {
            session = session.start_tls(self).await?;
        }
        if let Some((user, password)) = &self.sign_in {
            session.sign_in(user, password).await?;
        }
        Ok(session)
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let mut why = "its name has no address".to_owned();
        for address in found.map_err(|error| format!("the relay cannot be found: {error}"))? {
            match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = format!("no answer within {} s", CONNECT.as_secs()),
            }
        }
        Err(format!("the relay cannot be reached: {why}"))
    }

    async fn secure(&self, line: Line) -> Result<Line, Failure> {
        let Some(trust) = &self.trust else {
            return Err(Failure { kind: FailureKind::RetryElsewhere, why: "TLS is not set up".to_owned() });
        };
        line.secure(&self.host, trust).await.map_err(|error| {
            // A certificate that is not trusted will not be in a minute either.
            let kind = if is_untrusted(&error) { FailureKind::RetryElsewhere } else { FailureKind::RetryHere };
            Failure { kind, why: format!("TLS failed: {}", tls::explained(error)) }
        })
    }
}

impl Session {
    async fn greeting(&mut self) -> Result<(), Failure> {
        const WHAT: &str = "the relay does not take mail now";
        let reply = self.line.reply().await.map_err(|error| broken(WHAT, &error))?;
        if reply.code == 220 { Ok(()) } else { Err(refused(WHAT, Step::Relay, &reply)) }
    }

    /// EHLO; HELO where that is refused and nothing is needed that EHLO alone can offer (RFC 5321 section 3.2).
    async fn hello(&mut self, relay: &Relay) -> Result<(), Failure> {
        const WHAT: &str = "the relay refused our greeting";
        let name = relay.hello.at(self.local.ip());
        let reply = self.ask(WHAT, &format!("EHLO {name}")).await?;
        if is_good(&reply) {
            self.offers = Offers::of(&reply);
            return Ok(());
        }
        let needs_more = relay.tls == SmtpTls::StartTls || relay.sign_in.is_some();
        if needs_more || reply.code < 500 {
            return Err(refused(WHAT, Step::Relay, &reply));
        }
        self.offers = Offers::default();
        let reply = self.ask(WHAT, &format!("HELO {name}")).await?;
        if is_good(&reply) { Ok(()) } else { Err(refused(WHAT, Step::Relay, &reply)) }
    }

    /// RFC 3207. Never optional: without it nothing is sent. What was offered in the clear is forgotten.
    async fn start_tls(mut self, relay: &Relay) -> Result<Self, Failure> {
        const WHAT: &str = "STARTTLS failed";
        if !self.offers.starttls {
            return Err(Failure { kind: FailureKind::RetryElsewhere, why: format!("{WHAT}: the relay does not offer it") });
        }
        let reply = self.ask(WHAT, "STARTTLS").await?;
        if !is_good(&reply) {
            return Err(refused(WHAT, Step::Relay, &reply));
        }
        let line = relay.secure(self.line).await;
        let line = line.map_err(|Failure { kind, why }| Failure { kind, why: format!("{WHAT}: {why}") })?;
        let mut session = Self { line, offers: Offers::default(), local: self.local, private: true };
        session.hello(relay).await?;
        Ok(session)
    }

    /// PLAIN (RFC 4616), else LOGIN; never where it could be read on the way.
    async fn sign_in(&mut self, user: &str, password: &Secret<String>) -> Result<(), Failure> {
        const WHAT: &str = "the relay refused our user name or password";
        let elsewhere = |why: String| Failure { kind: FailureKind::RetryElsewhere, why };
        if !self.private {
            return Err(elsewhere("our password is not sent without TLS".to_owned()));
        }
        let mut refusal = None;
        for mechanism in ["PLAIN", "LOGIN"] {
            if !self.offers.has(mechanism) {
                continue;
            }
            let reply = if mechanism == "PLAIN" { self.plain(user, password).await } else { self.login(user, password).await };
            let reply = reply.map_err(|error| broken(WHAT, &error))?;
            if is_good(&reply) {
                return Ok(());
            }
            let failure = refused(WHAT, Step::Relay, &reply);
            // RFC 4954 section 4: 504, the mechanism is not known after all.
            if reply.code != 504 {
                return Err(failure);
            }
            refusal = Some(failure);
        }
        let offered = self.offers.mechanisms.join(" ");
        Err(refusal.unwrap_or_else(|| elsewhere(format!("the relay offers neither AUTH PLAIN nor LOGIN, but: {offered:?}"))))
    }

    async fn plain(&mut self, user: &str, password: &Secret<String>) -> Result<Reply, LineError> {
        let both = Secret::new(format!("\0{user}\0{}", password.expose()));
        let proof = Secret::new(BASE64.encode(both.expose().as_bytes()));
        let reply = self.say(&Secret::new(format!("AUTH PLAIN {}", proof.expose()))).await?;
        // It wants to be told again where it looks.
        if reply.code == 334 { self.say(&proof).await } else { Ok(reply) }
    }

    /// First the name, then the password, whatever is asked for: the prompts are in any words and any language.
    async fn login(&mut self, user: &str, password: &Secret<String>) -> Result<Reply, LineError> {
        let mut reply = self.say(&Secret::new("AUTH LOGIN".to_owned())).await?;
        for answer in [user, password.expose()] {
            if reply.code != 334 {
                return Ok(reply);
            }
            reply = self.say(&Secret::new(BASE64.encode(answer.as_bytes()))).await?;
        }
        Ok(reply)
    }

    /// Hands one message over; the relay's word on it. `given` becomes true with the first byte after which the relay may have it.
    pub async fn mail(&mut self, envelope: &Envelope<'_>, content: &[u8], given: &AtomicBool) -> Result<Reply, Failure> {
        let Envelope { from, to } = envelope;
        let international = !to.is_ascii();
        if international && !self.offers.smtputf8 {
            let why = "the address is not in ASCII, and the relay does not offer SMTPUTF8".to_owned();
            return Err(Failure { kind: FailureKind::RetryElsewhere, why });
        }
        // RFC 6531 section 3.4: the message's header has the address in it.
        let more = if international { " BODY=8BITMIME SMTPUTF8" } else { "" };
        let steps = [
            ("the relay refused the sender", format!("MAIL FROM:<{from}>{more}"), Step::Relay),
            ("the relay refused the address", format!("RCPT TO:<{to}>"), Step::Recipient),
        ];
        for (what, command, step) in steps {
            let reply = self.ask(what, &command).await?;
            if !is_good(&reply) {
                return Err(refused(what, step, &reply));
            }
        }
        const WHAT: &str = "the relay refused the message";
        let reply = self.ask(WHAT, "DATA").await?;
        if reply.code != 354 {
            return Err(refused(WHAT, Step::Message, &reply));
        }
        let stuffed = Secret::new(stuffed(content));
        self.line.write(stuffed.expose()).await.map_err(|error| broken(WHAT, &error))?;
        // Until the final dot there is no message (RFC 5321 section 4.1.1.4); from here on only the relay knows whether there is.
        given.store(true, Ordering::Relaxed);
        let unsure =
            |why: String| Failure { kind: FailureKind::Unsure, why: format!("the relay did not say whether it took it: {why}") };
        self.line.write(b".\r\n").await.map_err(|error| unsure(error.to_string()))?;
        let reply = self.line.reply().await.map_err(|error| unsure(error.to_string()))?;
        match reply.code {
            200..=299 => Ok(reply),
            400..=599 => Err(refused(WHAT, Step::Message, &reply)),
            _ => Err(unsure(reply.words())),
        }
    }

    /// Takes leave. Whatever comes of this, the message is the relay's, or is not.
    pub async fn quit(mut self) {
        if self.line.write(b"QUIT\r\n").await.is_ok() {
            drop(self.line.reply().await);
        }
    }

    async fn ask(&mut self, what: &str, command: &str) -> Result<Reply, Failure> {
        let asked = self.line.write(format!("{command}\r\n").as_bytes()).await;
        let reply = match asked {
            Ok(()) => self.line.reply().await,
            Err(error) => Err(error),
        };
        reply.map_err(|error| broken(what, &error))
    }

    async fn say(&mut self, secret: &Secret<String>) -> Result<Reply, LineError> {
        let line = Secret::new(format!("{}\r\n", secret.expose()));
        self.line.write(line.expose().as_bytes()).await?;
        self.line.reply().await
    }
}

fn is_good(reply: &Reply) -> bool {
    (200..300).contains(&reply.code)
}

fn refused(what: &str, step: Step, reply: &Reply) -> Failure {
    Failure { kind: blame(step, reply), why: format!("{what}: {}", reply.words()) }
}

/// Nothing was handed over, and the next connection may do better.
fn broken(what: &str, error: &LineError) -> Failure {
    Failure { kind: FailureKind::RetryHere, why: format!("{what}: {error}") }
}

/// Lines that end with CR LF and nothing else, a dot at the beginning of a line doubled (RFC 5321 sections 2.3.8 and 4.5.2), and the last line
/// ended.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(content.len() + content.len() / 16 + 16);
    let mut rest = content;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
        stuffed.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_message_ends_it() {
        for (content, expected) in [
            (&b"a\r\n.\r\n..b\r\n"[..], &b"a\r\n..\r\n...b\r\n"[..]),
            (b"a\n.\nb", b"a\r\n..\r\nb\r\n"),
            (b"a\r.\rb", b"a\r\n..\r\nb\r\n"),
            (b"a\n\r\nb\r\n\r\n", b"a\r\n\r\nb\r\n\r\n"),
            (b".", b"..\r\n"),
            (b"", b""),
        ] {
            assert_eq!(stuffed(content), expected, "{}", String::from_utf8_lossy(content));
        }
    }
}
