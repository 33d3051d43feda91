//! A folder for the real program in front of an upstream of ours: a configuration that the test changes while the program runs, users
//! at a cost that a test can bear, passcodes in an outbox.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;

use super::client::Client;
use super::eventually::eventually;
use super::node::user;
use super::outbox;
use super::program::{certificate, run};
use super::toml::Toml;
use super::upstream::Upstream;

pub const HOST: &str = "app.example";
pub const OTHER: &str = "other.example";

pub struct Gate {
    pub upstream: Upstream,
    pub folder: tempfile::TempDir,
}

impl Gate {
    /// Everything but the configuration.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path(), "cert", &[HOST, OTHER]);
        let users = [("alice", "wonderland"), ("bob", "builder")];
        let users = users.map(|(name, password)| user(name, password, "mobile = \"+45 12 34 56 78\""));
        std::fs::write(folder.path().join("users.toml"), users.concat()).unwrap();
        Self { upstream: Upstream::start().await, folder }
    }

    /// A configuration that works and listens there.
    pub fn configuration(&self, listen: &str) -> String {
        Toml::site()
            .node("drain = \"10s\"")
            .listens(listen, &[("cert.pem", "cert.key")])
            .named("app", HOST)
            .and("other", OTHER)
            .server(self.upstream.address)
            .people("default = true")
            .everybody(r#"{ then = "challenge", factors = ["passcode"], dispatch = "standard", passcode = "short" }"#)
            .limits("connections_per_address = 1000\nmessages_per_number = \"1000/1h\"")
            .section("[[passcode_policy]]\nname = \"short\"\nlifetime = \"2m\"")
            .section("[pages]\ntitle = \"Before\"")
            .to_string()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("doorward.toml")
    }

    pub fn write(&self, configuration: &str) {
        std::fs::write(self.path(), configuration).unwrap();
    }

    /// A command line of the program about this configuration; exit code, standard output and standard error.
    pub async fn command(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut all: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        all.extend(["--config".to_owned(), self.path().to_str().unwrap().to_owned()]);
        let run = move || run(&all.iter().map(String::as_str).collect::<Vec<_>>(), "");
        let Output { status, stdout, stderr } = tokio::task::spawn_blocking(run).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (status.code(), text(stdout), text(stderr))
    }

    pub fn browser(&self, server: SocketAddr, host: &str) -> Client {
        Client::new(server, host, &self.folder.path().join("cert.pem"))
    }

    /// A browser in which this user has just signed in.
    pub async fn signed_in(&self, server: SocketAddr, host: &str, (name, password): (&str, &str)) -> Client {
        let browser = self.browser(server, host);
        let page = browser.to_passcode(name, password).await;
        let entered = browser.passcode(&page, &self.code(&page.label()).await).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        browser
    }

    /// The passcode of the login with this label.
    pub async fn code(&self, label: &str) -> String {
        let label = format!(" {label}");
        eventually(format!("a message for{label}"), async || {
            let sent = outbox::sent(self.folder.path());
            let ours = sent.iter().rfind(|message| message.text.contains(&label));
            ours.map(|message| message.passcode.clone()).ok_or(sent)
        })
        .await
    }
}
