//! No field of a stranger's moves a path or an identity at a real server, and no spelling of a path leads out of what is public.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use doorward::base::header_claims::{TABLE, folded};
use http::Method;

use crate::support::client::Client;
use crate::support::node::Bed;
use crate::support::peers::{NOT_INSTALLED, PORT_TAKEN, free_ports};
use crate::support::skip;
use crate::support::toml::Toml;

/// Started by `tests/peers/applications.sh`, where it stands what they say.
struct Applications {
    folder: tempfile::TempDir,
    ports: HashMap<&'static str, u16>,
}

impl Applications {
    fn start() -> Option<Self> {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let ports: [u16; 6] = free_ports();
            let output =
                Command::new(script()).arg("start").arg(folder.path()).args(ports.map(|port| port.to_string())).output().unwrap();
            match output.status.code() {
                Some(0) => return Some(Self { folder, ports: NAMES.into_iter().zip(ports).collect() }),
                Some(NOT_INSTALLED) => {
                    skip(String::from_utf8_lossy(&output.stderr).trim());
                    return None;
                }
                Some(PORT_TAKEN) => {}
                code => panic!("applications.sh ended with {code:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        panic!("the applications found no free ports in five attempts");
    }

    /// A node in front of this one, below `/public` open to everybody.
    async fn behind_doorward(&self, name: &str) -> Bed {
        Bed::with(Toml::bed().servers([([127, 0, 0, 1], self.ports[name]).into()])).await
    }
}

impl Drop for Applications {
    fn drop(&mut self) {
        drop(Command::new(script()).arg("stop").arg(self.folder.path()).status());
    }
}

const NAMES: [&str; 6] = ["gunicorn", "waitress", "uwsgi", "radicale", "php", "tomcat"];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/applications.sh")
}

/// Names that claim something: each of the table, with what may follow it, and as CGI and WSGI would have it.
fn claims() -> Vec<String> {
    let also = [
        "$WSRU",
        "$WSSN",
        "X-Forwarded-Prefix",
        "X-Original-URL",
        "X-Rewrite-URL",
        "SM_USER",
        "OAM_REMOTE_USER",
        "iv-user",
        "X_Custom",
    ];
    let endings = ["", "user", "url", "for", "0"];
    let mut names: Vec<String> = also.map(str::to_owned).into();
    for row in TABLE {
        match row.0.strip_suffix('*') {
            Some(prefix) => names.extend(endings.map(|ending| format!("{prefix}{ending}"))),
            None => names.push(row.0.to_owned()),
        }
    }
    let spelled: Vec<String> = names.iter().flat_map(|name| [name.replace('-', "_"), name.replacen('-', "_", 1)]).collect();
    names.extend(spelled);
    names
}

async fn told(browser: &Client, target: &str, fields: &[(&str, &str)]) -> String {
    let answer = browser.ask(Method::GET, target, fields, "").await;
    format!("{} {}\n{}", answer.status, answer.header("location"), answer.body)
}

#[tokio::test]
async fn what_a_stranger_claims_in_a_field_changes_nothing_at_any_server() {
    let Some(applications) = Applications::start() else { return };
    for name in NAMES {
        let bed = applications.behind_doorward(name).await;
        let stranger = bed.browser();
        let target = "/public/admin?x=1";
        let before = told(&stranger, target, &[]).await;
        assert!(
            name == "radicale" || before.contains("PATH_INFO=/public/admin") || before.contains("REQUEST_URI=/public/admin"),
            "{before}"
        );
        let claims = claims();
        for group in claims.chunks(40) {
            let fields: Vec<_> = group.iter().map(|claim| (claim.as_str(), "/public")).collect();
            let after = told(&stranger, target, &fields).await;
            assert_eq!(after, before, "{name}: one of {group:?}");
        }
        // Who signed in may name another method and another place, and nothing else.
        let browser = bed.signed_in("alice", "wonderland").await;
        // Radicale says there under which path it believes to be.
        let target = if name == "radicale" { "/" } else { target };
        let before = told(&browser, target, &[]).await;
        for group in claims.chunks(40) {
            let is_elsewhere =
                |claim: &str| doorward::base::header_claims::claim(&folded(claim)).is_some_and(|claim| !claim.is_nobodys());
            let fields: Vec<_> =
                group.iter().filter(|claim| !is_elsewhere(claim)).map(|claim| (claim.as_str(), "/public")).collect();
            assert_eq!(told(&browser, target, &fields).await, before, "{name}: one of {group:?}");
        }
        let override_ = [("X-HTTP-Method-Override", "DELETE"), ("Destination", "/elsewhere")];
        if name == "gunicorn" {
            let after = told(&browser, target, &override_).await;
            assert!(
                after.contains("HTTP_X_HTTP_METHOD_OVERRIDE=DELETE") && after.contains("HTTP_DESTINATION=/elsewhere"),
                "{after}"
            );
        }
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_out_of_what_is_public() {
    let Some(applications) = Applications::start() else { return };
    for name in NAMES {
        let bed = applications.behind_doorward(name).await;
        for path in OUT {
            let answer = bed.browser().ask(Method::GET, path, &[], "").await;
            assert!(matches!(answer.status, 400 | 401), "{name} {path}: {} {}", answer.status, answer.body);
        }
        // These stay where they are, for this server too.
        for path in ["/public/%C3%BCber", "/public/a%20b", "/public/..a", "/public/a;b=..", "/public/%E2%82%AC"] {
            let answer = bed.browser().ask(Method::GET, path, &[], "").await;
            let stays = ["PATH_INFO=/public/", "REQUEST_URI=/public/"].iter().any(|said| answer.body.contains(said));
            assert!(stays || name == "radicale" && answer.status == 404, "{name} {path}: {} {}", answer.status, answer.body);
        }
    }
}

/// Ways out of `/public` for some server: those that a stranger may not even ask for.
const OUT: &[&str] = &[
    "/public/../admin",
    "/public/%2e%2e/admin",
    "/public/..;/admin",
    "/public/..;x=y/admin",
    "/public/..%3b/admin",
    "/public/..%20/admin",
    "/public/..%09/admin",
    "/public/%c0%ae%c0%ae/admin",
    "/public/%c0%af..%c0%afadmin",
    "/public/%e0%80%ae%e0%80%ae/admin",
    "/public/%252e%252e/admin",
    "/public/%25252e%25252e/admin",
    "/public/..%252fadmin",
    "/public%252f..%252fadmin",
    "/public/%uff0e%uff0e/admin",
    "/public/%EF%BC%8E%EF%BC%8E/admin",
    "/public/..%EF%BC%8Fadmin",
    "/public/..%E2%88%95admin",
    "/public/%E2%80%A5/admin",
    "/public/..%5cadmin",
    "/public/..%2fadmin",
    "/public/..%00/admin",
    "/public/.../admin",
    "/public/..::$DATA/admin",
    "/public//../admin",
    "/public%2f..%2fadmin",
    "/Public/admin",
    "/public%20/admin",
    "/public;/admin",
    "/public./admin",
    "/%70ublic/admin",
];

#[tokio::test]
async fn a_kept_field_goes_on_and_what_says_where_a_client_is_from_trusted_proxies_alone() {
    let keys = "keep_headers = [\"X_Tenant\", \"CF-Connecting-IP\"]";
    let bed = Bed::with(Toml::bed().application(keys)).await;
    let fields =
        [("x_tenant", "blue"), ("x_tenant2", "no"), ("x-tenant", "green"), ("cf-connecting-ip", "192.0.2.1"), ("cf-ray", "1")];
    bed.browser().ask(Method::GET, "/public/a", &fields, "").await;
    let head = bed.upstream.last();
    assert!(head.contains("\nx_tenant: blue\n") && head.contains("\nx-tenant: green\n"), "{head}");
    assert!(!head.contains("x_tenant2") && !head.contains("cf-"), "{head}");

    let toml = Toml::bed().application(keys).listener("trusted_proxies = [\"127.0.0.9\"]");
    let bed = Bed::with(toml).await;
    for (last, arrives) in [(9, true), (8, false)] {
        bed.browser().from(last).ask(Method::GET, "/public/a", &fields, "").await;
        let head = bed.upstream.last();
        assert_eq!(head.contains("\ncf-connecting-ip: 192.0.2.1\n"), arrives, "{head}");
        assert!(head.contains("\nx_tenant: blue\n") && !head.contains("cf-ray"), "{head}");
    }
}

#[tokio::test]
async fn an_odd_path_goes_byte_for_byte_to_an_application_that_takes_it_and_to_no_other() {
    let keys =
        "paths = { encoded_slash = true }\nroutes = [{ path = \"/loose\", paths = { empty_segments = true, backslash = true } }]";
    let bed = Bed::with(Toml::bed().application(keys)).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for path in ["/api/projects/a%2Fb", "/api/vhosts/%2F", "/@scope%2fname", "/loose//a%5Cb%2F", "/public/a%2Fb"] {
        let answer = browser.ask(Method::GET, path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(bed.upstream.last().starts_with(&format!("GET {path} ")), "{path}: {}", bed.upstream.last());
    }
    for path in ["/a//b", "/a%5Cb", "/a/..%2Fb", "/Loose//a", "/loose/..%5Ca", "/loose/%00"] {
        assert_eq!(browser.ask(Method::GET, path, &[], "").await.status, 400, "{path}");
    }
    // A route that allows less counts however its path is written, and what no key lets through is no matter of a key.
    let keys = "paths = { encoded_slash = true, empty_segments = true }\nroutes = [{ path = \"/strict\", paths = { encoded_slash = false, empty_segments = false } }]";
    let strict = Bed::with(Toml::bed().application(keys)).await;
    let inside = strict.signed_in("alice", "wonderland").await;
    assert_eq!(inside.ask(Method::GET, "/loose//a%2Fb", &[], "").await.status, 200);
    for path in ["/strict/a%2Fb", "//strict/a%2Fb", "/%73trict/a%2Fb", "/Strict//b", "/loose%2F..%2Fa"] {
        assert_eq!(inside.ask(Method::GET, path, &[], "").await.status, 400, "{path}");
    }
    for method in ["trace", "TRACK", "Connect"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(inside.ask(method.clone(), "/a", &[], "").await.status, 405, "{method}");
    }
    // Nothing below our own prefix, however it is written, and nothing that is public.
    for path in [
        "/;/.doorward/login",
        "/.doorward./login",
        "/%252edoorward/login",
        "/%2F.doorward/login",
        "/.doorward%2Flogin",
        "/%2f%2edoorward%2flogin",
    ] {
        assert_eq!(browser.ask(Method::GET, path, &[], "").await.status, 404, "{path}");
    }
    assert_eq!(bed.browser().ask(Method::GET, "/public/a%2Fb", &[], "").await.status, 401);
    // The other application takes none.
    let other = bed.browser_at(crate::support::node::OTHER);
    assert_eq!(other.ask(Method::GET, "/a%2Fb", &[], "").await.status, 400);
}
