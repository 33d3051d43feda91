//! What a login costs in the directory: printed, and with `DOORWARD_LONG=1` measured over 500 logins.

use std::time::{Duration, Instant};

use doorward::base::Clock;
use doorward::base::random::SystemSource;
use doorward::config::directory::{Ldap as LdapConfig, LdapServer, Users};
use doorward::directory::ldap::Ldap;
use doorward::directory::{By, Directory, Verdict};

use super::{open, secret};
use crate::support::peers::slapd;
use crate::support::samba::Samba;

#[tokio::test]
async fn a_login_costs_little_in_either_directory() {
    let count = if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 500 } else { 20 };
    if let Some(samba) = Samba::shared().await {
        samba.admin().await.add_member("measured", "Wonder-land1", &[]).await;
        measure("Samba", &open(&samba.config()), ("measured", "Wonder-land1"), count).await;
    }
    if let Some(slapd) = slapd(&[]) {
        let config = LdapConfig {
            servers: vec![LdapServer { tls: true, host: "localhost".into(), port: slapd.tls_port() }],
            starttls: false,
            ca: Some(slapd.ca()),
            service_user: slapd.service_user().to_owned(),
            service_password: secret(slapd.service_password()),
            users: Users {
                base: format!("ou=people,{}", slapd.base()),
                filter: "(objectClass=person)".into(),
                names: vec!["uid".into()],
                member_of: Some(slapd.group().to_owned()),
            },
            attributes: Default::default(),
            country_prefix: None,
        };
        let ldap = Ldap::new("corp".into(), &config, Clock::by_hand(), &SystemSource).unwrap();
        measure("slapd", &ldap, ("alice", "wonderland"), count).await;
    }
}

async fn measure(name: &str, directory: &dyn Directory, (user, password): (&str, &str), count: usize) {
    let (by, password) = (By::Account(user.to_owned()), secret(password));
    let (mut finding, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let began = begin();
        let account = directory.find(&by).await.unwrap().pop().unwrap();
        finding.push(began.elapsed());
        assert_eq!(directory.verify(&account, &password).await.unwrap(), Verdict::Correct);
        whole.push(began.elapsed());
    }
    for (what, mut times) in [("find", finding), ("find and verify", whole)] {
        times.sort();
        println!("{name}, {what}, {count} times over TLS: median {:?}, p99 {:?}", times[count / 2], times[count * 99 / 100]);
        assert!(times[count / 2] < Duration::from_secs(1), "{times:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long something really takes")]
fn begin() -> Instant {
    Instant::now()
}
