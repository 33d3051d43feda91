//! The configuration as a whole: what an operator writes goes in, the parsed values or all mistakes come out.

use std::path::Path;
use std::time::Duration;

use super::authentication_policy::Then;
use super::listener::Serves;
use super::transmitter::{Auth, Encoder, Kind, Piece, Slot, SmtpTls};
use super::trusted::Source;
use super::*;
use crate::base::Channel;
use crate::base::{Factor, Plan};

const MINIMAL: &str = include_str!("testdata/minimal.toml");
const EXAMPLE: &str = include_str!("../../doorward.example.toml");

fn environment(name: &str) -> Option<String> {
    if name == "DOORWARD_SIM_PIN" {
        return Some("4711".to_owned());
    }
    name.starts_with("DOORWARD_").then(|| format!("value of {name}"))
}

pub(super) fn parsed(text: &str) -> Result<Config, Vec<String>> {
    parse(text, Path::new("/etc/doorward"), &environment).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn good(text: &str) -> Config {
    parsed(text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

pub(super) fn messages(text: &str) -> Vec<String> {
    let problems = parse(text, Path::new("/etc/doorward"), &environment).err().unwrap_or_default();
    problems.into_iter().map(|problem| problem.message).collect()
}

/// The minimal configuration with one piece of its text replaced.
pub(super) fn with(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from}");
    MINIMAL.replacen(from, to, 1)
}

#[test]
fn twelve_mistakes_are_found_in_one_pass_each_at_its_place() {
    let found = parsed(include_str!("testdata/twelve_mistakes.toml")).unwrap_err();
    let expected: Vec<&str> = include_str!("testdata/twelve_mistakes.txt").lines().collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 12);
}

#[test]
fn a_problem_is_written_with_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    std::fs::write(&file, "[node]\ntrial = 1\n").unwrap();
    let first = load(&file).unwrap_err().to_string().lines().nth(3).unwrap().to_owned();
    assert_eq!(first, format!("{}:2:9: `trial`: expected true or false, found 1", file.display()));
    let missing = load(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.contains("none.toml:1:1: cannot read the file"), "{missing}");
    std::fs::write(&file, b"[node]\nname = \"\xff\"\n").unwrap();
    assert_eq!(load(&file).unwrap_err().to_string(), format!("{}:2:9: not valid UTF-8", file.display()));
}

#[test]
fn the_projects_example_is_read() {
    let config = good(EXAMPLE);
    assert_eq!(config.node.name, "gate1");
    assert_eq!(config.listeners.len(), 2);
    assert_eq!(config.listeners[1].serves, Serves::Redirect);
    let Serves::Tls(certificates) = &config.listeners[0].serves else { panic!("no TLS") };
    assert_eq!(certificates[0].chain, Path::new("/etc/doorward/certs/mail.pem"));
    assert_eq!(config.transmitters.len(), 8);
    let directory::Kind::Ldap(ldap) = &config.directories[1].kind else { panic!("no LDAP") };
    assert_eq!(ldap.service_password.expose(), "value of DOORWARD_LDAP_PASSWORD");
    assert_eq!((ldap.servers[0].port, ldap.servers[1].port), (636, 389));
    assert!(config.directories[0].default && !config.directories[1].default);
    let Kind::Smtp(smtp) = &config.transmitters[2].kind else { panic!("no SMTP") };
    assert_eq!((smtp.host.as_str(), smtp.port, smtp.tls), ("smtp.corp.example", 587, SmtpTls::StartTls));
    assert_eq!(config.dispatch_policies[0].rules[0].channel, Channel::Sms);
    assert_eq!(config.authentication_policies[0].rules.len(), 4);
}

/// What the example switches off with `# ` in front is right as well.
#[test]
fn what_the_example_comments_out_is_read_too() {
    let lines = EXAMPLE.lines().skip_while(|line| !line.starts_with("[node]"));
    let text: Vec<&str> = lines.map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
    let folder = tempfile::tempdir().unwrap();
    let seal = folder.path().join("seal-k1");
    std::fs::write(&seal, "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n").unwrap();
    let config = good(&text.join("\n").replace("/etc/doorward/seal-k1", seal.to_str().unwrap()));
    let keys = config.keys.unwrap();
    assert_eq!(keys[0].secret.expose()[..4], [0x00, 0x11, 0x22, 0x33]);
    assert_eq!(keys[0].secret.expose().len(), 32);
    assert_eq!(config.transmitters.len(), 9);
    assert!(config.node.trial);
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = good(MINIMAL);
    assert_eq!((config.node.name.as_str(), config.node.state_dir.as_path()), ("doorward", Path::new("/var/lib/doorward")));
    assert!(!config.node.trial && config.node.drain == Duration::from_secs(30) && !config.listeners[0].deal);
    assert!(config.keys.is_none());
    let application = &config.applications[0];
    assert_eq!(application.session.idle, Duration::from_secs(30 * 60));
    assert_eq!(application.session.absolute, Duration::from_secs(12 * 3600));
    assert_eq!((application.limits.body, application.limits.response_wait), (150 << 20, Duration::from_secs(60)));
    assert_eq!(application.sign_on, application::SignOn::Headers);
    assert!(application.public.is_empty() && !application.service_worker && application.upstream.ca.is_none());
    assert_eq!(*application.hosts[0], *"site.example.com");
    assert!(config.directories[0].default, "a single directory is the default");
    assert_eq!(config.dispatch_policies[0].rules[0].wait, Duration::from_secs(30));
    assert_eq!(config.passcode_policies, [PasscodePolicy::default()]);
    let policy = &config.passcode_policies[0];
    assert_eq!((policy.length, policy.lifetime, policy.tries), (6, Duration::from_secs(300), 3));
    let plan = Plan::new(vec![vec![Factor::Passcode]]);
    let standard = Then::Challenge { plan, dispatch: "standard".into(), passcode: "standard".into() };
    assert_eq!(config.authentication_policies[0].rules[0].then, standard);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.pages, Pages::default());
}

/// The values that the example shows for keys with a default are those defaults.
#[test]
fn the_example_shows_the_defaults() {
    let config = good(EXAMPLE);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.passcode_policies, [PasscodePolicy::default()]);
    assert_eq!(config.pages.languages, Pages::default().languages);
    assert_eq!(config.applications[0].session, application::SessionLimits::default());
    assert_eq!(config.applications[0].limits, application::RequestLimits::default());
    let directory::Kind::Ldap(ldap) = &config.directories[1].kind else { panic!("no LDAP") };
    let shown = directory::Attributes { second_mobile: None, ..ldap.attributes.clone() };
    assert_eq!(shown, directory::Attributes::default());
}

/// Every key that the example shows stands in the operators' page.
#[test]
fn the_page_on_the_configuration_names_every_key() {
    fn keys(value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    found.push(key.clone());
                    // The names in these are the operator's own.
                    if !matches!(key.as_str(), "headers" | "json" | "environment" | "prices") {
                        keys(value, found);
                    }
                }
            }
            toml::Value::Array(array) => array.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let page = include_str!("../../docs/configuration.md");
    let mut found = Vec::new();
    keys(&toml::from_str(EXAMPLE).unwrap(), &mut found);
    assert!(found.len() > 100);
    for key in found {
        let named = ["`", ".", "[", "{ ", ", "].iter().any(|before| page.contains(&format!("{before}{key}")));
        assert!(named, "{key}");
    }
}

#[test]
fn a_preset_is_filled_in_and_overridden() {
    let screen = "kind = \"console\"";
    let preset = with(
        screen,
        "kind = \"http\"\npreset = \"clickatell\"\napi_key = \"k\"\ntimeout = \"3s\"\nurl = \"http://127.0.0.1:9/m\"",
    );
    let Kind::Http(http) = &good(&preset).transmitters[0].kind else { panic!("no HTTP") };
    assert_eq!(http.url.0, [Piece::Text("http://127.0.0.1:9/m".into())]);
    assert_eq!((http.method.as_str(), http.timeout), ("POST", Duration::from_secs(3)));
    assert_eq!(http.auth, Auth::Header("Authorization".into()));
    let body = http.body.as_ref().unwrap();
    assert_eq!(body.encoder, Encoder::Json);
    assert!(body.template.uses(Slot::ToDigits) && body.template.uses(Slot::Text));
    assert_eq!(http.answers.success.status, [200, 202]);
    assert_eq!(
        messages(&with(screen, "kind = \"http\"\npreset = \"clickatell\"")),
        ["`api_key` is missing: the gateway needs it to authenticate Doorward"]
    );
}

#[test]
fn what_is_built_is_accepted_by_name() {
    for (from, to) in [
        ("[[listener]]", "[node]\nrole = \"all\"\n[[listener]]"),
        ("address =", "trusted_proxies = []\naddress ="),
        ("policy =", "preset = \"plain\"\npolicy ="),
        ("policy =", "sign_on = \"preset\"\npolicy ="),
        ("{ then = \"challenge\"", "{ then = \"challenge\", factors = [\"passcode\"]"),
        ("[[dispatch", "[[passcode_policy]]\nname = \"p\"\nalphabet = \"digits\"\nflash = false\n[[dispatch"),
    ] {
        good(&with(from, to));
    }
}

#[test]
fn what_is_planned_is_refused_as_not_in_this_version() {
    let sections = ["link", "geo", "radius", "admin"].map(|name| ("[[listener]]", format!("[{name}]\nx = 1\n[[listener]]")));
    let lists = ["password_reset", "self_service"].map(|name| ("[[listener]]", format!("[[{name}]]\nx = 1\n[[listener]]")));
    let keys = [
        ("[[listener]]", "[audit]\nsinks = []\n[[listener]]"),
        ("[[listener]]", "[node]\nrole = \"edge\"\n[[listener]]"),
        ("[[listener]]", "[node]\ntime_zone = \"Europe/Berlin\"\n[[listener]]"),
        ("policy =", "preset = \"owa\"\npolicy ="),
        ("policy =", "sign_on = \"form\"\npolicy ="),
        ("{ then = \"challenge\"", "{ then = \"challenge\", factors = [\"token\"]"),
        ("{ then = \"challenge\"", "{ then = \"challenge\", factors = [\"personal+passcode\"]"),
        ("[{ then", "[{ when = { country = [\"DK\"] }, then = \"refuse\" }, { then"),
    ]
    .map(|(from, to)| (from, to.to_owned()));
    for (from, to) in sections.into_iter().chain(lists).chain(keys) {
        let found = messages(&with(from, &to));
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert!(found[0].contains("not in this version"), "{to}: {found:#?}");
    }
}

#[test]
fn every_mistake_is_said_once_and_plainly() {
    let http = "\"http\"\nurl = \"https://a.example/{{to_digits}}/{{text}}\"";
    let smtp = "\"smtp\"\nserver = \"mail.example\"\nfrom = \"a@example.com\"";
    let table = [
        ("\nhosts = [\"Site.Example.com\"]", String::new(), "[[application]] lacks `hosts`"),
        ("[\"Site.Example.com\"]", "[]".into(), "`hosts` must not be empty"),
        ("[\"Site.Example.com\"]", "\"a\"".into(), "`hosts`: expected a list, found a string"),
        (
            "Site.Example.com",
            "site:443".into(),
            "`hosts`: expected a host name without port, or `*.` and a name, found \"site:443\"",
        ),
        ("[[application]]", "[application]".into(), "write [[application]] with double brackets"),
        ("[[directory]]", "[[node]]\n[[directory]]".into(), "write [node] with single brackets"),
        ("[[listener]]", "[limts]\n[[listener]]".into(), "unknown section `limts`; did you mean `limits`?"),
        ("\"console\"", "\"consol\"".into(), "found \"consol\"; did you mean `console`?"),
        ("\"console\"", "\"console\"\ngroup = \"screen\"".into(), "has the same name as a transmitter"),
        ("[\"screen\"]", "[\"sreen\"]".into(), "no [[transmitter]] and no group is named `sreen`; did you mean `screen`?"),
        ("\"console\"", http.into(), ""),
        ("\"console\"", smtp.into(), "the transmitter `screen` cannot send by sms"),
        ("\"console\"", http.replace("https", "http"), "http:// would send passcodes unencrypted"),
        ("\"console\"", http.replace("a.example", "{{code}}"), "placeholders only after the host"),
        ("\"console\"", http.replace("{{text}}", "{{txt}}"), "unknown placeholder `{{txt}}`; did you mean `text`?"),
        ("\"console\"", http.replace("{{text}}", ""), "nothing would be sent"),
        ("\"console\"", format!("{http}\nbody = \"{{{{sender}}}}\"\ncontent_type = \"text/plain\""), "`sender` is missing"),
        ("\"console\"", format!("{http}\nbody = \"{{\""), "`body` is no JSON"),
        ("\"console\"", format!("{http}\nsuccess = {{ body = \"(\" }}"), "valid regular expression: unclosed group"),
        ("\"console\"", format!("{http}\nsuccess = {{ status = [\"2x\"] }}"), "did you mean `2xx`?"),
        ("\"console\"", format!("{http}\nheaders = {{ \"a b\" = \"x\" }}"), "`a b` is not a header name"),
        ("\"console\"", format!("{http}\nheaders = {{ a = \"x\\r\\ny\" }}"), "`a`: expected one line of text"),
        ("\"screen\"] }]", "\"screen\"], wait = \"0s\" }]".into(), "`wait`: expected a duration"),
        ("to = \"mobile\"", "to = \"mail\"".into(), "a message by sms cannot go to `mail`"),
        ("127.0.0.1:8443", "[::]:8443".into(), "a console transmitter needs every listener on loopback"),
        ("\"127.0.0.1:8443\"", "\"127.0.0.1:8443\"\nredirect = \"https\"".into(), "takes no `certificates`"),
        ("[[listener]]", "[keys]\nseal = [{ id = \"k-1\", secret = \"x\" }]\n[[listener]]".into(), "1 to 16 letters and digits"),
        ("\"console\"", smtp.replace("a@", "A, B <a@"), "`from`: expected an address"),
        ("\"console\"", smtp.replace("a@example.com", "a b"), "`from`: expected an address"),
        (
            "\"console\"",
            format!("{smtp}\npassword = {{ fiel = \"x\" }}\nuser = \"u\""),
            "unknown key `fiel`; did you mean `file`?",
        ),
        ("[{ then = \"challenge\" }]", "[]".into(), "`rules` must not be empty"),
        ("[{ then", "[{ when = { application = [\"site\"] } }, { then".into(), "rules lacks `then`"),
        ("kind = \"console\"", String::new(), "[[transmitter]] lacks `kind`"),
        ("kind = \"local\"", "knd = \"local\"".into(), "unknown key `knd`; did you mean `kind`?"),
        ("challenge\"", "refuse\", factors = [\"passcode\"]".into(), "has no effect here"),
        ("{ then", "{ when = { group = [\"a\"] }, then".into(), "must have no `when`"),
        ("[{ then", "[{ when = {}, then = \"refuse\" }, { then".into(), "`when` is empty"),
        ("[{ then", "[{ when = { address = [\"10.0.0.1/8\"] }, then = \"admit\" }, { then".into(), "as 10.0.0.0/8"),
        (
            "[{ then",
            "[{ when = { application = [\"sit\"] }, then = \"admit\" }, { then".into(),
            "no [[application]] is named `sit`",
        ),
        ("[[listener]]", "[node]\ndrain = \"2h\"\n[[listener]]".into(), "`drain`: expected a duration"),
        ("address =", "deal = 1\naddress =".into(), "`deal`: expected true or false, found 1"),
        ("policy =", "public = [\"/a/../b\"]\npolicy =".into(), "`public`: expected a path"),
        ("policy =", "public = [\"/.doorward/x\"]\npolicy =".into(), "holds our own pages"),
        ("policy =", "session = { idle = \"2h\", absolute = \"1h\" }\npolicy =".into(), "`idle` is longer than `absolute`"),
        ("policy =", "name = \"again\"\npolicy =".into(), "not valid TOML: duplicate key"),
    ];
    for (from, to, expected) in table {
        let found = messages(&with(from, &to));
        if expected.is_empty() {
            assert_eq!(found, Vec::<String>::new(), "{to}");
        } else {
            assert!(found.iter().any(|message| message.contains(expected)), "{to}: {found:#?}");
            let most = if to.contains("k-1") || to.contains("smtp") { 2 } else { 1 };
            assert!(found.len() <= most, "{to}: {found:#?}");
        }
    }
}

#[test]
fn trusted_proxies_are_believed_in_one_way_and_nobody_else_is() {
    let read = |lines: &str| good(&with("address =", &format!("{lines}\naddress ="))).listeners[0].trusted.clone();
    assert!(read("").is_none() && read("trusted_proxies = []").is_none());
    let trusted = read("trusted_proxies = [\"10.0.0.0/8\", \"2001:db8::7\", \"::ffff:192.0.2.1\"]").unwrap();
    assert_eq!(trusted.source, Source::XForwardedFor);
    for (address, expected) in [
        ("10.255.0.1", true),
        ("192.0.2.1", true),
        ("2001:db8::7", true),
        ("2001:db8::8", false),
        ("11.0.0.1", false),
        ("::ffff:10.0.0.1", false),
    ] {
        assert_eq!(trusted.lists(address.parse().unwrap()), expected, "{address}");
    }
    for (word, source) in
        [("x-forwarded-for", Source::XForwardedFor), ("forwarded", Source::Forwarded), ("proxy-protocol", Source::ProxyProtocol)]
    {
        let lines = format!("client_address = \"{word}\"\ntrusted_proxies = [\"10.0.0.1\"]");
        assert_eq!(read(&lines).unwrap().source, source, "{word}");
    }
}

#[test]
fn a_proxy_that_a_rule_would_admit_in_its_clients_stead_is_worth_a_warning() {
    let warnings = |proxy: &str, admitted: &str| {
        let text = with("[{ then", &format!("[{{ when = {{ address = [\"{admitted}\"] }}, then = \"admit\" }}, {{ then"));
        let text = text.replacen("address =", &format!("trusted_proxies = [\"{proxy}\"]\naddress ="), 1);
        trusted::warnings(&good(&text))
    };
    assert_eq!(warnings("192.0.2.1", "10.0.0.0/8"), Vec::<String>::new());
    let said = "admits 10.0.0.0/8, where the trusted proxy 10.0.0.5/32 is: where it names no client, a password is enough";
    assert!(warnings("10.0.0.5", "10.0.0.0/8")[0].ends_with(said));
    assert_eq!(warnings("10.0.0.0/8", "10.0.0.5").len(), 1, "whoever is listed may say where he is");
}

#[test]
fn a_directory_is_reached_only_by_what_keeps_its_password() {
    let ldap = |servers: &str, more: &str| {
        let kind = format!(
            "kind = \"ldap\"\nservers = [\"{servers}\"]\nservice_user = \"cn=a\"\nservice_password = \"secret\"\n\
             users = {{ base = \"dc=a\"{more} }}"
        );
        messages(&with("kind = \"local\"\nfile = \"users.toml\"", &kind))
    };
    let table = [
        (ldap("ldaps://a.example", ""), None),
        (ldap("ldap://127.0.0.1:1389", ""), None),
        (ldap("ldap://a.example", ""), Some("ldap:// without `starttls = true`")),
        (ldap("ldaps://a.example/dc=a", ""), Some("expected ldaps://host[:port] or ldap://host[:port] without a path")),
        (ldap("ldaps://a.example", ", filter = \"(a=b)(c=d)\""), Some("`filter`: expected one LDAP filter")),
        (ldap("ldaps://a.example", ", filter = \"(&(a=b)(c=d))\""), None),
        (ldap("ldaps://a.example", ", names = [\"u id\"]"), Some("`names`: expected an attribute name")),
    ];
    for (found, expected) in table {
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
        assert!(found.iter().all(|message| message.contains(expected.unwrap())), "{found:?}");
    }
}

#[test]
fn no_message_repeats_a_secret() {
    for value in ["hunter2hunter2", "{ file = \"/hunter2\" , env = \"X\" }", "[\"hunter2\"]", "{ hunter2 = 1 }"] {
        let value = if value.starts_with(['[', '{']) { value.to_owned() } else { format!("\"{value}\"") };
        let smtp = format!("\"smtp\"\nserver = \"mail.example\"\nfrom = \"a@example.com\"\npassword = {value}");
        let found = messages(&with("\"console\"", &smtp)).join("\n");
        assert!(!found.is_empty());
        assert!(!found.contains("hunter2hunter2") && !found.contains("[\""), "{found}");
    }
}

#[test]
fn a_secret_comes_from_a_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = "\"smtp\"\nserver = \"127.0.0.1\"\nfrom = \"a@example.com\"\nuser = \"u\"\npassword = { file = \"pass\" }";
    let text = with("\"console\"", smtp).replace("channel = \"sms\", to = \"mobile\"", "channel = \"mail\", to = \"mail\"");
    for (content, expected) in [
        ("secret\n", "secret"),
        ("secret\r\n", "secret"),
        ("secret", "secret"),
        ("a\nb\n\n", "a\nb\n"),
        ("\u{feff}secret\r\n", "secret"),
    ] {
        std::fs::write(folder.path().join("pass"), content).unwrap();
        let config = parse(&text, folder.path(), &environment).unwrap();
        let Kind::Smtp(smtp) = &config.transmitters[0].kind else { panic!("no SMTP") };
        assert_eq!(smtp.password.as_ref().unwrap().expose(), expected);
    }
    for (content, expected) in [
        (b"\xff\xfes\0e\0c\0".to_vec(), "the secret of `password` cannot be read: it is saved as UTF-16: save it as UTF-8"),
        (b"\0s\0e\0c".to_vec(), "the secret of `password` cannot be read: it is saved as UTF-16: save it as UTF-8"),
        (b"\xef\xbb\xbf\r\n".to_vec(), "the secret of `password` is empty"),
    ] {
        std::fs::write(folder.path().join("pass"), content).unwrap();
        assert_eq!(parse(&text, folder.path(), &environment).unwrap_err()[0].message, expected);
    }
    std::fs::remove_file(folder.path().join("pass")).unwrap();
    let problems = parse(&text, folder.path(), &environment).unwrap_err();
    assert!(problems[0].message.starts_with("cannot read "), "{problems:?}");
    let found = messages(&text.replace("file = \"pass\"", "env = \"NOT_SET\""));
    assert_eq!(found, ["the environment variable NOT_SET is not set"]);
}

#[test]
fn files_that_are_named_and_not_there_are_all_listed() {
    let folder = tempfile::tempdir().unwrap();
    let config = parse(MINIMAL, folder.path(), &environment).unwrap();
    let found = files::problems(&config);
    assert_eq!(found.len(), 3, "{found:?}");
    std::fs::create_dir(folder.path().join("certs")).unwrap();
    for name in ["certs/a.pem", "certs/a.key", "users.toml"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    assert_eq!(files::problems(&config), Vec::<String>::new());
}

#[test]
fn one_syntax_error_does_not_hide_the_mistakes_elsewhere() {
    let text = with("name = \"site\"", "name = site").replace("\"console\"", "\"consol\"");
    let found = parsed(&text).unwrap_err();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("6:8: not valid TOML: "), "{found:#?}");
    assert!(found[1].starts_with("18:8: `kind`: expected"), "{found:#?}");
}

#[test]
fn line_ends_and_a_byte_order_mark_do_not_matter() {
    good(&MINIMAL.replace('\n', "\r\n"));
    good(&format!("\u{feff}{MINIMAL}"));
    let found = parsed(&format!("\u{feff}x = 1\r\n{}", MINIMAL.replace('\n', "\r\n"))).unwrap_err();
    assert_eq!(found, ["1:1: unknown section `x`"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    std::fs::write(&file, "\u{feff}[node]\r\nstate_dir = \"here\"\r\n").unwrap();
    assert_eq!(state_dir(&file).unwrap(), folder.path().join("here"));
    std::fs::write(&file, MINIMAL.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    for problems in [load(&file).unwrap_err(), state_dir(&file).unwrap_err()] {
        assert!(
            problems.to_string().ends_with(":1:1: cannot read the file: it is saved as UTF-16: save it as UTF-8"),
            "{problems}"
        );
    }
}

#[test]
fn hostile_input_ends_in_problems() {
    let mebibyte = 1 << 20;
    let inputs = [
        String::new(),
        "\0".into(),
        "[".repeat(mebibyte),
        "]".repeat(mebibyte),
        "{".repeat(mebibyte),
        format!("a = {}", "[".repeat(mebibyte / 8)),
        format!("a = {}", "{a=".repeat(mebibyte / 32)),
        format!("{}a = 1", "a.".repeat(mebibyte / 2 - 4)),
        "[a]\n".repeat(mebibyte / 4),
        "[[node]]\n".repeat(mebibyte / 10),
        "[[application]]\n".repeat(mebibyte / 17),
        "\"".repeat(mebibyte),
        "\u{1f600}=\"\\q\"\n".repeat(10_000),
        "a".repeat(mebibyte),
        "a".repeat(mebibyte + 1),
        format!("{MINIMAL}\n[pages]\ntitle = \"\0\""),
    ];
    for input in inputs {
        let head: String = input.chars().take(20).collect();
        let problems = parse(&input, Path::new("/nowhere"), &environment).err().unwrap_or_default();
        assert!(!problems.is_empty() && problems.len() < 510, "{head}: {}", problems.len());
    }
}

#[test]
fn the_state_folder_is_found_whatever_else_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    let secret = "[[transmitter]]\nname = \"x\"\nkind = \"http\"\napi_key = { env = \"NOT_SET_HERE\" }\n";
    std::fs::write(&file, format!("[node]\nstate_dir = \"state\"\n{secret}")).unwrap();
    assert_eq!(super::state_dir(&file).unwrap(), folder.path().join("state"));
    std::fs::write(&file, secret).unwrap();
    assert_eq!(super::state_dir(&file).unwrap(), std::path::Path::new("/var/lib/doorward"));
    std::fs::write(&file, "[node\n").unwrap();
    assert_eq!(super::state_dir(&file).unwrap_err().list.first().map(|problem| problem.line), Some(1));
}
