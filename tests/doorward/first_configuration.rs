//! The configuration that the README begins with does what it says.

use std::path::Path;

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret};
use doorward::directory::password;
use doorward::{app, config};

use crate::support::toml::write_private;

const README: &str = include_str!("../../README.md");

/// The blocks of TOML in it, in order.
fn blocks() -> Vec<&'static str> {
    README.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_first_configuration_of_the_readme_passes_check_in_ten_lines() {
    let folder = tempfile::tempdir().unwrap();
    let [configuration, users] = blocks()[..] else { panic!("two blocks of TOML") };
    assert_eq!(configuration.lines().count(), 10);

    let placeholder = users.lines().find(|line| line.starts_with("password")).unwrap();
    let hash = password::hash(&Secret::new("wonderland".to_owned()), &SystemSource);
    let users = users.replace(placeholder, &format!("password = \"{hash}\""));
    write_private(&folder.path().join("users.toml"), &users);
    certificate(folder.path(), "intranet.example.com");

    let config = config::parse(configuration, folder.path(), &|_| None).unwrap();
    let clock = Clock::system();
    assert_eq!(app::findings(&config, &clock, clock.now()).problems, Vec::<String>::new());
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

fn certificate(folder: &Path, host: &str) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    write_private(&folder.join("key.pem"), &made.signing_key.serialize_pem());
}
