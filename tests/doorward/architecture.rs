//! The plan as a test: imports point down only, every external crate has its home, and no file is without a head or too long.

mod circles;
mod source;
mod waiting;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::source::{Named, Source};

/// Which parts a part may name besides itself; a longer path allows only what stands below it.
const LAYERS: &[(&str, &[&str])] = &[
    ("lib", &[]),
    ("base", &[]),
    ("config", &["base"]),
    ("store", &["base", "config"]),
    ("audit", &["base", "config", "store"]),
    ("directory", &["base", "config"]),
    ("dispatch", &["base", "config", "store", "audit"]),
    ("auth", &["base", "config", "store", "audit", "directory", "dispatch"]),
    ("web", &["base", "config", "auth"]),
    ("web/admin", &["base", "config", "auth", "audit"]),
    ("proxy", &["base", "config", "auth::session"]),
    ("radius", &["base", "config", "auth"]),
    ("link", &["base", "config", "auth"]),
    ("gateway", &["base", "config", "auth", "dispatch::ProviderCalls", "dispatch::Answer", "dispatch::Call", "proxy", "web"]),
    ("server", &["base", "config"]),
    (
        "app",
        &[
            "base",
            "config",
            "store",
            "audit",
            "directory",
            "dispatch",
            "auth",
            "web",
            "proxy",
            "radius",
            "link",
            "gateway",
            "server",
        ],
    ),
    ("cli", &["base", "config", "store", "audit", "directory", "dispatch", "auth", "app"]),
    ("main", &["cli"]),
];

/// Concrete parts: named in their own folder, and where everything is put together.
const ADAPTERS: &[&str] = &[
    "store::sqlite",
    "store::postgres",
    "store::valkey",
    "directory::active_directory",
    "directory::ldap",
    "directory::ldap_client",
    "directory::local",
    "dispatch::modem",
    "dispatch::http",
    "dispatch::mail",
    "dispatch::voice",
    "dispatch::push",
    "dispatch::program",
    "dispatch::console",
];

const ANYWHERE: &[&str] = &[""];
const HTTP: &[&str] = &["server/", "gateway/", "proxy/", "web/", "app/demo"];
const WIRE: &[&str] = &["server/", "gateway/", "proxy/", "app/demo"];
const TLS: &[&str] = &["base/tls", "server/", "proxy/", "directory/ldap_client/", "dispatch/", "app/"];

/// Where each external crate may be named: beginnings of file names below `src/`. A dependency without a line here is a breach.
const HOMES: &[(&str, &[&str])] = &[
    ("anyhow", &["app/", "cli/", "main.rs"]),
    ("arc_swap", &["app/", "server/", "gateway/", "proxy/", "web/", "auth/", "directory/", "dispatch/"]),
    ("argon2", &["directory/password.rs"]),
    ("askama", &["web/", "dispatch/text/mail_html.rs"]),
    ("aws_lc_rs", ANYWHERE),
    (
        "bytes",
        &[
            "auth/session/identity.rs",
            "server/",
            "gateway/",
            "proxy/",
            "web/",
            "directory/ldap_client/",
            "dispatch/http",
            "app/demo",
        ],
    ),
    ("clap", &["cli/", "main.rs"]),
    ("cookie", &["base/cookie.rs"]),
    ("data_encoding", ANYWHERE),
    // Others name the values that fill a text in, and nothing else of it.
    ("fluent_bundle", &["base/language.rs", "web/", "dispatch/"]),
    ("form_urlencoded", &["config/", "web/", "gateway/", "proxy/", "dispatch/"]),
    ("futures_util", ANYWHERE),
    ("governor", &["auth/"]),
    ("h2", &["proxy/"]),
    // The words alone (names of headers, addresses), where an operator writes them.
    ("hickory_resolver", &["directory/ldap_client/discovery.rs"]),
    ("http", &["config/", "server/", "gateway/", "proxy/", "web/", "app/"]),
    ("http_body", HTTP),
    ("http_body_util", HTTP),
    ("hyper", WIRE),
    ("hyper_util", WIRE),
    ("icu_normalizer", &["base/"]),
    ("idna", &["config/document/scalar.rs", "dispatch/smtp/address.rs"]),
    ("icu_properties", &["base/unicode.rs"]),
    ("ipnet", ANYWHERE),
    ("itoa", &["gateway/access_line.rs"]),
    ("jiff", ANYWHERE),
    ("ldap3", &["directory/ldap_client/", "directory/ldap/", "directory/active_directory/", "directory/check/"]),
    ("lettre", &["dispatch/mail.rs", "dispatch/smtp/address.rs"]),
    ("listenfd", &["server/socket_activation.rs"]),
    ("memchr", &["base/cookie.rs"]),
    ("papaya", &["auth/", "gateway/"]),
    ("percent_encoding", &["auth/session/identity.rs", "gateway/route.rs", "web/cross_site.rs", "web/way_back.rs"]),
    ("prometheus_client", &["app/status"]),
    ("rcgen", &["server/", "app/", "cli/"]),
    ("regex", &["config/", "auth/", "directory/", "dispatch/", "proxy/", "gateway/"]),
    ("reqwest", &["dispatch/http"]),
    ("roxmltree", &["config/transmitter/http_reading.rs"]),
    ("rusqlite", &["store/sqlite/"]),
    (
        "rustix",
        &[
            "base/fast_socket.rs",
            "cli/hash_password.rs",
            "dispatch/program.rs",
            "gateway/acme.rs",
            "store/sqlite/room.rs",
            "app/",
        ],
    ),
    ("rustls", TLS),
    ("rustls_native_certs", TLS),
    ("serde", ANYWHERE),
    ("serde_html_form", &["web/form.rs"]),
    ("serde_json", ANYWHERE),
    ("serialport", &["dispatch/at/port.rs"]),
    ("slab", &["server/", "gateway/", "proxy/"]),
    ("socket2", &["server/", "proxy/", "radius/"]),
    ("strsim", &["config/document/scalar.rs"]),
    ("thiserror", ANYWHERE),
    ("tikv_jemallocator", &["main.rs"]),
    ("tokio", ANYWHERE),
    ("tokio_rustls", TLS),
    ("tokio_util", ANYWHERE),
    ("toml", &["config/", "directory/local/"]),
    ("tower", &["gateway/layers.rs", "web/page/asset.rs"]),
    ("tower_http", &["gateway/layers.rs", "gateway/pages.rs", "web/page/asset.rs"]),
    ("tracing", ANYWHERE),
    ("tracing_subscriber", &["app/", "cli/"]),
    ("unic_langid", &["base/language.rs"]),
    ("x509_parser", &["base/tls/", "server/", "config/", "app/", "cli/"]),
    ("zeroize", ANYWHERE),
];

/// Proofs, and the one file each is made in.
const PROOFS: &[(&str, &str)] =
    &[("Permit", "auth/session/permit.rs"), ("Grant", "auth/flow/grant.rs"), ("PublicPath", "config/application/mod.rs")];

/// What brings another TLS into the house.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "tokio-native-tls", "hyper-tls"];

const LONGEST: usize = 500;
const MOST_IN_A_CIRCLE: usize = 2;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `src/`, whatever it holds.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let root = root().join("src");
    let is_source = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    files(&root).iter().filter(is_source).map(|path| Source::read(&root, path)).collect()
}

/// Runs one rule over all files and shows everything that breaks it at once.
fn check(rule: impl Fn(&Source) -> Vec<(usize, String)>) {
    let sources = sources();
    assert!(sources.len() > 10, "where is the source?");
    let breaches: Vec<String> = sources
        .iter()
        .flat_map(|source| rule(source).into_iter().map(|(line, what)| format!("src/{}:{line}: {what}", source.name)))
        .collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn imports_point_down_only() {
    check(|source| source.paths().iter().filter_map(|named| Some((named.line, against_layers(source, named)?))).collect());
}

fn against_layers(source: &Source, named: &Named) -> Option<String> {
    let (first, ours) = named.segments.split_first()?;
    let target = ours.first()?;
    if first != "crate" || target == source.part() {
        return None;
    }
    let ours = ours.join("::");
    let is_below = |allowed: &str| ours == allowed || ours.starts_with(&format!("{allowed}::"));
    let Some(allowed) = allowed_for(source) else {
        return Some(format!("{} has no place in the picture of layers", source.part()));
    };
    if !allowed.iter().any(|allowed| is_below(allowed)) {
        return Some(format!("{} must not name {ours}", source.part()));
    }
    let wires = matches!(source.part(), "app" | "cli");
    if !wires && ours == "config::Config" {
        return Some("only app and cli see the root Config".to_owned());
    }
    let is_adapter = ADAPTERS.iter().any(|adapter| is_below(adapter));
    (source.part() != "app" && is_adapter).then(|| format!("{ours} is a concrete part, which only app names"))
}

/// The entry that fits the file best: `web/admin` before `web`.
fn allowed_for(source: &Source) -> Option<&'static [&'static str]> {
    let name = source.name.trim_end_matches(".rs");
    LAYERS
        .iter()
        .filter(|(part, _)| name == *part || name.starts_with(&format!("{part}/")))
        .max_by_key(|(part, _)| part.len())
        .map(|(_, allowed)| *allowed)
}

#[test]
fn every_external_crate_stays_in_its_home() {
    check(|source| source.paths().iter().filter_map(|named| Some((named.line, away_from_home(source, named)?))).collect());
}

fn away_from_home(source: &Source, named: &Named) -> Option<String> {
    let (name, homes) = HOMES.iter().find(|(name, _)| named.segments.first().is_some_and(|first| first == name))?;
    let is_home = homes.iter().any(|home| source.name.starts_with(home));
    (!is_home).then(|| format!("{name} belongs into {}", homes.join(", ")))
}

#[test]
fn every_dependency_has_a_home() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies: BTreeSet<String> =
        manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect();
    let homes: BTreeSet<String> = HOMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(dependencies, homes);
}

#[test]
fn every_file_says_what_it_is_for() {
    check(
        |source| if source.first_line.starts_with("//! ") { vec![] } else { vec![(1, "begins without a //! line".to_owned())] },
    );
}

#[test]
fn no_file_is_too_long() {
    let too_long = |source: &Source| (source.lines > LONGEST).then(|| (source.lines, format!("is longer than {LONGEST} lines")));
    check(|source| too_long(source).into_iter().collect());
}

#[test]
fn folders_nest_two_levels_at_most() {
    let root = root().join("src");
    let deep: Vec<PathBuf> =
        files(&root).into_iter().filter(|path| path.strip_prefix(&root).unwrap().components().count() > 3).collect();
    assert!(deep.is_empty(), "{deep:#?}");
}

#[test]
fn no_more_than_two_files_of_a_part_need_each_other() {
    let found = circles::circles(&sources(), MOST_IN_A_CIRCLE);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_clock_is_read_in_base_only() {
    let reads = |named: &Named| {
        let end = named.segments.iter().rev().map(String::as_str).take(2).collect::<Vec<_>>();
        matches!(end[..], ["now", "SystemTime" | "Instant" | "Timestamp" | "Zoned"])
    };
    check(|source| {
        let found = source.paths().into_iter().filter(|named| source.part() != "base" && reads(named));
        found.map(|named| (named.line, format!("{} is for base::Clock alone", named.text()))).collect()
    });
}

/// The compiler keeps private fields private; this sees to it that they are, and that nothing opens another way in.
#[test]
fn proofs_are_made_in_one_place() {
    check(|source| PROOFS.iter().flat_map(|(proof, home)| against_proof(source, proof, home)).collect());
}

fn against_proof(source: &Source, proof: &str, home: &str) -> Vec<(usize, String)> {
    let mut breaches = Vec::new();
    let text = |at: Option<usize>| at.and_then(|at| source.tokens.get(at)).map(|token| token.text.as_str()).unwrap_or_default();
    for (at, token) in source.tokens.iter().enumerate().filter(|(_, token)| token.text == proof) {
        let (before, after) = (text(at.checked_sub(1)), text(Some(at + 1)));
        let is_at_home = source.name == home;
        if before == "struct" {
            let body = || source.tokens.iter().skip(at).take_while(|token| !matches!(token.text.as_str(), "}" | ";"));
            let ahead = source.tokens[..at].iter().rev().take_while(|token| !matches!(token.text.as_str(), "}" | ";"));
            if !is_at_home {
                breaches.push((token.line, format!("{proof} belongs into {home}")));
            }
            if body().any(|token| token.text == "pub") {
                breaches.push((token.line, format!("a field of {proof} is not private")));
            }
            if ahead.into_iter().any(|token| matches!(token.text.as_str(), "Default" | "Deserialize")) {
                breaches.push((token.line, format!("{proof} can be made from nothing by its derive")));
            }
        } else if after == "{" && !is_at_home && !matches!(before, "for" | ">") {
            breaches.push((token.line, format!("{proof} is made in {home} alone")));
        }
    }
    breaches
}

#[test]
fn there_is_one_tls_in_the_house() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in BANNED {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
}

/// The rules themselves, on a line that breaks them.
mod rules {
    use super::*;

    fn breaches(name: &str, text: &str) -> usize {
        let source = Source::new(name, text);
        let paths = source.paths();
        let layers = paths.iter().filter(|named| against_layers(&source, named).is_some()).count();
        let homes = paths.iter().filter(|named| away_from_home(&source, named).is_some()).count();
        let proofs = PROOFS.iter().flat_map(|(proof, home)| against_proof(&source, proof, home)).count();
        layers + homes + proofs
    }

    #[test]
    fn a_breach_is_seen() {
        let table = [
            ("base/x.rs", "use crate::config::node::Node;"),
            ("directory/x.rs", "fn f() { crate::store::y(); }"),
            ("dispatch/x.rs", "use super::super::directory::User;"),
            ("web/login.rs", "use crate::audit::Journal;"),
            ("web/login.rs", "use crate::{base::Time, proxy::forward};"),
            ("proxy/x.rs", "use crate::auth::password::login;"),
            ("auth/x.rs", "use crate::store::sqlite::Sqlite;"),
            ("auth/x.rs", "use http::Uri;"),
            ("auth/x.rs", "use crate::config::Config;"),
            ("gateway/x.rs", "use crate::app::App;"),
            ("store/records.rs", "use rusqlite::Connection;"),
            ("nowhere/x.rs", "use crate::base::Time;"),
            ("main.rs", "use doorward::app::App;"),
            ("gateway/x.rs", "fn f() { let x = Permit { application }; }"),
            ("gateway/x.rs", "impl Permit { fn new() -> Self { Self {} } }"),
            ("auth/flow/grant.rs", "pub struct Grant { pub user: User }"),
            ("auth/flow/grant.rs", "#[derive(Debug, Default)] pub struct Grant { user: User }"),
            ("auth/password/login.rs", "struct Grant;"),
        ];
        for (name, text) in table {
            assert_eq!(breaches(name, text), 1, "{name}: {text}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        let table = [
            ("web/admin/x.rs", "use crate::audit::Journal;"),
            ("proxy/x.rs", "use crate::auth::session::Permit; fn f(permit: Permit) -> Permit { permit }"),
            ("app/mod.rs", "use crate::store::sqlite::Sqlite; use crate::config::Config;"),
            ("store/sqlite/line.rs", "use super::open; use rusqlite::Connection;"),
            ("auth/session/permit.rs", "pub struct Permit { a: u8 } impl Permit { pub fn x() -> Self { Permit { a: 1 } } }"),
        ];
        for (name, text) in table {
            assert_eq!(breaches(name, text), 0, "{name}: {text}");
        }
    }
}

#[test]
fn a_circle_of_files_is_found_by_what_they_name() {
    let source = |name: &str, text: &str| Source::new(name, text);
    let sources = [
        source("auth/mod.rs", "pub use self::a::A; pub use self::b::B;"),
        source("auth/a.rs", "use super::b::B;"),
        source("auth/b.rs", "fn f(c: crate::auth::c::C) {}"),
        source("auth/c.rs", "use super::a::A; use crate::base::Time;"),
        source("auth/d.rs", "use super::A; use super::e::E;"),
        source("auth/e.rs", "use super::d::D;"),
        source("web/a.rs", "use crate::auth::a::A;"),
    ];
    assert_eq!(circles::circles(&sources, 2), [["auth::a", "auth::b", "auth::c"]]);
    assert_eq!(circles::circles(&sources, 1).len(), 2);
}
