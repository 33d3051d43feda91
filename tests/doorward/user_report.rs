//! `user report` through the running node: who is in it, why somebody cannot sign in, and in which forms.

mod large;

use doorward::app::control::ReportOptions;
use doorward::app::control::{self, Reply, Request};
use doorward::auth::Row;

use crate::support::eventually::eventually;
use crate::support::node::{Bed, user};
use crate::support::peers::{Slapd, slapd};
use crate::support::program::{Program, certificate, doorward, run};
use crate::support::samba::Samba;
use crate::support::toml::Toml;

/// All rows, and what the last line says. A process writes one report at a time: the other tests' are waited for.
async fn report(bed: &Bed, options: ReportOptions) -> (Vec<Row>, Reply) {
    eventually("the other reports have ended", async || match try_report(bed, options.clone()).await {
        (_, Reply::Error { why }) if why.contains("another report") => Err(why),
        reported => Ok(reported),
    })
    .await
}

async fn try_report(bed: &Bed, options: ReportOptions) -> (Vec<Row>, Reply) {
    let control = bed.control.clone();
    let asked = move || {
        let (mut rows, mut last) = (Vec::new(), None);
        control::ask_for_lines(&control, &Request::UserReport(options), |reply| {
            match reply {
                Reply::Users { users } => rows.extend(users),
                other => last = Some(other),
            }
            Ok(())
        })
        .unwrap();
        (rows, last.expect("no last line"))
    };
    tokio::task::spawn_blocking(asked).await.unwrap()
}

fn of(directory: &str) -> ReportOptions {
    ReportOptions { directory: Some(directory.to_owned()), problems: false }
}

/// What is wrong with somebody, in the words alone.
fn problems<'a>(rows: &'a [Row], name: &str) -> (bool, Vec<&'a str>) {
    let row = rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name} is not in it"));
    (row.can_sign_in, row.problems.iter().map(|problem| problem.what.as_str()).collect())
}

#[tokio::test]
async fn a_users_file_is_judged_by_the_numbers_in_it() {
    let users = [
        user("alice", "a", "mobile = \"12 34 56 78\"\nmail = \"alice@mail.example\""),
        user("bob", "b", "mobile = \"ask my secretary\""),
        user("carol", "c", ""),
        user("dave", "d", "mail = \"dave@mail.example\""),
        user("erin", "e", "mobile = \"+4587654321\""),
        user("frank", "f", "mail = \"frank(at)mail.example\""),
        user("grace", "g", "mobile = \"+4587654322\"\nmail = \"a@mail.example, b@mail.example\""),
    ];
    let bed = Bed::with(Toml::bed().users(users.concat())).await;
    let (rows, last) = report(&bed, ReportOptions::default()).await;
    assert_eq!(problems(&rows, "alice"), (true, vec!["bad-number"]));
    assert_eq!(problems(&rows, "bob"), (false, vec!["bad-number", "no-mail", "not-reached"]));
    assert_eq!(problems(&rows, "carol"), (false, vec!["no-phone", "no-mail"]));
    assert_eq!(problems(&rows, "dave"), (true, vec![]));
    assert_eq!(problems(&rows, "erin"), (true, vec![]));
    assert_eq!(problems(&rows, "frank"), (false, vec!["bad-mail", "no-phone", "not-reached"]));
    assert_eq!(problems(&rows, "grace"), (true, vec!["bad-mail"]));
    assert!(matches!(last, Reply::Reported { total: 7, can_sign_in: 4, failed } if failed.is_empty()));
    let (rows, _) = report(&bed, ReportOptions { problems: true, ..ReportOptions::default() }).await;
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["alice", "bob", "carol", "frank", "grace"]);
    let (_, last) = report(&bed, of("nowhere")).await;
    assert!(matches!(last, Reply::Error { why } if why.contains("no directory nowhere")));
    let used = bed.journal().into_iter().find(|event| event.detail.contains("user report --problems"));
    assert_eq!(used.expect("not journaled").kind, "control-used");
}

#[tokio::test]
async fn numbers_are_read_by_the_plan_of_their_country_and_what_is_in_doubt_gets_nothing() {
    let mobiles = [
        ("anna", "1 (212) 555-0147", Ok("+12125550147")),
        ("bert", "011 44 (07400) 123456", Ok("+447400123456")),
        ("carl", "+1 1 212 555 0148", Ok("+12125550148")),
        ("dora", "555-0147", Err("bad-number")),
        ("egon", "+39 (0)331 1234567", Err("bad-number")),
        ("fred", "0171 2345678", Err("bad-number")),
        ("gina", "1 900 555 0147", Err("not-reached")),
        ("hugo", "1 (876) 555-0147", Err("not-reached")),
    ];
    let users = mobiles.map(|(name, mobile, _)| user(name, "x", &format!("mobile = \"{mobile}\"")));
    let directory = "default_country_prefix = \"+1\"\n".to_owned();
    let limits = "countries = [\"US\", \"GB\"]\nrefuse_prefixes = [\"+1900\"]";
    let bed = Bed::with(Toml::bed().users(users.concat()).directory(directory).limits(limits)).await;
    let (rows, _) = report(&bed, ReportOptions::default()).await;
    for (name, mobile, expected) in mobiles {
        let (can_sign_in, found) = problems(&rows, name);
        match expected {
            Ok(number) => {
                let shown = rows.iter().find(|row| row.name == name).unwrap().mobile.as_deref();
                assert_eq!((can_sign_in, found, shown), (true, vec![], Some(number)), "{mobile}");
                let page = bed.browser().to_passcode(name, "x").await;
                assert_eq!(bed.messages_for(&page, 1).await[0].to, number, "{mobile}");
            }
            Err(problem) => assert!(!can_sign_in && found.contains(&problem), "{mobile}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn of_several_numbers_in_ldap_the_first_that_is_one_gets_the_code() {
    let Some(slapd) = slapd(&[]) else { return };
    let base = slapd.base();
    slapd.modify(&format!(
        "dn: uid=alice,ou=people,{base}\nchangetype: modify\nreplace: mobile\nmobile: ask reception 1234567\nmobile: 20 00 00 09\n"
    ));
    let directory = section(&slapd) + "default_country_prefix = \"+45\"\nnetbios = \"TEST\"\n";
    let bed = Bed::with(Toml::bed().directory(directory)).await;
    let (rows, _) = report(&bed, of("corp")).await;
    assert_eq!(problems(&rows, "alice"), (true, vec![]));
    let page = bed.browser().to_passcode("TEST\\alice", "wonderland").await;
    assert_eq!(bed.messages_for(&page, 1).await[0].to, "+4520000009");
}

#[tokio::test]
async fn an_ldap_server_is_listed_page_by_page_with_who_is_outside_the_group() {
    let Some(slapd) = slapd(&[]) else { return };
    let mut many = String::new();
    for number in 0..1500 {
        let base = slapd.base();
        many += &format!(
            "dn: uid=u{number},ou=people,{base}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: u{number}\ncn: u\nsn: u\nmobile: +4520{number:06}\n\n"
        );
    }
    slapd.modify(&many);
    let bed = Bed::with(Toml::bed().directory(section(&slapd))).await;
    let (rows, last) = report(&bed, of("corp")).await;
    assert!(rows.len() > 1500, "{}", rows.len());
    assert_eq!(problems(&rows, "alice"), (true, vec![]));
    assert_eq!(problems(&rows, "carol"), (false, vec!["not-member"]));
    assert_eq!(problems(&rows, "u1499"), (false, vec!["not-member"]));
    assert!(matches!(last, Reply::Reported { total, .. } if total == rows.len()));
    slapd.freeze();
    let (_, last) = report(&bed, of("corp")).await;
    slapd.thaw();
    assert!(matches!(last, Reply::Reported { total: 0, failed, .. } if failed.len() == 1));
}

#[tokio::test]
async fn active_directory_says_of_each_account_what_is_in_the_way() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let phone = [("mobile", "+45 20 00 00 01")];
    let states = [
        ("disabled", "userAccountControl", "514"),
        ("over", "accountExpires", "125911584000000000"),
        ("must", "pwdLastSet", "0"),
    ];
    for (name, attribute, value) in states {
        let dn = admin.add_member(name, "Wonder-land1", &phone).await;
        admin.set(&dn, attribute, &[value]).await;
    }
    admin.add_member("fine", "Wonder-land1", &phone).await;
    admin.add_member("mute", "Wonder-land1", &[]).await;
    admin.add_user("outside", "Wonder-land1", &phone).await;
    let bed = Bed::with(Toml::bed().directory(samba.section("corp"))).await;
    let (rows, last) = report(&bed, of("corp")).await;
    assert!(matches!(&last, Reply::Reported { failed, .. } if failed.is_empty()), "{last:?}");
    assert_eq!(problems(&rows, "fine"), (true, vec![]));
    assert_eq!(problems(&rows, "disabled"), (false, vec!["disabled"]));
    assert_eq!(problems(&rows, "over"), (false, vec!["account-expired"]));
    assert_eq!(problems(&rows, "must"), (true, vec!["must-change"]));
    assert_eq!(problems(&rows, "mute"), (false, vec!["no-phone", "no-mail"]));
    assert_eq!(problems(&rows, "outside"), (false, vec!["not-member"]));
}

#[tokio::test]
async fn a_server_that_does_not_show_everybody_is_said_to() {
    let Some(slapd) = slapd(&[("LIMITED", "1")]) else { return };
    let base = slapd.base();
    let many = (0..600).map(|n| {
        format!("dn: uid=u{n},ou=people,{base}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: u\nsn: u\n\n")
    });
    slapd.modify(&many.collect::<String>());
    let bed = Bed::with(Toml::bed().directory(section(&slapd))).await;
    let (rows, last) = report(&bed, of("corp")).await;
    assert_eq!(rows.len(), 500);
    assert!(matches!(last, Reply::Reported { failed, .. } if failed[0].contains("size=unlimited")));
}

fn section(slapd: &Slapd) -> String {
    format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"ldap://127.0.0.1:{}\"]\nservice_user = \"{}\"\nservice_password = \"{}\"\n\
         users = {{ base = \"ou=people,{}\", names = [\"uid\"], member_of = \"{}\" }}\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group()
    )
}

#[test]
fn the_command_writes_a_table_csv_and_json() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["app.example.test"]);
    let evil = user("mallory", "m", "mobile = \"+4520000009\"\ndisplay_name = \"=HYPERLINK(0)\\u001b[2J\\u202e\"");
    // In another order than they come out.
    let users = evil + &user("alice", "a", "mobile = \"20 00 00 01\"");
    let config = Toml::site().users(users).people("default_country_prefix = \"+45\"").write(folder.path());
    let config = config.to_str().unwrap();
    let said = |format: &str| {
        let output = doorward(&["user", "report", "--config", config, "--format", format]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, errors) = said("json");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(errors.contains("no running node answers on"), "{errors}");

    let program = Program::serve(folder.path());
    let (code, table, _) = said("table");
    assert_eq!(code, Some(0));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("alice                   people      +4520000001        yes"), "{table}");
    assert!(table.ends_with("2 in all; 2 can sign in, 0 cannot\n"), "{table}");
    let (_, csv, _) = said("csv");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.contains("\"'=HYPERLINK(0)\u{fffd}[2J\u{fffd}\",\"+4520000009\""), "{csv}");
    let (_, json, _) = said("json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json[0]["name"].as_str(), json[0]["mobile"].as_str()), (Some("alice"), Some("+4520000001")));
    let nobody = run(&["user", "report", "--config", config, "--directory", "nowhere"], "");
    assert_eq!(nobody.status.code(), Some(1));
    drop(program);
}
