//! The whole file: every section in its turn, then what only all of them together can say.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::{
    AccessLog, Application, Audit, AuthenticationPolicy, Config, DispatchPolicy, Limits, Listener, Metrics, Node, Notices, Pages,
    PasscodePolicy, Receipts, Transmitter, directory, keys, listener,
};
use crate::base::encoding;
use crate::config::document::{Context, Lines, Problem, Problems, STANDARD, Section};
use crate::config::transmitter::{Consoles, Kind};

/// A configuration is written by hand; nobody writes more.
const MOST_BYTES: u64 = 1 << 20;

const LATER: &[&str] = &["link", "geo", "password_reset", "self_service", "radius", "admin", "single_sign_on"];

/// Reads a file, with relative paths starting at its folder and the process's environment.
pub fn load(path: &Path) -> Result<Config, Problems> {
    let bytes = bytes(path).map_err(|why| Problems::one(path, 1, 1, format!("cannot read the file: {why}")))?;
    if encoding::is_utf16(&bytes) {
        return Err(Problems::one(path, 1, 1, format!("cannot read the file: {}", encoding::SAVED_AS_UTF16)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let whole = String::from_utf8_lossy(error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default());
        let (line, column) = Lines::new(&whole).place(whole.len());
        Problems::one(path, line, column, "not valid UTF-8".to_owned())
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder, &|name| std::env::var(name).ok()).map_err(|list| Problems { file: path.to_owned(), list })
}

/// Where the node of this configuration keeps its state, and nothing else of the file: who asks a running node something need not have
/// the secrets in the environment that it was started with, and what is wrong elsewhere in the file does not keep it from answering.
pub fn state_dir(path: &Path) -> Result<PathBuf, Problems> {
    let bytes = bytes(path).map_err(|why| Problems::one(path, 1, 1, format!("cannot read the file: {why}")))?;
    let table: Option<toml::Table> = toml::from_slice(&bytes).ok();
    // A file that is not even TOML is shown with its places.
    let Some(table) = table else { return load(path).map(|config| config.node.state_dir) };
    let named = table.get("node").and_then(|node| node.get("state_dir")).and_then(|value| value.as_str());
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(named.map_or_else(|| Node::default().state_dir, |named| folder.join(named)))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES { Err("longer than 1 MiB".to_owned()) } else { Ok(bytes) }
}

/// Reads a text. Every mistake is given at once, sorted by place; files that hold secrets are read, others are not touched.
pub fn parse(text: &str, folder: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    if text.len() as u64 > MOST_BYTES {
        return Err(vec![Problem { line: 1, column: 1, message: "longer than 1 MiB".to_owned() }]);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let context = Context::new(text, folder, environment, &errors);
    let config = read(Section::root(&context, document.get_ref()));
    let problems = context.finish();
    // Whatever a test writes that is right, the schema must take as well.
    #[cfg(test)]
    assert!(!problems.is_empty() || crate::config::schema::judge::takes(text), "the schema refuses what is right:\n{text}");
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// The result counts only if no problem was noted.
pub(super) fn read(root: Section<'_>) -> Config {
    let node = root.table("node", "[node]").map(Node::read).unwrap_or_default();
    let keys = root.table("keys", "[keys]").and_then(keys::read);
    for key in ["listener", "application", "directory"] {
        root.needs(key);
    }
    let sections = root.tables("listener", "[[listener]]");
    let written = sections.len();
    let listeners: Vec<Listener> = sections.into_iter().filter_map(Listener::read).collect();
    let loopback = listeners.iter().all(|listener| listener.address.ip().to_canonical().is_loopback());
    let consoles = if loopback || node.trial { Consoles::Allowed } else { Consoles::Refused };
    let is_tls = |listener: &Listener| matches!(listener.serves, listener::Serves::Tls(_));
    if listeners.len() == written && !listeners.iter().any(is_tls) {
        lack(&root, "no [[listener]] with certificates: nothing would be served");
    }

    let applications = root.tables("application", "[[application]]");
    if applications.is_empty() && root.optional("application").is_none() {
        lack(&root, "no [[application]]: there is nothing to protect");
    }
    let directories = root.tables("directory", "[[directory]]");
    if directories.is_empty() && root.optional("directory").is_none() {
        lack(&root, "no [[directory]]: no user could sign in");
    }
    let transmitters = root.tables("transmitter", "[[transmitter]]").into_iter();
    let dispatch_policies = root.tables("dispatch_policy", "[[dispatch_policy]]").into_iter();
    let passcode_policies = root.tables("passcode_policy", "[[passcode_policy]]").into_iter();
    let authentication_policies = root.tables("authentication_policy", "[[authentication_policy]]").into_iter();
    let config = Config {
        node,
        keys,
        listeners,
        applications: applications.into_iter().filter_map(Application::read).collect(),
        directories: directory::read_all(directories),
        transmitters: transmitters.filter_map(|section| Transmitter::read(section, consoles)).collect(),
        dispatch_policies: dispatch_policies.filter_map(DispatchPolicy::read).collect(),
        passcode_policies: with_standard(passcode_policies.filter_map(PasscodePolicy::read).collect()),
        authentication_policies: authentication_policies.filter_map(AuthenticationPolicy::read).collect(),
        receipts: root.table("receipts", "[receipts]").and_then(Receipts::read),
        limits: root.table("limits", "[limits]").map(Limits::read).unwrap_or_default(),
        notices: root.table("notices", "[notices]").map(Notices::read).unwrap_or_default(),
        access_log: root.table("access_log", "[access_log]").and_then(AccessLog::read),
        metrics: root.table("metrics", "[metrics]").and_then(Metrics::read),
        audit: root.table("audit", "[audit]").map(Audit::read).unwrap_or_default(),
        pages: root.table("pages", "[pages]").map(Pages::read).unwrap_or_default(),
        secret_files: root.context.secret_files(),
    };
    let is_call = |transmitter: &Transmitter| matches!(&transmitter.kind, Kind::Voice(http) if http.fetches_words());
    if let Some(call) = config.transmitters.iter().find(|listed| is_call(listed)).filter(|_| config.receipts.is_none()) {
        lack(
            &root,
            &format!("transmitter {} needs `hosts` in [receipts]: there the provider fetches what a call says", call.name),
        );
    }
    root.later_sections(LATER);
    root.finish();
    config
}

/// Something the whole file lacks; not said where a part of it could not be read.
fn lack(root: &Section<'_>, message: &str) {
    if !root.context.is_broken() {
        root.problem(message);
    }
}

fn with_standard(mut policies: Vec<PasscodePolicy>) -> Vec<PasscodePolicy> {
    if policies.iter().all(|policy| &*policy.name != STANDARD) {
        policies.push(PasscodePolicy::default());
    }
    policies
}
