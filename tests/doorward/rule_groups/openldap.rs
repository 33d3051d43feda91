//! With OpenLDAP.

use doorward::base::random::SystemSource;
use doorward::base::{Clock, UserId};
use doorward::config::group::Group;
use doorward::directory::ldap::Ldap;
use doorward::directory::people::Place;
use doorward::directory::{By, Directory, Doubt, Meaning, Membership, People};

use super::{Led, UNDECIDED, admits_outside, bed, led, undecided};
use crate::ldap_directory::config;
use crate::support::peers::{Slapd, slapd};

/// Everybody may sign in.
fn section(slapd: &Slapd) -> String {
    format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"ldap://127.0.0.1:{}\"]\nservice_user = \"{}\"\n\
         service_password = \"{}\"\nusers = {{ base = \"ou=people,{}\" }}\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base()
    )
}

fn open(slapd: &Slapd) -> Ldap {
    let mut config = config(slapd);
    config.users.member_of = None;
    Ldap::new("corp".into(), &config, Clock::by_hand(), &SystemSource).unwrap()
}

async fn id(ldap: &Ldap, name: &str) -> UserId {
    ldap.find(&By::Account(name.to_owned())).await.unwrap().pop().unwrap().user.id
}

fn groups(written: &[&str]) -> Vec<Group> {
    written.iter().map(|group| Group::parse(group).unwrap()).collect()
}

/// The group `gate` by every spelling that somebody may come across, and one with a name that needs escapes.
fn spellings(slapd: &Slapd) -> Vec<String> {
    let base = slapd.base();
    let spaced = base.replace(',', ", ");
    let numbered = base.replace("dc=", "0.9.2342.19200300.100.1.25=");
    vec![
        format!("cn=gate,ou=groups,{base}"),
        format!("CN=GATE, OU=Groups, {spaced}"),
        format!(" cn = gate , ou = groups ,{base} "),
        format!("2.5.4.3=gate,OID.2.5.4.11=groups,{numbered}"),
        format!("commonName=gate,organizationalUnitName=groups,{base}"),
        format!("cn=g\\61te,ou=groups,{base}"),
        format!("cn=\"gate\";ou=groups;{base}"),
        format!("cn=#0C0467617465,ou=groups,{base}"),
        format!("cn=ga\u{ad}te\u{200b},ou=groups,{base}"),
        "gate".to_owned(),
        "GATE".to_owned(),
        format!("{ODD},ou=groups,{base}"),
        format!("cn=mu\u{308}ller\\2c s\u{f6}hne \\2B co+ou=x,ou=groups,{base}"),
        format!("OU=X + CN=\"Müller, So\u{308}hne + Co\",ou=groups,{base}"),
        "Müller, Söhne + Co".to_owned(),
    ]
}

const ODD: &str = "cn=Müller\\, Söhne \\+ Co+ou=x";

fn add_odd_group(slapd: &Slapd) {
    let base = slapd.base();
    slapd.modify(&format!(
        "dn: {ODD},ou=groups,{base}\nchangetype: add\nobjectClass: groupOfNames\ncn: Müller, Söhne + Co\nou: x\nmember: uid=bob,ou=people,{base}\n"
    ));
}

#[tokio::test]
async fn a_member_never_passes_a_rule_for_others_however_the_group_is_spelled() {
    let Some(slapd) = slapd(&[]) else { return };
    add_odd_group(&slapd);
    let bed = bed(section(&slapd), &admits_outside(&spellings(&slapd))).await;
    assert_eq!(led(&bed, "bob", "can-we-fix-it").await, Led::ToTheSecondStep, "{}", undecided(&bed));
    assert_eq!(undecided(&bed), "null");
    assert_eq!(led(&bed, "carol", "carols-password").await, Led::In);
}

#[tokio::test]
async fn a_member_is_refused_however_the_group_is_spelled() {
    let Some(slapd) = slapd(&[]) else { return };
    add_odd_group(&slapd);
    let (ldap, base) = (open(&slapd), slapd.base());
    let spellings = spellings(&slapd);
    let spelled: Vec<&str> = spellings.iter().map(String::as_str).collect();
    for (name, membership) in [("bob", Membership::Member), ("carol", Membership::NotMember)] {
        let told = ldap.memberships(&id(&ldap, name).await, &groups(&spelled)).await.unwrap();
        for (spelling, told) in spelled.iter().zip(told) {
            assert_eq!(told, Some(membership.clone()), "{name} {spelling}");
        }
    }
    for (group, member, other) in [("unique", "bob", "alice"), ("posix", "bob", "alice"), ("gate", "alice", "carol")] {
        let bed =
            bed(section(&slapd), &format!("{{ when = {{ group = [\"cn={group}, ou=Groups,{base}\"] }}, then = \"refuse\" }},"))
                .await;
        let password = |name: &str| match name {
            "bob" => "can-we-fix-it",
            "alice" => "wonderland",
            _ => "carols-password",
        };
        assert_eq!(led(&bed, member, password(member)).await, Led::Nowhere, "{group} {member}");
        assert_eq!(led(&bed, other, password(other)).await, Led::ToTheSecondStep, "{group} {other}");
    }
}

#[tokio::test]
async fn a_group_that_the_directory_cannot_judge_admits_nobody_and_refuses_everybody() {
    let Some(slapd) = slapd(&[("HIDDEN", "1")]) else { return };
    let base = slapd.base();
    let unjudged = ["cn=missing", "cn=unique", "cn=posix"].map(|group| format!("{group},ou=groups,{base}"));
    let bed_of = async |rules: String| bed(section(&slapd), &rules).await;
    for group in unjudged.iter().map(String::as_str).chain(["unique", "nothing-called-so"]) {
        for (key, then, expected) in [
            ("group_not", "admit", Led::ToTheSecondStep),
            ("group", "admit", Led::ToTheSecondStep),
            ("group_not", "refuse", Led::Nowhere),
            ("group", "refuse", Led::Nowhere),
        ] {
            let bed = bed_of(format!("{{ when = {{ {key} = [{group:?}] }}, then = {then:?} }},")).await;
            assert_eq!(led(&bed, "alice", "wonderland").await, expected, "{key} {group} {then}");
            let said = undecided(&bed);
            assert!(said.contains("rule 1 (line ") && said.contains(group), "{said}");
        }
    }
    // Before a rule that admits: a challenge that depends on it is taken.
    let [missing, ..] = &unjudged;
    let bed = bed_of(format!(
        "{{ when = {{ group = [{missing:?}] }}, then = \"challenge\" }}, {{ when = {{ application = [\"app\"] }}, then = \"admit\" }},"
    ))
    .await;
    bed.expects_errors(UNDECIDED);
    assert_eq!(led(&bed, "alice", "wonderland").await, Led::ToTheSecondStep);
}

#[tokio::test]
async fn a_list_of_names_is_asked_for_every_name_of_a_person_whatever_they_type() {
    let Some(slapd) = slapd(&[]) else { return };
    let base = slapd.base();
    slapd.modify(&format!("dn: uid=dan,ou=people,{base}\nchangetype: modify\nadd: uid\nuid: daniel\n"));
    slapd.modify(&format!("dn: cn=posix,ou=groups,{base}\nchangetype: modify\nadd: memberUid\nmemberUid: daniel\n"));
    slapd.modify(&format!(
        "dn: cn=nameless,ou=people,{base}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: nameless\nsn: x\nmail: nameless@example.test\n\
         mobile: +45 20 00 00 03\nuserPassword: nameless-password\n"
    ));
    let rules = admits_outside(&["posix".to_owned()]);
    for names in ["\"mail\"", "\"cn\", \"mail\"", "\"uid\", \"mail\""] {
        let section = section(&slapd).replace("users = {", &format!("users = {{ names = [{names}],"));
        let bed = bed(section, &rules).await;
        bed.expects_errors(UNDECIDED);
        bed.expects_errors("has no uid");
        let table = [
            ("bob@example.test", "can-we-fix-it", Led::ToTheSecondStep),
            ("odd@example.test", "odds-password", Led::In),
            // Has no name that a list of names could hold.
            (
                "nameless@example.test",
                "nameless-password",
                if names.contains("uid") { Led::Nowhere } else { Led::ToTheSecondStep },
            ),
        ];
        for (name, password, expected) in table {
            if names.contains("cn") && name.starts_with("nameless") {
                continue;
            }
            assert_eq!(led(&bed, name, password).await, expected, "{names} {name}");
        }
    }
    let ldap = open(&slapd);
    let told = ldap.memberships(&id(&ldap, "daniel").await, &groups(&["posix"])).await.unwrap();
    assert_eq!(told, [Some(Membership::Member)]);
}

#[tokio::test]
async fn members_that_may_be_read_but_not_searched_are_not_known() {
    let Some(slapd) = slapd(&[("UNSEARCHED", "1"), ("NO_MEMBEROF", "1")]) else { return };
    let bed = bed(section(&slapd), &admits_outside(&[slapd.group().to_owned()])).await;
    assert_eq!(led(&bed, "bob", "can-we-fix-it").await, Led::ToTheSecondStep);
    assert!(undecided(&bed).contains("may not read or search them"), "{}", undecided(&bed));
    let meaning = open(&slapd).meaning(&Group::parse(slapd.group()).unwrap()).await.unwrap();
    assert_eq!(meaning, Meaning::Unclear(Doubt::Hidden));
}

#[tokio::test]
async fn a_group_that_is_renamed_deleted_or_doubled_admits_nobody_from_then_on() {
    let Some(slapd) = slapd(&[]) else { return };
    let base = slapd.base();
    for group in [format!("cn=posix,ou=groups,{base}"), "posix".to_owned()] {
        let bed = bed(section(&slapd), &admits_outside(std::slice::from_ref(&group))).await;
        assert_eq!(led(&bed, "alice", "wonderland").await, Led::In);
        let rename = |from: &str, to: &str| {
            slapd.modify(&format!("dn: cn={from},ou=groups,{base}\nchangetype: modrdn\nnewrdn: cn={to}\ndeleteoldrdn: 1\n"));
        };
        rename("posix", "other");
        assert_eq!(led(&bed, "alice", "wonderland").await, Led::ToTheSecondStep, "{group}: renamed");
        assert!(undecided(&bed).contains("it does not exist, or the service user may not read it"), "{}", undecided(&bed));
        rename("other", "posix");
        assert_eq!(led(&bed, "alice", "wonderland").await, Led::In);
        if group == "posix" {
            slapd.modify(&format!(
                "dn: cn=posix,ou=people,{base}\nchangetype: add\nobjectClass: posixGroup\ncn: posix\ngidNumber: 7\nmemberUid: x\n"
            ));
            assert_eq!(led(&bed, "alice", "wonderland").await, Led::ToTheSecondStep, "two of one name");
            slapd.modify(&format!("dn: cn=posix,ou=people,{base}\nchangetype: delete\n"));
        }
        slapd.modify(&format!("dn: cn=posix,ou=groups,{base}\nchangetype: delete\n"));
        assert_eq!(led(&bed, "alice", "wonderland").await, Led::ToTheSecondStep, "{group}: deleted");
        slapd.modify(&format!(
            "dn: cn=posix,ou=groups,{base}\nchangetype: add\nobjectClass: posixGroup\ncn: posix\ngidNumber: 1000\nmemberUid: bob\n"
        ));
    }
}

#[tokio::test]
async fn users_of_other_directories_are_no_members_and_text_groups_are_the_files_own() {
    let Some(slapd) = slapd(&[]) else { return };
    let gate = slapd.group().to_owned();
    let bed = bed(section(&slapd), &admits_outside(&[gate, "STAFF".to_owned()])).await;
    // No member of the LDAP group: the first rule admits her.
    assert_eq!(led(&bed, "ann", "anns-password").await, Led::In);
    let bed = super::bed(section(&slapd), &admits_outside(&["STAFF".to_owned()])).await;
    assert_eq!(led(&bed, "ann", "anns-password").await, Led::ToTheSecondStep);
    assert_eq!(led(&bed, "ben", "bens-password").await, Led::In);
    // A name that the users file has, and the directory has not, is the file's.
    assert_eq!(led(&bed, "alice", "wonderland").await, Led::In);
}

#[tokio::test]
async fn a_group_is_seen_behind_a_thousand_others() {
    for environment in [&[][..], &[("NO_MEMBEROF", "1")]] {
        let Some(slapd) = slapd(environment) else { return };
        let base = slapd.base();
        let group = |number: u32| {
            format!(
                "dn: cn=g{number:04},ou=groups,{base}\nchangetype: add\nobjectClass: groupOfNames\ncn: g{number:04}\nmember: uid=bob,ou=people,{base}\n\n"
            )
        };
        slapd.modify(&(0..1100).map(group).collect::<String>());
        let ldap = open(&slapd);
        let named = [format!("cn=g0000,ou=groups,{base}"), format!("cn=G1099, ou=groups,{base}"), "g0777".to_owned()];
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        let told = ldap.memberships(&id(&ldap, "bob").await, &groups(&named)).await.unwrap();
        assert_eq!(told, vec![Some(Membership::Member); 3], "{environment:?}");
    }
}

#[tokio::test]
async fn a_directory_that_answers_no_more_cannot_say() {
    let Some(slapd) = slapd(&[]) else { return };
    let ldap = open(&slapd);
    let bob = id(&ldap, "bob").await;
    let place = Place {
        directory: std::sync::Arc::new(ldap),
        domain: Default::default(),
        country_prefix: None,
        default: true,
        recheck: std::time::Duration::from_secs(60),
    };
    let people = People::new(vec![place]);
    let asked = groups(&[slapd.group(), "gate"]);
    assert_eq!(people.memberships(&bob, &asked).await, [Membership::Member, Membership::Member]);
    slapd.freeze();
    let told = people.memberships(&bob, &asked).await;
    slapd.thaw();
    assert!(told.iter().all(|told| matches!(told, Membership::CannotSay(Doubt::Unanswered(_)))), "{told:?}");
    // Somebody who is there no more.
    let gone = UserId::new("corp", "00000000-0000-0000-0000-000000000000");
    let told = people.memberships(&gone, &asked).await;
    assert!(told.iter().all(|told| matches!(told, Membership::CannotSay(Doubt::Unanswered(_)))), "{told:?}");
}

#[tokio::test]
async fn what_a_name_means_is_said() {
    let Some(slapd) = slapd(&[("HIDDEN", "1")]) else { return };
    let (ldap, base) = (open(&slapd), slapd.base());
    let table = [
        ("gate".to_owned(), Meaning::Group(slapd.group().to_owned())),
        (format!("CN=Gate, OU=Groups,{base}"), Meaning::Group(slapd.group().to_owned())),
        ("unique".to_owned(), Meaning::Nothing),
        (format!("cn=unique,ou=groups,{base}"), Meaning::Unclear(Doubt::Missing)),
        ("posix".to_owned(), Meaning::Unclear(Doubt::Hidden)),
        ("cn=gate,dc=elsewhere".to_owned(), Meaning::Nothing),
        ("*".to_owned(), Meaning::Nothing),
        ("g*".to_owned(), Meaning::Nothing),
    ];
    for (written, expected) in table {
        assert_eq!(ldap.meaning(&Group::parse(&written).unwrap()).await.unwrap(), expected, "{written}");
    }
}
