//! Everything together, as one person meets it: browser, Doorward, OpenLDAP, a mail through Postfix, the passcode, nginx.

#![allow(clippy::disallowed_methods, reason = "what a user waits for is measured by the machine's clock")]

use std::time::{Duration, Instant};

use doorward::base::Clock;

use crate::support::nginx::{Nginx, WebSocketServer, nginx};
use crate::support::peers::{Slapd, dead_port, slapd};
use crate::support::postfix::{PASSWORD, Postfix, USER};
use crate::support::{program, script as scripts};

pub fn configuration(slapd: &Slapd, postfix: &Postfix, nginx: &Nginx) -> String {
    let application = |name: &str, host: &str, upstream: &str| {
        format!(
            "[[application]]\nname = \"{name}\"\nhosts = [\"{host}.example.test\"]\npolicy = \"staff\"\nupstream = {{ {upstream} }}\n"
        )
    };
    let applications = [
        application("intranet", "app", &format!("servers = [\"http://127.0.0.1:{}\"]", nginx.port())),
        application(
            "archive",
            "secure",
            &format!("servers = [\"https://localhost:{}\"], ca = {:?}", nginx.tls_port(), nginx.ca()),
        ),
        application("absent", "gone", &format!("servers = [\"http://127.0.0.1:{}\"]", dead_port())),
    ];
    CONFIGURATION
        .replace("APPLICATIONS", &applications.join("\n"))
        .replace("LDAP_PORT", &slapd.tls_port().to_string())
        .replace("LDAP_CA", slapd.ca().to_str().unwrap())
        .replace("SERVICE_USER", slapd.service_user())
        .replace("SERVICE_PASSWORD", slapd.service_password())
        .replace("BASE", slapd.base())
        .replace("GROUP", slapd.group())
        .replace("SMTP_PORT", &postfix.port.to_string())
        .replace("SMTP_CA", postfix.ca().to_str().unwrap())
        .replace("SMTP_USER", USER)
        .replace("SMTP_PASSWORD", PASSWORD)
}

/// The mail as its reader sees it, for the script.
fn as_json(mail: &str) -> String {
    let (head, body) = mail.split_once("\n\n").unwrap();
    let subject = head.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
    // The plain part; the HTML one follows it.
    let boundary = head.split_once("boundary=\"").unwrap().1.split_once('"').unwrap().0;
    let plain = body.split(&format!("--{boundary}")).nth(1).unwrap().trim_start().split_once("\n\n").unwrap();
    let encoded = plain.0.contains("quoted-printable");
    let text = if encoded { quoted_printable(plain.1) } else { plain.1.to_owned() };
    serde_json::json!({ "subject": subject, "text": text }).to_string()
}

fn quoted_printable(body: &str) -> String {
    let body = body.replace("=\n", "");
    let (mut bytes, mut rest) = (Vec::new(), body.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'=').then(|| u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn somebody_signs_in_with_a_code_from_a_mail_and_works_on() {
    let Some(mut script) = scripts::browser("tests/browser/story.mjs") else { return };
    let Some(websocket) = WebSocketServer::start() else { return };
    let (slapd, postfix, nginx) = std::thread::scope(|scope| {
        let (slapd, postfix) = (scope.spawn(|| slapd(&[])), scope.spawn(Postfix::start));
        (slapd.join().unwrap(), postfix.join().unwrap(), nginx(websocket.port))
    });
    let (Some(slapd), Some(postfix), Some(nginx)) = (slapd, postfix, nginx) else { return };
    let folder = tempfile::tempdir().unwrap();
    let certificate = program::certificate(folder.path(), "door", &["*.example.test"]);
    let text = configuration(&slapd, &postfix, &nginx);
    let config = doorward::config::parse(&text, folder.path(), &|_| None).unwrap_or_else(|problems| panic!("{problems:?}"));
    let clock = Clock::by_hand();
    let door = doorward::app::start(&config, &clock).unwrap();
    let mailbox = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    script.arg(door.addresses[0].port().to_string()).arg(certificate);
    // Pictures of every page, to be looked at, where somebody names a folder for them; else one of a failure.
    match std::env::var_os("DOORWARD_SHOTS") {
        Some(shots) => script.arg(shots).arg("pictures"),
        None => script.arg(std::env::temp_dir().join("doorward-shots")),
    };
    let started = Instant::now();
    scripts::converse(script, |question| match question.split_once(' ') {
        None if question == "mail" => as_json(&mailbox.block_on(postfix.next_mail())),
        Some(("advance", seconds)) => {
            clock.advance(Duration::from_secs(seconds.parse().unwrap()));
            "ok".to_owned()
        }
        _ => panic!("the script asks for {question}"),
    });
    println!("the story took {} s", started.elapsed().as_secs());
    door.stop();
}

const CONFIGURATION: &str = r#"
[node]
state_dir = "state"

[[listener]]
address = "127.0.0.1:0"
certificates = [{ chain = "door.pem", key = "door.key" }]

APPLICATIONS

[[directory]]
name = "people"
kind = "ldap"
servers = ["ldaps://localhost:LDAP_PORT"]
ca = "LDAP_CA"
service_user = "SERVICE_USER"
service_password = "SERVICE_PASSWORD"
users = { base = "ou=people,BASE", filter = "(objectClass=person)", names = ["uid", "mail"], member_of = "GROUP" }

[[transmitter]]
name = "relay"
kind = "smtp"
server = "localhost:SMTP_PORT"
tls = "starttls"
ca = "SMTP_CA"
user = "SMTP_USER"
password = "SMTP_PASSWORD"
from = "Doorward <no-reply@example.com>"

[[dispatch_policy]]
name = "standard"
rules = [{ channel = "mail", to = "mail", through = ["relay"], wait = "60s" }]

[[authentication_policy]]
name = "staff"
rules = [{ then = "challenge", factors = ["passcode"], dispatch = "standard", passcode = "standard" }]

[limits]
attempts_per_address = "1000/1m"
failures_per_user = "1000/15m"
wrong_factors_per_user = "1000/15m"
messages_per_user = "1000/1h"
messages_per_number = "1000/1h"

[pages]
title = "Example Corp"
support = "Call the help desk: +45 1234 5678"
languages = ["en", "de"]
"#;
