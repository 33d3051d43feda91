//! The folder `certs/`: what its page says works, and no key of anybody's is in the repository.

use std::path::Path;
use std::process::Command;

use doorward::app::demo;
use doorward::base::Clock;

use crate::support::client::Client;
use crate::support::skip;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn no_private_key_is_in_the_repository() {
    let listed = Command::new("git").args(["-C", ROOT, "ls-files", "-z"]).output();
    let Some(listed) = listed.ok().filter(|listed| listed.status.success()) else {
        return skip("this is no checkout of git, or git is not installed");
    };
    let files = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<&str> = files.split('\0').filter(|name| !name.is_empty()).collect();
    assert!(files.contains(&"certs/README.md"), "certs/ says what goes there");
    // On two lines, so that this file is none of those that it looks for.
    let begins = "-----BEGIN ".as_bytes();
    let ends = "PRIVATE KEY-----".as_bytes();
    for name in files {
        assert!(!name.starts_with("certs/") || name == "certs/README.md", "{name} must not be committed");
        // What is listed may have been removed since.
        let Ok(bytes) = std::fs::read(Path::new(ROOT).join(name)) else { continue };
        let has_key = bytes.split(|byte| *byte == b'\n').any(|line| {
            let at = line.windows(begins.len()).position(|window| window == begins);
            at.is_some_and(|at| line[at..].windows(ends.len()).any(|window| window == ends))
        });
        assert!(!has_key || WORDS.contains(&name), "{name} holds a private key");
        let ending = Path::new(name).extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        assert!(!["pem", "key", "p12", "pfx", "der", "jks"].contains(&ending), "{name} must not be committed");
    }
}

/// These speak of keys and hold none.
const WORDS: [&str; 1] = ["src/base/tls/file.rs"];

#[test]
fn git_ignores_what_is_put_into_certs() {
    for (name, ignored) in
        [("certs/localhost.key", true), ("certs/mail.p12", true), ("certs/deeper/a", true), ("certs/README.md", false)]
    {
        let asked = Command::new("git").args(["-C", ROOT, "check-ignore", "--quiet", "--no-index", name]).status();
        match asked.ok().and_then(|status| status.code()) {
            Some(code @ (0 | 1)) => assert_eq!(code == 0, ignored, "{name}"),
            _ => return skip("this is no checkout of git, or git is not installed"),
        }
    }
}

#[test]
fn the_demo_takes_the_certificate_that_the_page_tells_how_to_make() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("certs/README.md")).unwrap();
    let line = page.lines().find(|line| line.starts_with("openssl req")).expect("the page says how");
    let folder = tempfile::tempdir().unwrap();
    let certs = folder.path().join("certs");
    std::fs::create_dir(&certs).unwrap();
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    match Command::new("openssl").args(words).current_dir(folder.path()).output() {
        Ok(made) => assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr)),
        Err(_) => return skip("openssl is not installed"),
    }
    let state = folder.path().join("state");
    let demo = demo::start("127.0.0.1:0".parse().unwrap(), &state, &certs, &Clock::system()).unwrap();
    assert!(demo.certificate.is_some() && !state.join("demo-key.pem").exists());
    let client = Client::new(demo.node.addresses[0], "localhost", &certs.join("localhost.pem"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let page = runtime.block_on(client.get("/.doorward/login"));
    assert_eq!(page.status, 200, "a client that trusts this certificate alone gets in");
    demo.node.stop();
}

#[test]
fn a_certificate_without_its_key_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    for (there, missing) in [("localhost.pem", "localhost.key"), ("localhost.key", "localhost.pem")] {
        let certs = folder.path().join(there.replace('.', "-"));
        std::fs::create_dir(&certs).unwrap();
        std::fs::write(certs.join(there), "").unwrap();
        let state = folder.path().join("state");
        let started = demo::start("127.0.0.1:0".parse().unwrap(), &state, &certs, &Clock::system());
        let told = started.err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(told.contains(there) && told.contains(missing), "{told}");
    }
}
