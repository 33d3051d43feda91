//! The main job with nothing else installed: local users, a demo application, a certificate of the developer's or one made on the spot,
//! passcodes on the terminal and in a file.

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Node, demo_application};
use crate::base::random::SystemSource;
use crate::base::{Clock, Secret};
use crate::config;
use crate::directory::password;

/// A demo that runs.
pub struct Demo {
    pub node: Node,
    pub outbox: PathBuf,
    /// The certificate, where it was not made here.
    pub certificate: Option<PathBuf>,
    /// Ends with the demo.
    _application: demo_application::DemoApplication,
}

/// Starts it. `state` is made where it is missing; what is there already is used again. A certificate comes from `certs`, where that folder
/// holds `localhost.pem` and `localhost.key`; otherwise one is made in `state`. Not to be called from within an async runtime.
pub fn start(listen: SocketAddr, state: &Path, certs: &Path, clock: &Clock) -> Result<Demo> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .with_context(|| format!("the folder {}", state.display()))?;
    let state = state.canonicalize()?;
    write_users(&state.join("users.toml"))?;
    let given = given(certs)?;
    let pair = given.clone().unwrap_or_else(|| Pair { chain: "demo-cert.pem".into(), key: "demo-key.pem".into() });
    if given.is_none() {
        write_certificate(&state)?;
    }
    let application = demo_application::start().context("the demo application")?;
    let text = CONFIGURATION.replace("LISTEN", &listen.to_string()).replace("UPSTREAM", &application.address.to_string());
    let text = text.replace("CHAIN", &quoted(&pair.chain)?).replace("KEY", &quoted(&pair.key)?);
    std::fs::write(state.join("doorward.toml"), &text)?;
    let config = config::parse(&text, &state, &|_| None).map_err(|problems| {
        anyhow::anyhow!("the demo's configuration: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let node = super::start(&config, clock)?;
    let certificate = given.map(|pair| pair.chain);
    Ok(Demo { node, outbox: state.join("outbox.jsonl"), certificate, _application: application })
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
struct Pair {
    chain: PathBuf,
    key: PathBuf,
}

/// What the developer put into the folder for certificates. One file without the other is a mistake that would otherwise show up as a
/// browser's warning.
fn given(certs: &Path) -> Result<Option<Pair>> {
    let pair = Pair { chain: certs.join("localhost.pem"), key: certs.join("localhost.key") };
    match (pair.chain.exists(), pair.key.exists()) {
        (true, true) => Ok(Some(Pair { chain: pair.chain.canonicalize()?, key: pair.key.canonicalize()? })),
        (false, false) => Ok(None),
        (true, false) => bail!("{} is there, but not {}", pair.chain.display(), pair.key.display()),
        (false, true) => bail!("{} is there, but not {}", pair.key.display(), pair.chain.display()),
    }
}

/// A path as a string in TOML.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))?;
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn write_users(file: &Path) -> Result<()> {
    if file.exists() {
        return Ok(());
    }
    let hash = |text: &str| password::hash(&Secret::new(text.to_owned()), &SystemSource);
    let text = USERS.replace("ALICE", &hash("wonderland")).replace("BOB", &hash("builder"));
    private(file, text.as_bytes())
}

/// A certificate for this machine alone, which browsers warn of.
fn write_certificate(state: &Path) -> Result<()> {
    let (chain, key) = (state.join("demo-cert.pem"), state.join("demo-key.pem"));
    if chain.exists() && key.exists() {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    private(&key, made.signing_key.serialize_pem().as_bytes())?;
    private(&chain, made.cert.pem().as_bytes())
}

fn private(file: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut opened = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    opened.write_all(bytes).with_context(|| file.display().to_string())
}

const USERS: &str = r#"# The demo's users. Make a password with: doorward hash-password
[[user]]
name = "alice"
password = "ALICE"
display_name = "Alice Liddell"
mobile = "+45 12 34 56 78"
mail = "alice@example.com"
groups = ["staff"]

[[user]]
name = "bob"
password = "BOB"
display_name = "Bob"
mail = "bob@example.com"
language = "de"
"#;

/// What the demo runs on, kept beside its state to be read.
const CONFIGURATION: &str = r#"# Written by `doorward demo`; read the project's example configuration for more.
[node]
name = "demo"
state_dir = "."
trial = true

[[listener]]
address = "LISTEN"
certificates = [{ chain = CHAIN, key = KEY }]

[[application]]
name = "demo"
hosts = ["localhost", "127.0.0.1"]
policy = "everybody"
upstream = { servers = ["http://UPSTREAM"] }

[[directory]]
name = "people"
kind = "local"
file = "users.toml"

[[transmitter]]
name = "screen"
kind = "console"
outbox = "outbox.jsonl"

[[dispatch_policy]]
name = "standard"
rules = [
  { channel = "sms", to = "mobile", through = ["screen"] },
  { channel = "mail", to = "mail", through = ["screen"] },
]

[[authentication_policy]]
name = "everybody"
rules = [{ then = "challenge", factors = ["passcode"], dispatch = "standard" }]
"#;
