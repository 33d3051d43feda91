//! Names that hold what nobody sees, in a directory that keeps it.

use std::sync::Arc;
use std::time::Duration;

use doorward::directory::people::{Found, Place};
use doorward::directory::{Name, People};

use crate::ldap_directory::{config, open};
use crate::support::peers::slapd;

/// OpenLDAP compares what nobody sees; Persian needs U+200C.
#[tokio::test]
async fn a_name_that_holds_what_nobody_sees_is_found_as_it_is_written_and_others_without_it() {
    let Some(slapd) = slapd(&[]) else { return };
    let (base, persian) = (slapd.base(), "علی\u{200c}رضا");
    slapd.modify(&format!(
        "dn: cn=ali,ou=people,{base}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {persian}\ncn: ali\nsn: R\nmail: ali@example.test\n\n\
         dn: {}\nchangetype: modify\nadd: member\nmember: cn=ali,ou=people,{base}\n",
        slapd.group()
    ));
    let place = Place {
        directory: Arc::new(open(&config(&slapd))),
        domain: Default::default(),
        country_prefix: None,
        default: true,
        recheck: Duration::from_secs(60),
    };
    let people = People::new(vec![place]);
    for (typed, name) in [
        (persian, Some(persian)),
        ("\u{202b}علی\u{200c}رضا\u{202c} ", Some(persian)),
        ("علیرضا", None),
        ("al\u{200c}ice", Some("alice")),
        ("al\u{ad}ice@exam\u{200b}ple.test", Some("alice")),
        ("ju\u{308}r\u{200b}gen.groß", Some("jürgen.groß")),
        ("nob\u{200c}ody", None),
    ] {
        let found = match people.find(&Name::parse(typed).unwrap()).await.unwrap() {
            Found::One(account) => Some(account.user.name),
            Found::Nobody => None,
            Found::Several(ids) => panic!("{typed:?}: {ids:?}"),
        };
        assert_eq!(found.as_deref(), name, "{typed:?}");
    }
}
