//! `check --schema`: the schema is one, and takes what Doorward takes. The library that judges is not ours.

use std::path::Path;

use crate::support::program::run;
use crate::support::script;
use crate::support::toml::{SCREEN, Toml};

/// What the schema says of each text: nothing where it is good. None where the library is missing.
fn judged(texts: &[String]) -> Option<Vec<Option<String>>> {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(&["check", "--schema"], "");
    assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
    let schema = folder.path().join("doorward.schema.json");
    std::fs::write(&schema, printed.stdout).unwrap();
    let mut command = script::environment("tests/peers/schema.py")?;
    command.arg(schema);
    for (number, text) in texts.iter().enumerate() {
        let file = folder.path().join(format!("{number}.toml"));
        std::fs::write(&file, text).unwrap();
        command.arg(file);
    }
    let judged = command.output().unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    let lines = String::from_utf8(judged.stdout).unwrap();
    let said: Vec<_> = lines.lines().map(|line| (line != "good").then(|| line.to_owned())).collect();
    assert_eq!(said.len(), texts.len());
    Some(said)
}

fn repository(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What `doorward demo` writes.
fn demo() -> String {
    let source = repository("src/app/demo.rs");
    let text = source
        .split("r#\"")
        .find_map(|rest| rest.split_once("\"#").map(|(text, _)| text).filter(|text| text.contains("[[listener]]")));
    // Words in capitals are what the program fills in.
    let filled = [("LISTEN", "[::1]:8443"), ("UPSTREAM", "127.0.0.1:80"), ("CHAIN", "\"chain.pem\""), ("KEY", "\"key.pem\"")];
    filled.iter().fold(text.unwrap().to_owned(), |text, (word, value)| text.replace(word, value))
}

#[test]
fn every_configuration_of_the_repository_fits() {
    let files = ["doorward.example.toml", "src/config/testdata/minimal.toml", "src/config/schema/forms.toml"];
    let mut texts: Vec<String> = files.map(repository).into_iter().chain([demo()]).collect();
    let site = || Toml::site().server("http://127.0.0.1:80");
    let group = "{ when = { address = [\"10.0.0.0/8\"], group_not = [\"vpn\"] }, then = \"refuse\" },";
    let tests = [
        site().transmitter(SCREEN),
        site().transmitter(SCREEN).redirects().passcode("alphabet = \"memorable\"").rules(group),
        site().transmitter(SCREEN).everybody("{ then = \"admit\" }").limits("failures_per_user = \"2/1m\""),
        site().transmitter(
            "[[transmitter]]\nname = \"screen\"\nkind = \"http\"\npreset = \"clickatell\"\napi_key = { file = \"key\" }\n",
        ),
    ];
    texts.extend(tests.iter().map(ToString::to_string));
    for (text, said) in texts.iter().zip(judged(&texts).into_iter().flatten()) {
        assert_eq!(said, None, "{text}");
    }
}

#[test]
fn what_is_wrong_is_seen_while_it_is_written() {
    let minimal = repository("src/config/testdata/minimal.toml");
    let table = [
        ("policy =", "polcy =", "polcy"),
        ("hosts =", "# hosts =", "hosts"),
        ("kind = \"console\"", "kind = \"consol\"", "consol"),
        ("kind = \"console\"", "kind = \"smtp\"", "required"),
        ("kind = \"console\"", "kind = \"console\"\nbaud = 9600", "9600"),
        ("kind = \"console\"", "kind = \"modem\"\nport = \"/dev/ttyUSB0\"\nbaud = 1", "minimum"),
        ("kind = \"console\"", "kind = \"modem\"\nport = \"/dev/ttyUSB0\"\nsim_pin = { fiel = \"x\" }", "sim_pin"),
        ("kind = \"console\"", "kind = \"push\"\npreset = \"twilio\"", "twilio"),
        ("[[listener]]", "[node]\ndrain = 30\n\n[[listener]]", "drain"),
        ("[[listener]]", "[node]\ndrain = \"30 s\"\n\n[[listener]]", "drain"),
        ("[[listener]]", "[radius]\nlisten = \"0.0.0.0:1812\"\n\n[[listener]]", "radius"),
        ("[[application]]", "[application]", "application"),
        ("certificates =", "redirect = \"https\"\ncertificates =", "a.pem"),
        ("{ then = \"challenge\"", "{ then = \"admit\", factors = [\"passcode\"]", "['passcode']"),
    ];
    let mut texts: Vec<String> = table
        .iter()
        .map(|(from, to, _)| {
            assert!(minimal.contains(from), "{from}");
            minimal.replacen(from, to, 1)
        })
        .collect();
    texts.push(repository("src/config/testdata/twelve_mistakes.toml"));
    let Some(said) = judged(&texts) else { return };
    for ((from, to, word), said) in table.iter().zip(&said) {
        assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{from} -> {to}: {said:?}");
    }
    assert!(said.last().unwrap().is_some());
}
