//! Bad days of a neighbour: what is not its business goes on.

use crate::support::node::Bed;
use crate::support::peers::{Slapd, slapd};
use crate::support::toml::Toml;

/// A directory beside the users file, for names with `@ldap.example`.
fn directory(slapd: &Slapd) -> String {
    format!(
        r#"[[directory]]
name = "ldap"
kind = "ldap"
domain = "ldap.example"
servers = ["ldaps://localhost:{}"]
ca = {:?}
service_user = "{}"
service_password = "{}"
users = {{ base = "ou=people,{}", filter = "(objectClass=person)", names = ["uid"], member_of = "{}" }}
"#,
        slapd.tls_port(),
        slapd.ca(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group()
    )
}

#[tokio::test]
async fn a_directory_that_hangs_slows_nobody_who_is_signed_in_and_locks_nobody_out() {
    let Some(slapd) = slapd(&[]) else { return };
    let bed = Bed::with(Toml::bed().directory(directory(&slapd))).await;
    bed.expects_errors("a password could not be checked");
    let inside = bed.signed_in("bob", "builder").await;
    bed.browser().to_passcode("alice@ldap.example", PASSWORD).await;

    slapd.freeze();
    let outside = bed.browser();
    let refused = tokio::spawn(async move { outside.login("alice@ldap.example", PASSWORD).await });
    for _ in 0..200 {
        assert!(inside.is_in().await);
    }
    // Nor is anybody kept out whose password is elsewhere.
    bed.signed_in("alice", "wonderland").await;
    assert!(!refused.is_finished(), "the others had to wait for the directory");
    let refused = refused.await.unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.says("We cannot check passwords right now"), "{}", refused.body);

    slapd.thaw();
    for _ in 0..6 {
        // More often than wrong passwords are allowed: none of this was counted.
        bed.browser().to_passcode("alice@ldap.example", PASSWORD).await;
    }
}

const PASSWORD: &str = "wonderland";
