//! SMTP as relays in the field speak it, good and bad ones.

use std::time::Duration;

use doorward::base::{Channel, Language, Secret, Time, UserId};
use doorward::config::transmitter::{Smtp, SmtpTls};
use doorward::dispatch::{Failure, FailureKind, MailTransmitter, Message, Purpose, Receipt, Transmitter};

use crate::support::relay::{HANGS_UP, Relay};

const NOW: Time = Time::from_millis(1_700_000_000_000);
const USER: &str = "gate";
const PASSWORD: &str = "Relay-Passw0rd";

fn plain(relay: &Relay) -> Smtp {
    Smtp {
        host: "127.0.0.1".into(),
        port: relay.port,
        tls: SmtpTls::None,
        ca: None,
        user: None,
        password: None,
        from: "Doorward <no-reply@example.com>".into(),
        sms_to: None,
        hello: Some("gate1.corp.example".into()),
    }
}

fn signing_in(relay: &Relay) -> Smtp {
    Smtp { user: Some(USER.into()), password: Some(Secret::new(PASSWORD.into())), ..plain(relay) }
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
        subject: "Your code".into(),
        text: Secret::new("Your code is 482913\n.\n..\n@mail.example.com #482913".into()),
        passcode: Secret::new("482913".into()),
        user: UserId::new("people", "anna"),
        expires: NOW.plus(Duration::from_secs(300)),
    }
}

async fn send(config: Smtp, to: &str) -> Result<Receipt, Failure> {
    MailTransmitter::new("relay".into(), config).unwrap().send(&message(to), NOW).await
}

fn said(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn a_mail_is_handed_over_step_by_step_and_arrives_whole() {
    let relay = Relay::start(|_, _| None).await;
    let receipt = send(plain(&relay), "anna@example.test").await.unwrap();
    assert_eq!(receipt.words, "250 2.0.0 Ok: queued as 4C2");
    let steps = ["EHLO gate1.corp.example", "MAIL FROM:<no-reply@example.com>", "RCPT TO:<anna@example.test>", "DATA", "QUIT"];
    assert_eq!(relay.heard(), steps);
    let mails = relay.mails();
    assert!(mails.len() == 1 && mails[0].contains("Your code is 482913\n.\n..\n@mail"), "{mails:?}");
}

#[tokio::test]
async fn without_a_name_ehlo_says_the_address_of_our_end_or_the_hosts_full_name() {
    let relay = Relay::start(|_, _| None).await;
    send(Smtp { hello: None, ..plain(&relay) }, "anna@example.test").await.unwrap();
    let heard = relay.heard();
    let name = heard[0].strip_prefix("EHLO ").unwrap();
    assert!(name == "[127.0.0.1]" || (name.contains('.') && !name.starts_with("localhost")), "{name}");
    for hello in ["[192.0.2.7]", "[IPv6:2001:db8::7]"] {
        let relay = Relay::start(|_, _| None).await;
        send(Smtp { hello: Some(hello.into()), ..plain(&relay) }, "anna@example.test").await.unwrap();
        assert_eq!(relay.heard()[0], format!("EHLO {hello}"));
    }
}

#[tokio::test]
async fn helo_follows_where_ehlo_is_refused_and_nothing_needs_it() {
    for refusal in ["500 what?", "502 5.5.1 not implemented", "501 syntax", "504 no", "550 never heard of it", "554 no"] {
        let answers = move |line: &str, _| line.starts_with("EHLO").then(|| refusal.to_owned());
        let relay = Relay::start(answers).await;
        send(plain(&relay), "anna@example.test").await.unwrap();
        assert_eq!(relay.heard()[..2], ["EHLO gate1.corp.example", "HELO gate1.corp.example"]);
        let (relay, tls) = (Relay::start(answers).await, Relay::start(answers).await);
        for config in [signing_in(&relay), Smtp { tls: SmtpTls::StartTls, ..plain(&tls) }] {
            let failed = send(config, "anna@example.test").await.unwrap_err();
            assert!(failed.kind == FailureKind::RetryElsewhere && failed.why.contains(refusal), "{failed:?}");
        }
        assert!(!relay.heard().iter().chain(&tls.heard()).any(|line| line.starts_with("HELO") || line.starts_with("MAIL")));
    }
    let relay = Relay::start(|line, _| line.starts_with("EHLO").then(|| "421 4.3.2 going down".to_owned())).await;
    assert_eq!(send(plain(&relay), "anna@example.test").await.unwrap_err().kind, FailureKind::RetryHere);
}

#[tokio::test]
async fn who_we_are_is_shown_as_the_relay_offers_it() {
    let login = ["AUTH LOGIN", "Z2F0ZQ==", "UmVsYXktUGFzc3cwcmQ="];
    let plain = ["AUTH PLAIN AGdhdGUAUmVsYXktUGFzc3cwcmQ="];
    let again = ["AUTH PLAIN AGdhdGUAUmVsYXktUGFzc3cwcmQ=", "AGdhdGUAUmVsYXktUGFzc3cwcmQ="];
    let both = [plain[0], login[0], login[1], login[2]];
    let table: [(&str, &[&str], &[&str]); 12] = [
        ("250-AUTH PLAIN LOGIN", &["235 in"], &plain),
        ("250-auth login plain", &["235 in"], &plain),
        ("250-AUTH=LOGIN PLAIN", &["235 in"], &plain),
        ("250-AUTH LOGIN", &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 in"], &login),
        ("250-AUTH=login", &["334 dXNlcm5hbWU6", "334 cGFzc3dvcmQ6", "235 in"], &login),
        ("250-AUTH LOGIN", &["334 VXNlciBOYW1lAA==", "334 UGFzc3dvcmQA", "235 in"], &login),
        ("250-AUTH LOGIN", &["334 QmVudXR6ZXI6", "334 S2Vubndvcnq6", "235 in"], &login),
        ("250-AUTH LOGIN", &["334", "334", "235"], &login),
        ("250-AUTH LOGIN", &["334 not base64!", "334 Username:", "235 in"], &login),
        ("250-Auth NTLM Login", &["334-a\r\n334 b", "334 c", "235 in"], &login),
        ("250-AUTH PLAIN", &["334", "235 in"], &again),
        ("250-AUTH PLAIN LOGIN", &["504 5.5.4 not this one", "334 a", "334 b", "235 in"], &both),
    ];
    for (offer, answers, expected) in table {
        let (offer, answers) =
            (format!("250-relay.test\r\n{offer}\r\n250"), answers.iter().map(|answer| (*answer).to_owned()).collect::<Vec<_>>());
        let left = std::sync::Mutex::new(answers.into_iter());
        let relay = Relay::start(move |line, _| match line.split(' ').next() {
            Some("EHLO") => Some(offer.clone()),
            Some("" | "MAIL" | "RCPT" | "DATA" | "." | "QUIT") => None,
            _ => left.lock().unwrap().next(),
        })
        .await;
        send(signing_in(&relay), "anna@example.test").await.unwrap_or_else(|failed| panic!("{expected:?}: {failed:?}"));
        assert_eq!(relay.heard()[1..=expected.len()], *expected);
    }
}

#[tokio::test]
async fn a_refused_password_is_not_tried_twice_and_one_that_is_asked_for_forever_ends() {
    let offers = |line: &str| line.starts_with("EHLO").then(|| "250-relay.test\r\n250 AUTH PLAIN LOGIN".to_owned());
    let table = [
        ("535 5.7.8 no", FailureKind::RetryElsewhere, 1),
        ("454 4.7.0 Temporary authentication failure", FailureKind::RetryHere, 1),
        ("334 again", FailureKind::RetryElsewhere, 2),
        ("504 unknown", FailureKind::RetryElsewhere, 2),
    ];
    for (answer, kind, asked) in table {
        let relay = Relay::start(move |line, _| match line.split(' ').next() {
            Some("EHLO") => offers(line),
            Some("AUTH" | "AGdhdGUAUmVsYXktUGFzc3cwcmQ=") => said(answer),
            _ => None,
        })
        .await;
        let failed = send(signing_in(&relay), "anna@example.test").await.unwrap_err();
        assert_eq!((failed.kind, relay.heard().len()), (kind, 1 + asked), "{answer}: {failed:?}");
        assert!(!failed.why.contains(PASSWORD), "{failed:?}");
    }
    let relay =
        Relay::start(|line, _| line.starts_with("EHLO").then(|| "250-relay.test\r\n250 AUTH CRAM-MD5 GSSAPI".to_owned())).await;
    let failed = send(signing_in(&relay), "anna@example.test").await.unwrap_err();
    assert!(failed.kind == FailureKind::RetryElsewhere && failed.why.contains("CRAM-MD5 GSSAPI"), "{failed:?}");
}

#[tokio::test]
async fn what_a_relay_says_at_each_step_decides_who_is_asked_next() {
    use FailureKind::{Final, RetryElsewhere, RetryHere, Unsure};
    let table = [
        ("", "421 4.3.2 too busy", RetryHere),
        ("", "554 no SMTP here", RetryElsewhere),
        ("", HANGS_UP, RetryHere),
        ("", "SSH-2.0-OpenSSH", RetryHere),
        ("MAIL", "450 4.7.1 wait", RetryHere),
        ("MAIL", "550 5.1.1 User unknown", RetryElsewhere),
        (
            "RCPT",
            "450 4.2.0 <anna@example.test>: Recipient address rejected: Greylisted, see http://postgrey.example/",
            RetryHere,
        ),
        ("RCPT", "452 4.3.1 Insufficient system storage", RetryHere),
        ("RCPT", "550 5.1.1 <anna@example.test>: Recipient address rejected: User unknown", Final),
        ("RCPT", "550 relay not permitted", RetryElsewhere),
        ("RCPT", "504 5.5.2 <gate>: Helo command rejected: need fully-qualified hostname", RetryElsewhere),
        ("RCPT", HANGS_UP, RetryHere),
        ("DATA", "451 4.3.0 queue file write error", RetryHere),
        ("DATA", "554 5.5.1 no valid recipients", RetryElsewhere),
        ("DATA", HANGS_UP, RetryHere),
        (".", "451 4.7.1 scanner is down", RetryHere),
        (".", "554 5.7.1 spam", RetryElsewhere),
        (".", "550 5.1.1 User unknown", Final),
        (".", "552 5.2.2 Mailbox full", Final),
        (".", HANGS_UP, Unsure),
        (".", "what?", Unsure),
        (".", "354 more", Unsure),
    ];
    for (step, answer, kind) in table {
        let relay = Relay::start(move |line, _| (line.split(' ').next() == Some(step)).then(|| answer.to_owned())).await;
        let failed = send(plain(&relay), "anna@example.test").await.unwrap_err();
        assert_eq!(failed.kind, kind, "{step} {answer}: {failed:?}");
        assert!(!failed.why.contains("anna") && !failed.why.contains("482913"), "{failed:?}");
    }
}

#[tokio::test]
async fn nothing_that_was_said_before_tls_counts_in_it() {
    for (extra, why) in
        [("\r\n250 AUTH PLAIN", "without TLS"), ("\r\n235 you are in\r\n250 ok", "without TLS"), ("", "TLS failed")]
    {
        let relay = Relay::start(move |line, _| match line.split(' ').next() {
            Some("EHLO") => said("250-relay.test\r\n250-AUTH PLAIN\r\n250 starttls"),
            Some("STARTTLS") => Some(format!("220 go on{extra}")),
            _ => None,
        })
        .await;
        let config = Smtp { tls: SmtpTls::StartTls, host: "localhost".into(), ..signing_in(&relay) };
        let failed = send(config, "anna@example.test").await.unwrap_err();
        assert!(failed.why.starts_with("STARTTLS failed") && failed.why.contains(why), "{failed:?}");
        let heard = relay.heard();
        assert!(heard.len() <= 3 && !heard.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{heard:?}");
    }
    for (answer, kind) in [("454 4.7.0 TLS not available", FailureKind::RetryHere), ("502 no", FailureKind::RetryElsewhere)] {
        let relay = Relay::start(move |line, _| match line.split(' ').next() {
            Some("EHLO") => said("250-relay.test\r\n250 STARTTLS"),
            Some("STARTTLS") => said(answer),
            _ => None,
        })
        .await;
        let failed = send(Smtp { tls: SmtpTls::StartTls, ..plain(&relay) }, "anna@example.test").await.unwrap_err();
        assert_eq!((failed.kind, relay.heard().len()), (kind, 2), "{failed:?}");
    }
}

#[tokio::test]
async fn addresses_in_other_scripts_go_where_they_can() {
    let relay = Relay::start(|_, _| None).await;
    send(plain(&relay), "anna@bücher.example").await.unwrap();
    assert_eq!(relay.heard()[1..3], ["MAIL FROM:<no-reply@example.com>", "RCPT TO:<anna@xn--bcher-kva.example>"]);
    assert!(relay.mails()[0].contains("\nTo: anna@xn--bcher-kva.example\n"), "{:?}", relay.mails());
    let failed = send(plain(&relay), "jörg@bücher.example").await.unwrap_err();
    assert!(failed.kind == FailureKind::RetryElsewhere && failed.why.contains("SMTPUTF8"), "{failed:?}");
    assert_eq!(relay.mails().len(), 1);
    let knows =
        Relay::start(|line, _| line.starts_with("EHLO").then(|| "250-relay.test\r\n250-8bitmime\r\n250 smtputf8".to_owned()))
            .await;
    send(plain(&knows), "jörg@bücher.example").await.unwrap();
    let expected = ["MAIL FROM:<no-reply@example.com> BODY=8BITMIME SMTPUTF8", "RCPT TO:<jörg@xn--bcher-kva.example>"];
    assert_eq!(knows.heard()[1..3], expected);
    assert!(knows.mails()[0].contains("\nTo: jörg@xn--bcher-kva.example\n"), "{:?}", knows.mails());
    send(plain(&knows), "anna@bücher.example").await.unwrap();
    assert!(!knows.heard()[5..].iter().any(|line| line.contains("SMTPUTF8")), "not where it is not needed");
}

#[tokio::test]
async fn answers_without_end_end_the_conversation() {
    for endless in ["250-more\r\n".repeat(100_000), "2".repeat(1 << 20)] {
        let relay = Relay::start(move |line, _| line.starts_with("EHLO").then(|| endless.clone())).await;
        let sent = tokio::time::timeout(Duration::from_secs(40), send(plain(&relay), "anna@example.test")).await;
        let failed = sent.expect("it ends").unwrap_err();
        assert_eq!(failed.kind, FailureKind::RetryHere, "{failed:?}");
    }
}
