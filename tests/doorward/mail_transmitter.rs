//! Mail, against a real Postfix.

use std::time::Duration;

use doorward::base::{Channel, Language, Secret, Time, UserId};
use doorward::config::transmitter::{Smtp, SmtpTls};
use doorward::dispatch::{Failure, FailureKind, MailTransmitter, Message, Purpose, Receipt, Transmitter};

use crate::support::postfix::{PASSWORD, Postfix, USER};

const NOW: Time = Time::from_millis(1_700_000_000_000);

fn smtp(postfix: &Postfix) -> Smtp {
    Smtp {
        host: "localhost".into(),
        port: postfix.port,
        tls: SmtpTls::StartTls,
        ca: Some(postfix.ca()),
        user: Some(USER.into()),
        password: Some(Secret::new(PASSWORD.into())),
        from: "Doorward <no-reply@example.com>".into(),
        sms_to: None,
        hello: None,
    }
}

fn message(to: &str) -> Message {
    Message {
        id: "m1x2y3".into(),
        channel: Channel::Mail,
        purpose: Purpose::Passcode,
        language: Language::ENGLISH,
        flash: false,
        resent: false,
        to: to.into(),
        subject: "Ihr Code für mail (Anmeldung K7)".into(),
        text: Secret::new("Grüße, Ihr Code lautet 482913\n.\n..\n@mail.example.com #482913".into()),
        passcode: Secret::new("482913".into()),
        user: UserId::new("people", "anna"),
        expires: NOW.plus(Duration::from_secs(300)),
    }
}

async fn send(config: Smtp, to: &str) -> Result<Receipt, Failure> {
    MailTransmitter::new("relay".into(), config).unwrap().send(&message(to), NOW).await
}

/// The parts of a mail as a reader sees them: plain and HTML.
fn parts(mail: &str) -> [String; 2] {
    let (head, body) = mail.split_once("\n\n").unwrap();
    assert!(head.contains("Content-Type: multipart/alternative;"), "{head}");
    let boundary = head.split_once("boundary=\"").unwrap().1.split_once('"').unwrap().0;
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    assert!(parts.len() == 4 && parts[3].starts_with("--"), "{mail}");
    assert!(
        parts[1].contains("Content-Type: text/plain; charset=utf-8")
            && parts[2].contains("Content-Type: text/html; charset=utf-8")
    );
    [parts[1], parts[2]].map(|part| decoded(part.trim_start()))
}

/// One part, or a mail of one.
fn decoded(mail: &str) -> String {
    let (head, body) = mail.split_once("\n\n").unwrap();
    if !head.contains("Content-Transfer-Encoding: quoted-printable") {
        assert!(head.contains("Content-Transfer-Encoding: 7bit"), "{head}");
        return body.to_owned();
    }
    let body = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = body.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'=').then(|| u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_mail_arrives_whole_over_starttls_and_over_tls() {
    let Some(postfix) = Postfix::start() else { return };
    let implicit = Smtp { port: postfix.tls_port(), tls: SmtpTls::Tls, ..smtp(&postfix) };
    for config in [smtp(&postfix), implicit] {
        let Receipt { words, .. } = send(config, "anna@example.test").await.unwrap();
        assert!(words.starts_with("250 2.0.0 Ok: queued as "), "{words}");
        let mail = postfix.next_mail().await;
        for line in [
            "X-Original-To: anna@example.test",
            "From: Doorward <no-reply@example.com>",
            "To: anna@example.test",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000",
            "Message-ID: <m1x2y3@example.com>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(mail.lines().any(|found| found == line), "{line} is not in\n{mail}");
        }
        assert!(mail.contains("Subject: Ihr Code =?utf-8?b?"), "{mail}");
        let [plain, html] = parts(&mail);
        assert_eq!(plain.trim_end(), message("").text.expose());
        assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Grüße, Ihr Code lautet 482913"), "{html}");
    }
}

#[tokio::test]
async fn refusals_say_whether_the_address_or_the_relay_is_the_cause() {
    let Some(postfix) = Postfix::start() else { return };
    let wrong_password = Smtp { password: Some(Secret::new("wrong".into())), ..smtp(&postfix) };
    let no_tls = Smtp { tls: SmtpTls::None, user: None, password: None, ..smtp(&postfix) };
    let no_sign_in = Smtp { user: None, password: None, ..smtp(&postfix) };
    let foreign_ca = Smtp { ca: None, ..smtp(&postfix) };
    let nobody_there = Smtp { port: 1, ..smtp(&postfix) };
    use FailureKind::{Final, RetryElsewhere, RetryHere};
    let table = [
        (
            smtp(&postfix),
            "nobody@example.test",
            Final,
            "the relay refused the address: 550 5.1.1 <•••>: Recipient address rejected: no such mailbox",
        ),
        (smtp(&postfix), "later@example.test", RetryHere, "the relay refused the address: 450 4.2.1"),
        (smtp(&postfix), "anna@elsewhere.test", RetryElsewhere, "the relay refused the address: 554 5.7.1"),
        (smtp(&postfix), "anna@example.test\r\nDATA", Final, "not a mail address"),
        (wrong_password, "anna@example.test", RetryElsewhere, "the relay refused our user name or password: 535 5.7.8"),
        (no_tls, "anna@example.test", RetryElsewhere, "the relay refused the sender: 530 5.7.0"),
        (no_sign_in, "anna@example.test", RetryElsewhere, "the relay refused the address"),
        (foreign_ca, "anna@example.test", RetryElsewhere, "STARTTLS failed"),
        (nobody_there, "anna@example.test", RetryHere, "the relay cannot be reached"),
    ];
    for (config, to, kind, words) in table {
        let failure = send(config, to).await.unwrap_err();
        assert!(failure.kind == kind && failure.why.contains(words), "{to}: {failure:?}");
        assert!(!failure.why.contains(to) && !failure.why.contains("482913"), "{failure:?}");
    }
    assert!(!postfix.log().contains("queued as"), "something was sent after all");
}

#[tokio::test]
async fn a_text_message_goes_out_as_a_mail_to_its_gateway() {
    let Some(postfix) = Postfix::start() else { return };
    let sms_to = Some(doorward::config::transmitter::Template::parse("{{to_digits}}@example.test").unwrap());
    let gateway = MailTransmitter::new("mail2sms".into(), Smtp { sms_to, ..smtp(&postfix) }).unwrap();
    assert!(gateway.serves(Channel::Sms) && !gateway.serves(Channel::Mail));
    let sms = Message { channel: Channel::Sms, subject: String::new(), ..message("+4512345678") };
    gateway.send(&sms, NOW).await.unwrap();
    let mail = postfix.next_mail().await;
    assert!(mail.lines().any(|line| line == "X-Original-To: 4512345678@example.test"), "{mail}");
    assert_eq!(decoded(&mail).trim_end(), sms.text.expose());
    let odd = Message { to: "+45123\r\nRCPT TO:<x@y.z>".into(), ..sms };
    assert_eq!(gateway.send(&odd, NOW).await.unwrap_err().kind, FailureKind::Final);
}

#[tokio::test]
async fn a_relay_is_examined_without_a_mail() {
    let Some(postfix) = Postfix::start() else { return };
    let examined = |config| async move { MailTransmitter::new("relay".into(), config).unwrap().examine().await };
    let found = examined(smtp(&postfix)).await.unwrap();
    assert!(found[0].ends_with("answers over TLS and takes our user name and password"), "{found:?}");
    let wrong = Smtp { password: Some(Secret::new("wrong".into())), ..smtp(&postfix) };
    assert!(examined(wrong).await.unwrap_err().contains("refused our user name or password"));
    assert!(examined(Smtp { port: 1, ..smtp(&postfix) }).await.unwrap_err().contains("cannot be reached"));
    assert!(!postfix.log().contains("queued as"), "something was sent");
}

#[tokio::test]
async fn without_starttls_nothing_is_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"220 relay\r\n").await.unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let count = socket.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return String::from_utf8_lossy(&heard).into_owned();
            }
            heard.extend_from_slice(&buffer[..count]);
            let answer: &[u8] = if buffer.starts_with(b"QUIT") { b"221 bye\r\n" } else { b"250 AUTH PLAIN LOGIN\r\n" };
            drop(socket.write_all(answer).await);
        }
    });
    let config = Smtp {
        host: "127.0.0.1".into(),
        port,
        tls: SmtpTls::StartTls,
        ca: None,
        user: Some(USER.into()),
        password: Some(Secret::new(PASSWORD.into())),
        from: "no-reply@example.com".into(),
        sms_to: None,
        hello: None,
    };
    let failure = send(config, "anna@example.test").await.unwrap_err();
    assert!(failure.why.starts_with("STARTTLS failed"), "{failure:?}");
    let heard = server.await.unwrap();
    assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{heard}");
}
