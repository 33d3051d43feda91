//! A stop, a crash and a theft: what goes on after a restart, and what a copy of the state folder is worth.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::client::{Client, FLOW, KEY, KNOWN};
use crate::support::node::Bed;
use crate::support::toml::Toml;

/// A browser that goes on at the node's new port.
fn again(bed: &Bed, mut browser: Client) -> Client {
    browser.server = bed.address;
    browser
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_restart_logs_nobody_out() {
    let mut bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let state = bed.state.clone();
    bed.restart(&state).await.unwrap();
    assert!(again(&bed, browser).is_in().await);
}

#[tokio::test]
async fn a_session_that_was_ended_stays_ended_after_a_restart() {
    let mut bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let key = browser.cookie(KEY).unwrap();
    browser.sign_out().await;
    let state = bed.state.clone();
    bed.restart(&state).await.unwrap();
    let browser = again(&bed, browser);
    browser.put(KEY, &key);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn a_login_under_way_finishes_after_a_restart() {
    let mut bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let state = bed.state.clone();
    bed.restart(&state).await.unwrap();
    let browser = again(&bed, browser);
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn what_was_answered_before_a_crash_holds_after_it() {
    let mut bed = Bed::start().await;
    let inside = bed.signed_in("bob", "builder").await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let crashed = bed.folder().join("crashed");
    copy(&bed.state, &crashed);
    bed.restart(&crashed).await.unwrap();
    assert!(again(&bed, inside).is_in().await, "a session was lost");
    assert_eq!(again(&bed, browser).passcode(&page, &code).await.status, 303, "a login was lost");
}

#[tokio::test]
async fn a_state_folder_under_another_key_does_not_start_and_says_why() {
    let mut bed = Bed::start().await;
    bed.signed_in("alice", "wonderland").await;
    let stolen = bed.folder().join("stolen");
    copy(&bed.state, &stolen);
    std::fs::remove_dir_all(stolen.join("keys")).unwrap();
    let said = bed.restart(&stolen).await.unwrap_err();
    assert!(said.contains("were the keys changed?"), "{said}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.filter(|entry| entry.file_type().unwrap().is_file()).map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn a_copy_of_the_store_shows_no_password_passcode_or_cookie() {
    let bed = Bed::with(Toml::bed().passcode("length = 10")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let during: Vec<_> = files(&bed.state).iter().map(|file| std::fs::read(file).unwrap()).collect();
    browser.passcode(&page, &code).await;
    assert!(browser.is_in().await);
    bed.clock.advance(Duration::from_secs(61));
    let after: Vec<_> = files(&bed.state).iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(during.iter().map(Vec::len).sum::<usize>() > 10_000, "where is the store?");

    let cookies = [KEY, FLOW, KNOWN].map(|name| browser.cookie(name).unwrap());
    let secret_of_key = cookies[0].split('.').next_back().unwrap().to_owned();
    for secret in ["wonderland", &code, &secret_of_key, &cookies[1], &cookies[2]] {
        let shown = during.iter().chain(&after).any(|bytes| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
        assert!(!shown, "{secret} is in the store");
    }
}
