//! The LDAP directory against a real OpenLDAP server, and against servers that misbehave.

use std::time::{Duration, Instant};

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret, UserId};
use doorward::config::directory::{Attributes, Ldap as Config, LdapServer, Users};
use doorward::directory::ldap::Ldap;
use doorward::directory::{Account, By, Directory, DirectoryError, SmsType, User, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::peers::{Slapd, Wire, dead_port, hung_server, slapd};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn server(scheme: &str, host: &str, port: u16) -> LdapServer {
    LdapServer { tls: scheme == "ldaps", host: host.to_owned(), port }
}

pub fn plain(port: u16) -> LdapServer {
    server("ldap", "127.0.0.1", port)
}

/// Everybody in the group, over a plain connection, by `uid` or mail.
pub fn config(slapd: &Slapd) -> Config {
    Config {
        servers: vec![plain(slapd.port())],
        starttls: false,
        ca: Some(slapd.ca()),
        service_user: slapd.service_user().to_owned(),
        service_password: secret(slapd.service_password()),
        users: Users {
            base: format!("ou=people,{}", slapd.base()),
            filter: "(objectClass=person)".into(),
            names: vec!["uid".into(), "mail".into()],
            member_of: Some(slapd.group().to_owned()),
        },
        country_prefix: None,
        attributes: Attributes {
            id: "entryUUID".into(),
            mobile: "mobile".into(),
            second_mobile: None,
            mail: "mail".into(),
            language: "preferredLanguage".into(),
            display_name: "displayName".into(),
            push: None,
            sms_type: None,
        },
    }
}

pub fn open(config: &Config) -> Ldap {
    Ldap::new("corp".into(), config, Clock::by_hand(), &SystemSource).unwrap()
}

async fn named(ldap: &Ldap, name: &str) -> Option<Account> {
    let mut found = ldap.find(&By::Account(name.to_owned())).await.unwrap();
    assert!(found.len() < 2, "{found:?}");
    found.pop()
}

async fn verdict(ldap: &Ldap, account: &Account, password: &str) -> Verdict {
    ldap.verify(account, &secret(password)).await.unwrap()
}

/// An account as if it had been found.
fn account(dn: &str) -> Account {
    let user = User::new(UserId::new("corp", "1"), "alice".into());
    Account { user, handle: dn.to_owned(), lock_out: None }
}

fn alice(slapd: &Slapd) -> Account {
    account(&format!("uid=alice,ou=people,{}", slapd.base()))
}

#[tokio::test]
async fn people_are_found_and_checked_over_ldaps_and_starttls() {
    let Some(slapd) = slapd(&[]) else { return };
    for (scheme, port) in [("ldaps", slapd.tls_port()), ("ldap", slapd.port())] {
        let mut config = config(&slapd);
        config.servers = vec![server(scheme, "localhost", port)];
        config.starttls = true;
        let ldap = open(&config);
        let alice = named(&ldap, "ALICE").await.expect(scheme);
        assert_eq!(verdict(&ldap, &alice, "wonderland").await, Verdict::Correct);
        assert_eq!(verdict(&ldap, &alice, "Wonderland").await, Verdict::Wrong);
        ldap.verify_nobody(&secret("wonderland")).await.unwrap();
    }
}

#[tokio::test]
async fn attributes_and_groups_are_read() {
    let Some(slapd) = slapd(&[]) else { return };
    let mut config = config(&slapd);
    slapd.modify(&format!(
        "dn: uid=alice,ou=people,{}\nchangetype: modify\nreplace: employeeType\nemployeeType: Flash\n",
        slapd.base()
    ));
    config.attributes.sms_type = Some("employeeType".into());
    let user = named(&open(&config), "alice").await.unwrap().user;
    assert_eq!(user.id.as_str().len(), "corp:".len() + 36, "{}", user.id);
    let expected = User {
        id: user.id.clone(),
        name: "alice".into(),
        display_name: Some("Alice Liddell".into()),
        mail: Some("alice@example.test".into()),
        mobile: Some("+45 20 00 00 01".into()),
        second_mobile: None,
        push: None,
        sms_type: Some(SmsType::Flash),
        language: Some("da".into()),
        groups: vec![slapd.group().to_owned()],
        password_expires: None,
        password_mark: None,
        mobile_changed: None,
    };
    assert_eq!(user, expected);
}

#[tokio::test]
async fn a_server_with_another_ca_or_another_name_is_refused() {
    let Some(slapd) = slapd(&[]) else { return };
    let other = tempfile::tempdir().unwrap();
    let other_ca = other.path().join("ca.crt");
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&other_ca, parameters.self_signed(&key).unwrap().pem()).unwrap();

    let table = [("localhost", Some(other_ca)), ("localhost", None), ("127.0.0.1", Some(slapd.ca()))];
    for (host, ca) in table {
        for (scheme, port) in [("ldaps", slapd.tls_port()), ("ldap", slapd.port())] {
            let wire = Wire::to(port).await;
            let mut config = config(&slapd);
            config.servers = vec![server(scheme, host, wire.port)];
            config.starttls = true;
            config.ca.clone_from(&ca);
            let ldap = open(&config);
            let found = ldap.find(&By::Account("alice".into())).await;
            let Err(DirectoryError::Unreachable { why, .. }) = found else { panic!("{host} {ca:?} {scheme}: {found:?}") };
            assert!(why.contains("certificate"), "{why}");
            let verified = ldap.verify(&alice(&slapd), &secret("wonderland")).await;
            assert!(matches!(verified, Err(DirectoryError::Unreachable { .. })), "{verified:?}");
            assert_eq!(wire.count(), 2);
        }
    }
}

#[tokio::test]
async fn only_the_right_password_is_correct() {
    let Some(slapd) = slapd(&[]) else { return };
    let ldap = open(&config(&slapd));
    let alice = named(&ldap, "alice").await.unwrap();
    assert_eq!(verdict(&ldap, &alice, "wonderland").await, Verdict::Correct);
    for wrong in ["x", "", "\0", "wonderland\0", "\0wonderland", "wonderland ", "*", &"x".repeat(1024), &"x".repeat(5000)] {
        assert_eq!(verdict(&ldap, &alice, wrong).await, Verdict::Wrong, "{wrong:?}");
    }
}

#[tokio::test]
async fn an_empty_password_is_wrong_even_where_the_server_says_yes_to_it() {
    let Some(slapd) = slapd(&[("ALLOW_UNAUTH", "1")]) else { return };
    let alice = alice(&slapd);
    let (connection, mut raw) = ldap3::LdapConnAsync::new(&format!("ldap://127.0.0.1:{}", slapd.port())).await.unwrap();
    ldap3::drive!(connection);
    assert_eq!(raw.simple_bind(&alice.handle, "").await.unwrap().rc, 0, "the trap is not set");

    let wire = Wire::to(slapd.port()).await;
    let mut config = config(&slapd);
    config.servers = vec![plain(wire.port)];
    let ldap = open(&config);
    for empty in ["", "\0", "\0wonderland"] {
        assert_eq!(verdict(&ldap, &alice, empty).await, Verdict::Wrong);
        ldap.verify_nobody(&secret(empty)).await.unwrap();
    }
    assert_eq!(wire.count(), 0, "somebody was asked");
    assert_eq!(verdict(&ldap, &alice, "wonderland").await, Verdict::Correct);
    assert_eq!(verdict(&ldap, &alice, "x").await, Verdict::Wrong);
}

#[tokio::test]
async fn a_definite_no_never_goes_to_another_server() {
    let Some(slapd) = slapd(&[]) else { return };
    let second = Wire::to(slapd.port()).await;
    let mut config = config(&slapd);
    config.servers.push(plain(second.port));
    let ldap = open(&config);
    assert_eq!(verdict(&ldap, &alice(&slapd), "wrong").await, Verdict::Wrong);
    assert_eq!(verdict(&ldap, &account("uid=gone,ou=people,dc=example,dc=test"), "wrong").await, Verdict::Wrong);
    ldap.verify_nobody(&secret("wrong")).await.unwrap();
    assert_eq!(second.count(), 0);
}

#[tokio::test]
async fn somebody_and_nobody_cost_one_connection_each() {
    let Some(slapd) = slapd(&[]) else { return };
    let wire = Wire::to(slapd.port()).await;
    let mut config = config(&slapd);
    config.servers = vec![plain(wire.port)];
    let ldap = open(&config);
    let alice = named(&ldap, "alice").await.unwrap();
    for _ in 0..3 {
        assert!(named(&ldap, "nobody").await.is_none());
    }
    assert_eq!(wire.count(), 1, "the service connection was not kept");
    verdict(&ldap, &alice, "wrong").await;
    assert_eq!(wire.count(), 2);
    ldap.verify_nobody(&secret("wrong")).await.unwrap();
    assert_eq!(wire.count(), 3);
}

#[tokio::test]
async fn a_lost_service_connection_is_made_again() {
    let Some(slapd) = slapd(&[]) else { return };
    let wire = Wire::to(slapd.port()).await;
    let mut config = config(&slapd);
    config.servers = vec![plain(wire.port)];
    let ldap = open(&config);
    for _ in 0..3 {
        assert!(named(&ldap, "alice").await.is_some());
        wire.cut();
    }
    assert_eq!(wire.count(), 3);
}

#[tokio::test]
async fn a_dead_server_is_passed_over() {
    let Some(slapd) = slapd(&[]) else { return };
    let mut config = config(&slapd);
    config.servers.insert(0, plain(dead_port()));
    let ldap = open(&config);
    let alice = named(&ldap, "alice").await.unwrap();
    assert_eq!(verdict(&ldap, &alice, "wonderland").await, Verdict::Correct);
    assert_eq!(verdict(&ldap, &alice, "wrong").await, Verdict::Wrong);
    let fresh = open(&config);
    assert_eq!(verdict(&fresh, &alice, "wonderland").await, Verdict::Correct);
}

#[tokio::test]
async fn a_server_that_hangs_is_left_soon_and_comes_last_then() {
    let Some(slapd) = slapd(&[]) else { return };
    let (_held, port) = hung_server();
    for scheme in ["ldap", "ldaps"] {
        let mut config = config(&slapd);
        config.servers.insert(0, server(scheme, "127.0.0.1", port));
        let ldap = open(&config);
        let began = begin();
        let alice = named(&ldap, "alice").await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        let began = begin();
        assert_eq!(verdict(&ldap, &alice, "wonderland").await, Verdict::Correct);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn when_no_server_answers_we_could_not_tell() {
    let Some(slapd) = slapd(&[]) else { return };
    let mut config = config(&slapd);
    config.servers = vec![plain(dead_port()), plain(dead_port())];
    let ldap = open(&config);
    let (alice, password) = (alice(&slapd), secret("wonderland"));
    assert!(matches!(ldap.find(&By::Account("alice".into())).await, Err(DirectoryError::Unreachable { .. })));
    assert!(matches!(ldap.verify(&alice, &password).await, Err(DirectoryError::Unreachable { .. })));
    assert!(matches!(ldap.verify_nobody(&password).await, Err(DirectoryError::Unreachable { .. })));
}

#[tokio::test]
async fn only_members_of_the_group_are_found() {
    for environment in [&[][..], &[("NO_MEMBEROF", "1")]] {
        let Some(slapd) = slapd(environment) else { return };
        let ldap = open(&config(&slapd));
        assert!(named(&ldap, "bob").await.is_some());
        assert!(named(&ldap, "carol").await.is_none());

        let mut config = config(&slapd);
        for group in ["cn=unique", "cn=posix"] {
            config.users.member_of = Some(format!("{group},ou=groups,{}", slapd.base()));
            let ldap = open(&config);
            assert!(named(&ldap, "bob").await.is_some(), "{group}");
            assert!(named(&ldap, "alice").await.is_none(), "{group}");
        }
        config.users.member_of = None;
        assert!(named(&open(&config), "carol").await.is_some());
    }
}

#[tokio::test]
async fn a_group_that_does_not_exist_lets_nobody_in_and_is_named() {
    let Some(slapd) = slapd(&[("NO_MEMBEROF", "1")]) else { return };
    let mut config = config(&slapd);
    config.users.member_of = Some("cn=gaet,ou=groups,dc=example,dc=test".into());
    let found = open(&config).find(&By::Account("alice".into())).await;
    let Err(DirectoryError::Failed { why, .. }) = found else { panic!("{found:?}") };
    assert!(why.contains("cn=gaet,ou=groups"), "{why}");
}

#[tokio::test]
async fn without_member_of_the_groups_are_searched() {
    let Some(slapd) = slapd(&[("NO_MEMBEROF", "1")]) else { return };
    let mut groups = named(&open(&config(&slapd)), "bob").await.unwrap().user.groups;
    groups.sort();
    assert_eq!(groups, ["gate", "posix", "unique"].map(|name| format!("cn={name},ou=groups,{}", slapd.base())));
}

#[tokio::test]
async fn a_mail_address_means_the_members_who_have_it() {
    let Some(slapd) = slapd(&[]) else { return };
    let ldap = open(&config(&slapd));
    let names = async |address: &str| {
        let found = ldap.find(&By::Mail(address.into())).await.unwrap();
        let mut names: Vec<_> = found.into_iter().map(|account| account.user.name).collect();
        names.sort();
        names
    };
    assert_eq!(names("alice@example.test").await, ["alice"], "carol has it too, but is outside the group");
    assert_eq!(names("Office@example.test").await, ["dan", "erin"]);
    assert!(names("nobody@example.test").await.is_empty());
    assert!(named(&ldap, "alice@example.test").await.is_none());

    let mut config = config(&slapd);
    config.users.names = vec!["uid".into()];
    assert!(open(&config).find(&By::Mail("alice@example.test".into())).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_full_of_filter_finds_nobody() {
    let Some(slapd) = slapd(&[]) else { return };
    let ldap = open(&config(&slapd));
    let hostile = [
        "*",
        "al*",
        "alice)(uid=*",
        "*)(objectClass=*",
        "x)(|(uid=alice",
        "alice)(|(objectClass=*))",
        "\\2a",
        "alice\\00",
        "alice\0",
        "(",
        ")",
        "\\",
        "",
        "uid=alice,ou=people,dc=example,dc=test",
    ];
    for name in hostile {
        assert!(named(&ldap, name).await.is_none(), "{name:?}");
        assert!(ldap.find(&By::Mail(name.to_owned())).await.unwrap().is_empty(), "{name:?}");
    }
    assert!(named(&ldap, "alice").await.is_some());
}

#[tokio::test]
async fn unusual_names_sign_in() {
    let Some(slapd) = slapd(&[]) else { return };
    let ldap = open(&config(&slapd));
    let long = "l".repeat(256);
    for (name, password) in [("jürgen.groß", "Grüße aus Köln"), (&long, "longs-password"), ("odd,(*)\\name", "odds-password")]
    {
        let account = named(&ldap, name).await.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(account.user.name, name);
        assert_eq!(account.user.groups, [slapd.group()]);
        assert_eq!(verdict(&ldap, &account, password).await, Verdict::Correct, "{name}");
        assert_eq!(verdict(&ldap, &account, "wrong").await, Verdict::Wrong, "{name}");
    }
    assert!(named(&ldap, &"ü".repeat(256)).await.is_none());
}

#[tokio::test]
async fn a_user_without_the_id_attribute_is_an_error_that_names_the_entry() {
    let Some(slapd) = slapd(&[]) else { return };
    let mut config = config(&slapd);
    config.attributes.id = "employeeNumber".into();
    let found = open(&config).find(&By::Account("alice".into())).await;
    let Err(DirectoryError::Failed { why, .. }) = found else { panic!("{found:?}") };
    assert!(why.contains("uid=alice,ou=people") && why.contains("employeeNumber"), "{why}");
}

#[tokio::test]
async fn a_wrong_service_password_is_told_and_not_repeated() {
    let Some(slapd) = slapd(&[]) else { return };
    let second = Wire::to(slapd.port()).await;
    let mut config = config(&slapd);
    config.servers.push(plain(second.port));
    config.service_password = secret("not-the-password");
    let found = open(&config).find(&By::Account("alice".into())).await;
    let Err(DirectoryError::Failed { why, .. }) = found else { panic!("{found:?}") };
    assert!(why.contains(slapd.service_user()) && !why.contains("not-the-password"), "{why}");
    assert_eq!(second.count(), 0);
}

#[tokio::test]
async fn a_wrong_service_password_is_shown_seldom_so_that_its_account_is_not_locked() {
    let Some(slapd) = slapd(&[]) else { return };
    let wire = Wire::to(slapd.port()).await;
    let mut config = config(&slapd);
    config.servers = vec![plain(wire.port)];
    config.service_password = secret("not-the-password");
    let clock = Clock::by_hand();
    let ldap = Ldap::new("corp".into(), &config, clock.clone(), &SystemSource).unwrap();
    let by = By::Account("alice".into());
    for (minutes, shown) in [(0, 1), (0, 1), (1, 2), (5, 2), (25, 2), (1, 3), (30, 3), (1, 4)] {
        clock.advance(Duration::from_secs(60 * minutes));
        for _ in 0..3 {
            let Err(DirectoryError::Failed { why, .. }) = ldap.find(&by).await else { panic!("found") };
            assert!(why.contains(slapd.service_user()), "{why}");
        }
        assert_eq!(wire.count(), shown, "{minutes} minutes later");
    }
}

/// Answers the first request of every connection with these bytes, then closes.
async fn canned(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 512];
            if stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                drop(stream.write_all(&answer).await);
            }
        }
    });
    port
}

/// The answer to a bind that was the first request (RFC 4511 section 4.2.2).
fn bind_result(code: u8) -> Vec<u8> {
    vec![0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, code, 0x04, 0x00, 0x04, 0x00]
}

#[tokio::test]
async fn a_busy_server_is_passed_over_and_a_broken_off_bind_is_not_repeated() {
    let Some(slapd) = slapd(&[]) else { return };
    let alice = alice(&slapd);
    let second = Wire::to(slapd.port()).await;
    let with_first = async |answer: Vec<u8>| {
        let mut config = config(&slapd);
        config.servers = vec![plain(canned(answer).await), plain(second.port)];
        let before = second.count();
        let answer = open(&config).verify(&alice, &secret("wonderland")).await;
        (answer, second.count() - before)
    };
    for busy in [51, 52] {
        let (answer, asked) = with_first(bind_result(busy)).await;
        assert_eq!((answer.unwrap(), asked), (Verdict::Correct, 1), "{busy}");
    }
    let (answer, asked) = with_first(bind_result(49)).await;
    assert_eq!((answer.unwrap(), asked), (Verdict::Wrong, 0));
    for refusal in [8, 13, 19, 53, 80] {
        let (answer, asked) = with_first(bind_result(refusal)).await;
        assert!(matches!(answer, Err(DirectoryError::Failed { .. })) && asked == 0, "{refusal}: {answer:?}");
    }
    // Taken and closed without an answer: it may have been judged, and counted.
    for answer in [Vec::new(), b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()] {
        let (answer, asked) = with_first(answer).await;
        assert!(matches!(answer, Err(DirectoryError::Unanswered { .. })) && asked == 0, "{answer:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long something really takes")]
fn begin() -> Instant {
    Instant::now()
}
