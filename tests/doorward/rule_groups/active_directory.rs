//! With Active Directory.

use doorward::config::group::Group;
use doorward::directory::{By, Directory, Doubt, Meaning, Membership};

use super::{Led, UNDECIDED, admits_outside, bed, led, undecided};
use crate::active_directory::open;
use crate::support::peers::slapd;
use crate::support::samba::Samba;

#[tokio::test]
async fn a_member_never_passes_a_rule_for_others_however_the_group_is_spelled() {
    let Some(samba) = Samba::shared().await else { return };
    let (admin, base) = (samba.admin().await, samba.base());
    let user = admin.add_member("ruled", "Wonder-land1", &[("mobile", "+45 20 00 00 01")]).await;
    admin.add_member("unruled", "Wonder-land1", &[("mobile", "+45 20 00 00 02")]).await;
    let inner = admin.add_group("ruled inner", &[&user]).await;
    admin.move_to(&inner, "Rüled, inner", &format!("CN=Users,{base}")).await;
    let inner = samba.dn("Rüled, inner");
    let outer = admin.add_group("ruled outer", &[&inner]).await;
    let mailed = admin.add_group("ruled mail", &[&outer]).await;
    admin.set(&mailed, "groupType", &["2"]).await;
    let numbered = base.replace("DC=", "0.9.2342.19200300.100.1.25=");
    let spellings = [
        inner,
        outer,
        mailed,
        "ruled outer".to_owned(),
        "Rüled, inner".to_owned(),
        format!("commonName = ruled outer, cn = users, {base}"),
        format!("2.5.4.3=Ruled  Outer,OID.2.5.4.3=Users,{numbered}"),
        format!("cn=\"Ru\u{308}led, inner\";cn=Users;{base}"),
        format!("cn=R\\c3\\bcled\\2C inner,cn=\\55sers,{base}"),
        // The primary group.
        format!("cn=domain users,cn=users, {base}"),
    ];
    let bed = bed(samba.section("corp"), &admits_outside(&spellings)).await;
    assert_eq!(led(&bed, "ruled", "Wonder-land1").await, Led::ToTheSecondStep, "{}", undecided(&bed));
    assert_eq!(undecided(&bed), "null");
    assert_eq!(led(&bed, "unruled", "Wonder-land1").await, Led::In);
    assert_eq!(led(&bed, "ann", "anns-password").await, Led::In, "no user of the domain");
    let refusing = super::bed(
        samba.section("corp"),
        &format!("{{ when = {{ group = [\"CN=Ruled Outer, CN=Users, {base}\"] }}, then = \"refuse\" }},"),
    )
    .await;
    assert_eq!(led(&refusing, "ruled", "Wonder-land1").await, Led::Nowhere);
    assert_eq!(led(&refusing, "unruled", "Wonder-land1").await, Led::ToTheSecondStep);
}

#[tokio::test]
async fn a_group_that_the_domain_cannot_judge_admits_nobody() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    admin.add_member("unjudged", "Wonder-land1", &[("mobile", "+45 20 00 00 03")]).await;
    let group = admin.add_group("to be renamed", &[]).await;
    let bed = bed(samba.section("corp"), &admits_outside(std::slice::from_ref(&group))).await;
    assert_eq!(led(&bed, "unjudged", "Wonder-land1").await, Led::In, "an empty group has no members");
    admin.move_to(&group, "renamed", &format!("CN=Users,{}", samba.base())).await;
    assert_eq!(led(&bed, "unjudged", "Wonder-land1").await, Led::ToTheSecondStep);
    assert!(undecided(&bed).contains("CN=to be renamed"), "{}", undecided(&bed));
    admin.move_to(&samba.dn("renamed"), "to be renamed", &format!("CN=Users,{}", samba.base())).await;
    assert_eq!(led(&bed, "unjudged", "Wonder-land1").await, Led::In);
    admin.remove(&group).await;
    assert_eq!(led(&bed, "unjudged", "Wonder-land1").await, Led::ToTheSecondStep);
}

#[tokio::test]
async fn a_member_is_seen_at_the_group_where_the_persons_own_list_is_hidden() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let member = admin.add_member("listed", "Wonder-land1", &[("mobile", "+45 20 00 00 05")]).await;
    let other = admin.add_member("unlisted", "Wonder-land1", &[("mobile", "+45 20 00 00 06")]).await;
    let inner = admin.add_group("hidden inner", &[&member]).await;
    let outer = admin.add_group("hidden outer", &[&inner]).await;
    let empty = admin.add_group("hidden empty", &[]).await;
    for group in [&inner, &outer, &empty] {
        admin.set(group, "groupType", &["2"]).await;
    }
    for person in [&member, &other] {
        // memberOf, by its schemaIDGUID.
        samba.permit(person, "(OD;;RP;bf967991-0de6-11d0-a285-00aa003049e2;;USER)");
    }
    let directory = open(&samba.config());
    for (name, expected) in [("listed", Membership::Member), ("unlisted", Membership::NotMember)] {
        let user = directory.find(&By::Account(name.into())).await.unwrap().pop().unwrap().user.id;
        let groups = [&outer, &inner, &empty].map(|group| Group::parse(group).unwrap());
        let told = directory.memberships(&user, &groups).await.unwrap();
        assert_eq!(told[..2], [Some(expected.clone()), Some(expected)], "{name}");
        assert_eq!(told[2], Some(Membership::CannotSay(Doubt::Hidden)), "{name}");
    }
}

#[tokio::test]
async fn groups_of_other_domains_and_of_other_directories_are_told_apart() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    admin.add_member("foreign", "Wonder-land1", &[("mobile", "+45 20 00 00 04")]).await;
    let base = samba.base();
    let directory = open(&samba.config());
    let user = directory.find(&By::Account("foreign".into())).await.unwrap().pop().unwrap().user.id;
    let asked = |written: &str| Group::parse(written).unwrap();
    let groups = [asked(&format!("CN=x,DC=child,{base}")), asked("CN=x,DC=elsewhere,DC=test"), asked("nothing called so")];
    let told = directory.memberships(&user, &groups).await.unwrap();
    assert!(matches!(told[0], Some(Membership::CannotSay(_))), "{:?}", told[0]);
    assert_eq!(told[1..], [None, None]);
    // Seen from a child domain, this one is another of the forest.
    let mut config = samba.config();
    config.ldap.users.base = format!("DC=child,{base}");
    let child = open(&config);
    assert_eq!(child.meaning(&asked(&samba.dn("Domain Users"))).await.unwrap(), Meaning::Unclear(Doubt::OtherDomain));
    assert_eq!(child.meaning(&asked("CN=x,DC=elsewhere,DC=test")).await.unwrap(), Meaning::Nothing);
    assert_eq!(directory.meaning(&asked("Domain Users")).await.unwrap(), Meaning::Group(samba.dn("Domain Users")));

    let Some(slapd) = slapd(&[]) else { return };
    let other = format!(
        "[[directory]]\nname = \"old\"\nkind = \"ldap\"\nservers = [\"ldap://127.0.0.1:{}\"]\nservice_user = \"{}\"\n\
         service_password = \"{}\"\nusers = {{ base = \"ou=people,{}\" }}\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base()
    );
    let both = format!("{}{other}", samba.section("corp"));
    for (group, expected) in [(slapd.group().to_owned(), Led::In), ("CN=x,DC=elsewhere,DC=test".to_owned(), Led::ToTheSecondStep)]
    {
        let bed = bed(both.clone(), &admits_outside(std::slice::from_ref(&group))).await;
        bed.expects_errors(UNDECIDED);
        assert_eq!(led(&bed, "foreign", "Wonder-land1").await, expected, "{group}");
        assert_eq!(led(&bed, "bob", "can-we-fix-it").await, Led::ToTheSecondStep, "{group}");
    }
}
