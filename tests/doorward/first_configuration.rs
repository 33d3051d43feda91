//! The configuration that the README begins with does what it says.

use std::path::Path;

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret};
use doorward::directory::password;
use doorward::{app, config};

use crate::support::toml::write_private;

const README: &str = include_str!("../../README.md");
const FIRST_HOUR: &str = include_str!("../../docs/first-hour.md");
const APPLICATIONS: [&str; 4] = [
    include_str!("../../docs/gitlab.md"),
    include_str!("../../docs/grafana.md"),
    include_str!("../../docs/nextcloud.md"),
    include_str!("../../docs/roundcube.md"),
];
const HOSTS: [&str; 5] =
    ["pgadmin.corp.example", "git.corp.example", "grafana.corp.example", "cloud.corp.example", "webmail.corp.example"];

/// The blocks of TOML in it, in order.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_first_configuration_of_the_readme_passes_check_in_ten_lines() {
    let folder = tempfile::tempdir().unwrap();
    let [configuration, users] = blocks(README)[..] else { panic!("two blocks of TOML") };
    assert_eq!(configuration.lines().count(), 10);

    let placeholder = users.lines().find(|line| line.starts_with("password")).unwrap();
    let hash = password::hash(&Secret::new("wonderland".to_owned()), &SystemSource);
    let users = users.replace(placeholder, &format!("password = \"{hash}\""));
    write_private(&folder.path().join("users.toml"), &users);
    certificate(folder.path(), &["intranet.example.com"]);

    let config = config::parse(configuration, folder.path(), &|_| None).unwrap();
    let clock = Clock::system();
    assert_eq!(app::findings(&config, &clock, clock.now()).problems, Vec::<String>::new());
}

#[test]
fn the_first_hour_ends_with_a_configuration_without_mistakes_by_mail_and_by_text_message() {
    let [by_mail, text_messages] = blocks(FIRST_HOUR)[..] else { panic!("two blocks of TOML") };
    let (before, rest) = by_mail.split_once("[[dispatch_policy]]").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    for written in [by_mail.to_owned(), format!("{before}{after}\n{text_messages}")] {
        assert_eq!(mistakes(&written), Vec::<String>::new());
    }
}

#[test]
fn the_pages_about_applications_show_sections_without_mistakes() {
    let [by_mail, _] = blocks(FIRST_HOUR)[..] else { panic!("two blocks of TOML") };
    for page in APPLICATIONS {
        let [section, keys @ ..] = &blocks(page)[..] else { panic!("no block of TOML") };
        for more in [""].iter().chain(keys) {
            assert_eq!(mistakes(&format!("{by_mail}\n{section}{more}")), Vec::<String>::new(), "{section}{more}");
        }
    }
}

#[test]
fn every_page_that_a_page_points_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")).chain([root.join("README.md")]);
    let mut count = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|target| !target.contains("://"))
        {
            // A place within a page; within the same one where no page is named.
            let named = target.split('#').next().filter(|named| !named.is_empty());
            let named = named.map_or_else(|| page.clone(), |named| page.with_file_name(named));
            assert!(named.exists(), "{}: {target}", page.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

/// What `check` says of a configuration in whose folder all the files of the first hour are.
fn mistakes(configuration: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), &HOSTS);
    let place = |name: &str| folder.path().join(name);
    for (made, named) in [("chain.pem", "pgadmin.pem"), ("key.pem", "pgadmin.key"), ("chain.pem", "corp-ca.pem")] {
        std::fs::rename(place(made), place(named))
            .or_else(|_| std::fs::copy(place("pgadmin.pem"), place(named)).map(drop))
            .unwrap();
    }
    for secret in ["ldap-password", "mail-password", "sms-key"] {
        write_private(&place(secret), "secret");
    }
    let configuration = format!("node = {{ state_dir = \"state\" }}\n{configuration}");
    let config = config::parse(&configuration, folder.path(), &|_| None).unwrap();
    let clock = Clock::system();
    app::findings(&config, &clock, clock.now()).problems
}

fn certificate(folder: &Path, hosts: &[&str]) {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    write_private(&folder.join("key.pem"), &made.signing_key.serialize_pem());
}
