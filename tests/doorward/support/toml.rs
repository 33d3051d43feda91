//! A whole configuration as an operator writes it: a site that works, of which a test says what is special in its own. Keys and
//! sections are given as they stand in the file; paths are relative to the folder that it is written to.

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The host of [`Toml::site`], whose certificate is `door.pem` with `door.key`.
pub const SITE: &str = "app.example.test";

/// A transmitter `screen` that sends nothing and writes everything into `outbox.jsonl`.
pub const SCREEN: &str = r#"
[[transmitter]]
name = "screen"
kind = "console"
outbox = "outbox.jsonl"
"#;

#[derive(Clone)]
pub struct Toml {
    node: String,
    listeners: Vec<String>,
    every_listener: String,
    applications: Vec<Application>,
    people: String,
    directories: String,
    transmitters: String,
    dispatch: String,
    passcode: String,
    /// The first of the policy, and the last, which is for everybody.
    rules: (String, String),
    limits: String,
    sections: String,
    files: Vec<(&'static str, String)>,
}

#[derive(Clone)]
struct Application {
    name: String,
    host: String,
    session: String,
    servers: Vec<String>,
    upstream: String,
    keys: String,
}

impl Toml {
    /// One application without a server behind TLS on any port. Users are in `users.toml`; everybody is asked for a passcode, which goes
    /// to their mobile by the `screen` unless there is another transmitter.
    pub fn site() -> Self {
        Self {
            node: "state_dir = \"state\"\n".into(),
            listeners: vec![listener("127.0.0.1:0", &[("door.pem", "door.key")])],
            every_listener: String::new(),
            applications: vec![Application::new("site", SITE)],
            people: String::new(),
            directories: String::new(),
            transmitters: String::new(),
            dispatch: r#"{ channel = "sms", to = "mobile", through = ["screen"] }"#.into(),
            passcode: String::new(),
            rules: (String::new(), r#"{ then = "challenge", factors = ["passcode"], dispatch = "standard" }"#.into()),
            limits: String::new(),
            sections: String::new(),
            files: Vec::new(),
        }
    }

    /// Keys of `[node]`.
    pub fn node(mut self, keys: impl Display) -> Self {
        line(&mut self.node, keys);
        self
    }

    pub fn state(mut self, folder: &Path) -> Self {
        self.node = format!("state_dir = \"{}\"\n", folder.display());
        self
    }

    /// Listens there instead, with these certificates (chain and key).
    pub fn listens(mut self, address: impl Display, certificates: &[(&str, &str)]) -> Self {
        self.listeners = vec![listener(address, certificates)];
        self
    }

    /// On a second port of any number it only redirects.
    pub fn redirects(mut self) -> Self {
        self.listeners.push("address = \"127.0.0.1:0\"\nredirect = \"https\"\n".into());
        self
    }

    /// Keys of every listener.
    pub fn listener(mut self, keys: impl Display) -> Self {
        line(&mut self.every_listener, keys);
        self
    }

    /// What the application is called, and where it is.
    pub fn named(mut self, name: &str, host: &str) -> Self {
        self.applications[0].name = name.into();
        self.applications[0].host = host.into();
        self
    }

    /// Keys of the first listener.
    pub fn first_listener(mut self, keys: impl Display) -> Self {
        line(&mut self.listeners[0], keys);
        self
    }

    /// A further application, to which [`Toml::other`] refers.
    pub fn and(mut self, name: &str, host: &str) -> Self {
        self.applications.push(Application::new(name, host));
        self
    }

    /// The server of every application that has none yet, as an address or a URL.
    pub fn server(mut self, address: impl Display) -> Self {
        for application in self.applications.iter_mut().filter(|application| application.servers.is_empty()) {
            application.servers.push(url(&address));
        }
        self
    }

    /// One more server of the first application.
    pub fn also(mut self, server: impl Display) -> Self {
        self.applications[0].servers.push(url(&server));
        self
    }

    /// The servers of the first application.
    pub fn servers(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.applications[0].servers = addresses.into_iter().map(|address| url(&address)).collect();
        self
    }

    /// Keys of the first application's upstream.
    pub fn upstream(mut self, keys: impl Display) -> Self {
        let keys = keys.to_string();
        self.applications[0].upstream = if keys.is_empty() { keys } else { format!(", {keys}") };
        self
    }

    /// How long sessions of the first application last.
    pub fn session(mut self, limits: impl Display) -> Self {
        self.applications[0].session = format!("session = {limits}\n");
        self
    }

    /// Keys of the first application.
    pub fn application(mut self, keys: impl Display) -> Self {
        line(&mut self.applications[0].keys, keys);
        self
    }

    /// Keys of the second one.
    pub fn other(mut self, keys: impl Display) -> Self {
        line(&mut self.applications[1].keys, keys);
        self
    }

    /// Keys of the directory `people`.
    pub fn people(mut self, keys: impl Display) -> Self {
        line(&mut self.people, keys);
        self
    }

    /// Another directory, as a whole section.
    pub fn directory(mut self, section: impl Display) -> Self {
        line(&mut self.directories, section);
        self
    }

    /// A transmitter, as a whole section; without any there is [`SCREEN`].
    pub fn transmitter(mut self, section: impl Display) -> Self {
        line(&mut self.transmitters, section);
        self
    }

    /// The rules of the dispatch policy.
    pub fn dispatch(mut self, rules: impl Display) -> Self {
        self.dispatch = rules.to_string();
        self
    }

    /// Keys of the passcode policy.
    pub fn passcode(mut self, keys: impl Display) -> Self {
        line(&mut self.passcode, keys);
        self
    }

    /// Rules of the policy before the last one, each with a comma behind it.
    pub fn rules(mut self, rules: impl Display) -> Self {
        self.rules.0 = rules.to_string();
        self
    }

    /// The rule for everybody: another one than a passcode.
    pub fn everybody(mut self, rule: impl Display) -> Self {
        self.rules.1 = rule.to_string();
        self
    }

    /// Keys of `[limits]`.
    pub fn limits(mut self, keys: impl Display) -> Self {
        line(&mut self.limits, keys);
        self
    }

    /// Further sections.
    pub fn section(mut self, text: impl Display) -> Self {
        line(&mut self.sections, text);
        self
    }

    /// The text of `users.toml`.
    pub fn users(self, text: impl Into<String>) -> Self {
        self.file("users.toml", text)
    }

    /// A file beside it.
    pub fn file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.retain(|(known, _)| *known != name);
        self.files.push((name, text.into()));
        self
    }

    /// As `doorward.toml` into this folder, with the files that belong to it; where it is.
    pub fn write(&self, folder: &Path) -> PathBuf {
        self.write_files(folder);
        let path = folder.join("doorward.toml");
        std::fs::write(&path, self.to_string()).unwrap();
        path
    }

    pub fn write_files(&self, folder: &Path) {
        for (name, text) in &self.files {
            write_private(&folder.join(name), text);
        }
    }

    /// What the program reads of it in this folder.
    pub fn parse(&self, folder: &Path) -> doorward::config::Config {
        let parsed = doorward::config::parse(&self.to_string(), folder, &|_| None);
        parsed.unwrap_or_else(|problems| panic!("{problems:#?}\n{self}"))
    }
}

/// A file that its owner alone may read, as `check` wants it of keys, users and secrets.
pub fn write_private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

impl Application {
    fn new(name: &str, host: &str) -> Self {
        let nothing = String::new;
        let (session, upstream, keys) = (nothing(), nothing(), nothing());
        Self { name: name.into(), host: host.into(), session, servers: Vec::new(), upstream, keys }
    }
}

impl Display for Toml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, people, directories, dispatch, passcode, limits, sections, .. } = self;
        writeln!(f, "[node]\n{node}")?;
        for keys in &self.listeners {
            writeln!(f, "[[listener]]\n{keys}{}", self.every_listener)?;
        }
        for Application { name, host, session, servers, upstream, keys } in &self.applications {
            let servers = if servers.is_empty() { url(&"127.0.0.1:9") } else { servers.join(", ") };
            writeln!(f, "[[application]]\nname = \"{name}\"\nhosts = [\"{host}\"]\npolicy = \"staff\"")?;
            writeln!(f, "upstream = {{ servers = [{servers}]{upstream} }}\n{session}{keys}")?;
        }
        writeln!(f, "[[directory]]\nname = \"people\"\nkind = \"local\"\nfile = \"users.toml\"\n{people}\n{directories}")?;
        writeln!(f, "{}", if self.transmitters.is_empty() { SCREEN } else { &self.transmitters })?;
        writeln!(f, "[[dispatch_policy]]\nname = \"standard\"\nrules = [{dispatch}]\n")?;
        if !passcode.is_empty() {
            writeln!(f, "[[passcode_policy]]\nname = \"standard\"\n{passcode}")?;
        }
        writeln!(f, "[[authentication_policy]]\nname = \"staff\"\nrules = [\n{}\n{},\n]\n", self.rules.0, self.rules.1)?;
        writeln!(f, "[limits]\n{limits}\n{sections}")
    }
}

fn listener(address: impl Display, certificates: &[(&str, &str)]) -> String {
    let pairs = certificates.iter().map(|(chain, key)| format!("{{ chain = \"{chain}\", key = \"{key}\" }}"));
    format!("address = \"{address}\"\ncertificates = [{}]\n", pairs.collect::<Vec<_>>().join(", "))
}

fn url(server: &impl Display) -> String {
    let server = server.to_string();
    if server.contains("://") { format!("\"{server}\"") } else { format!("\"http://{server}\"") }
}

fn line(text: &mut String, more: impl Display) {
    writeln!(text, "{more}").unwrap();
}
