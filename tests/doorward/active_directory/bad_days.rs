//! Controllers that hang, die, have a bad certificate, insist on TLS, or send far too much.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret};
use doorward::config::active_directory::ActiveDirectory as Config;
use doorward::config::directory::LdapServer;
use doorward::directory::active_directory::ActiveDirectory;
use doorward::directory::{By, Directory, DirectoryError, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{named, open, secret, verdict};
use crate::support::eventually::eventually;
use crate::support::samba::Samba;
use crate::support::sockets::has_unread;

fn by_name(name: &str) -> By {
    By::Account(name.to_owned())
}

/// Two controllers that know the same people, and a file with the CAs of both.
struct Pair {
    first: Samba,
    second: Samba,
    cas: tempfile::NamedTempFile,
}

impl Pair {
    async fn start() -> Option<Self> {
        let (first, second) = (Samba::start().await?, Samba::start().await?);
        for samba in [&first, &second] {
            samba.admin().await.add_member("alice", "Wonder-land1", &[]).await;
        }
        let cas = tempfile::NamedTempFile::new().unwrap();
        let both: Vec<String> = [&first, &second].map(|samba| std::fs::read_to_string(samba.ca()).unwrap()).into();
        std::fs::write(cas.path(), both.concat()).unwrap();
        Some(Self { first, second, cas })
    }

    fn config(&self) -> Config {
        let mut config = self.first.config();
        config.ldap.servers.extend(self.second.config().ldap.servers);
        config.ldap.ca = Some(PathBuf::from(self.cas.path()));
        config
    }
}

#[tokio::test]
async fn a_controller_that_hangs_is_left_within_two_seconds_and_comes_back_by_itself() {
    let Some(pair) = Pair::start().await else { return };
    let clock = Clock::by_hand();
    let directory = ActiveDirectory::new("corp".into(), &pair.config(), clock.clone(), &SystemSource).unwrap();
    let first_id = named(&directory, "alice").await.unwrap().user.id;

    pair.first.freeze();
    let began = begin();
    let alice = named(&directory, "alice").await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_millis(3500), "{took:?}");
    assert_ne!(alice.user.id, first_id, "it is the second controller that answered");
    println!("a search left a frozen controller after {took:?}");
    let began = begin();
    assert_eq!(verdict(&directory, &alice, "Wonder-land1").await, Verdict::Correct);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "it is known to hang: {took:?}");

    pair.first.thaw();
    pair.second.kill();
    clock.advance(Duration::from_secs(31));
    let alice = named(&directory, "alice").await.unwrap();
    assert_eq!(alice.user.id, first_id);
    assert_eq!(verdict(&directory, &alice, "Wonder-land1").await, Verdict::Correct);
}

#[tokio::test]
async fn a_controller_killed_in_the_middle_of_a_bind_is_not_followed_by_another() {
    let Some(pair) = Pair::start().await else { return };
    let mut config = pair.config();
    let alice = named(&open(&config), "alice").await.unwrap();
    // Without TLS the bind is on its way at once, into a controller that does not read it.
    config.ldap.servers[0] = LdapServer { tls: false, host: pair.first.address().into(), port: 389 };
    let directory = open(&config);
    pair.first.freeze();
    let password = secret("wrong");
    let (judged, ()) = tokio::join!(directory.verify(&alice, &password), async {
        let controller: (std::net::IpAddr, u16) = (pair.first.address().parse().unwrap(), 389);
        eventually("the bind waits in it", async || has_unread(controller.into())).await;
        pair.first.kill();
    });
    assert!(matches!(judged, Err(DirectoryError::Unanswered { .. })), "{judged:?}");
    let counted = pair.second.admin().await.value(&pair.second.dn("alice"), "badPwdCount").await;
    assert_eq!(counted.as_deref().unwrap_or("0"), "0", "the second controller was asked too");
    // The next one is asked of the other controller.
    assert_eq!(verdict(&directory, &alice, "Wonder-land1").await, Verdict::Correct);
}

#[tokio::test]
async fn when_all_controllers_are_down_nobody_could_tell_until_one_is_back() {
    let Some(samba) = Samba::start().await else { return };
    samba.admin().await.add_member("alice", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    let alice = named(&directory, "alice").await.unwrap();
    samba.kill();
    let password = secret("Wonder-land1");
    assert!(matches!(directory.find(&by_name("alice")).await, Err(DirectoryError::Unreachable { .. })));
    assert!(matches!(directory.verify(&alice, &password).await, Err(DirectoryError::Unreachable { .. })));
    assert!(matches!(directory.verify_nobody(&password).await, Err(DirectoryError::Unreachable { .. })));
    let changed = directory.change(&alice, &password, &password).await;
    assert!(matches!(changed, Err(DirectoryError::Unreachable { .. })), "{changed:?}");
    samba.revive();
    let alice = named(&directory, "alice").await.unwrap();
    assert_eq!(verdict(&directory, &alice, "Wonder-land1").await, Verdict::Correct);
}

#[tokio::test]
async fn a_bad_certificate_is_refused_in_words() {
    for (kind, words) in [("expired", "expired"), ("other", "not valid for name")] {
        let Some(samba) = Samba::start_with(&[("CERTIFICATE", kind)]).await else { return };
        let found = open(&samba.config()).find(&by_name("alice")).await;
        let Err(DirectoryError::Unreachable { why, .. }) = found else { panic!("{kind}: {found:?}") };
        assert!(why.contains(words), "{kind}: {why}");
    }
}

#[tokio::test]
async fn a_controller_that_insists_on_tls_says_so_in_words() {
    let Some(samba) = Samba::start_with(&[("STRONG_AUTH", "yes")]).await else { return };
    samba.admin().await.add_member("alice", "Wonder-land1", &[]).await;
    let mut config = samba.config();
    let alice = named(&open(&config), "alice").await.unwrap();
    config.ldap.servers = vec![LdapServer { tls: false, host: samba.address().into(), port: 389 }];
    let directory = open(&config);
    let found = directory.find(&by_name("alice")).await;
    let Err(DirectoryError::Failed { why, .. }) = found else { panic!("{found:?}") };
    assert!(why.contains("TLS only"), "{why}");
    let judged = directory.verify(&alice, &secret("Wonder-land1")).await;
    let Err(DirectoryError::Failed { why, .. }) = judged else { panic!("{judged:?}") };
    assert!(why.contains("TLS only"), "{why}");
}

/// Says yes to every bind and answers every search with fifty thousand entries, whatever it was asked.
async fn flood() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                    // The message's number is of one byte in so young a connection: behind the length, which may have several.
                    let at = if request[1] < 0x80 { 2 } else { 2 + usize::from(request[1] & 0x7f) };
                    let (number, kind) = (request[at + 2], request[at + 3]);
                    let answer = match kind {
                        0x60 => vec![0x30, 0x0c, 2, 1, number, 0x61, 7, 10, 1, 0, 4, 0, 4, 0],
                        0x63 => {
                            let entry = [0x30, 0x0d, 2, 1, number, 0x64, 8, 4, 4, b'c', b'n', b'=', b'x', 0x30, 0];
                            entry.repeat(50_000)
                        }
                        // It is asked to stop (abandon), to which nothing is answered.
                        0x50 => continue,
                        _ => return,
                    };
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn an_answer_of_fifty_thousand_entries_is_cut_off_and_is_nobody() {
    let port = flood().await;
    let samba_like = Config {
        domain: "ad.example.test".into(),
        ldap: doorward::config::directory::Ldap {
            servers: vec![LdapServer { tls: false, host: "127.0.0.1".into(), port }],
            starttls: false,
            ca: None,
            service_user: "svc@ad.example.test".into(),
            service_password: Secret::new("Serv1ce".into()),
            users: doorward::config::directory::Users {
                base: "DC=ad,DC=example,DC=test".into(),
                filter: "(objectClass=user)".into(),
                names: vec!["sAMAccountName".into()],
                member_of: None,
            },
            attributes: doorward::config::active_directory::attributes(),
            country_prefix: None,
        },
        dns: Vec::new(),
        refuse_groups: Vec::new(),
        refuse_privileged: false,
    };
    let began = begin();
    let found = open(&samba_like).find(&by_name("alice")).await;
    assert!(matches!(found, Err(DirectoryError::Failed { .. })), "{found:?}");
    // Several such answers, each read to its ninth entry; the rest of each still has to pass by.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long something really takes")]
fn begin() -> Instant {
    Instant::now()
}
