//! The commands as their users meet them: what is printed, and the exit codes.

#![allow(clippy::disallowed_methods, reason = "what a user waits for is measured by the machine's clock")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::curl::{self, Curl};
use crate::support::program::{Program, certificate, doorward, newest, run, users};
use crate::support::toml::Toml;

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder with a configuration that works; the program's files are made in it.
fn small_house() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["app.example.test"]);
    users(folder.path());
    std::fs::write(folder.path().join("doorward.toml"), configuration()).unwrap();
    folder
}

fn config(folder: &Path) -> String {
    folder.join("doorward.toml").to_str().unwrap().to_owned()
}

#[test]
fn check_prints_every_mistake_in_a_line_and_exits_64() {
    let file = repository("src/config/testdata/twelve_mistakes.toml");
    let expected = std::fs::read_to_string(repository("src/config/testdata/twelve_mistakes.txt")).unwrap();
    let (code, out, errors) = said(&run(&["check", "--config", file.to_str().unwrap()], ""));
    assert_eq!((code, out.as_str()), (Some(64), ""));
    let expected: Vec<String> = expected.lines().map(|line| format!("{}:{line}", file.display())).collect();
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn check_finds_nothing_wrong_with_the_example() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("certs")).unwrap();
    certificate(&folder.path().join("certs"), "mail", &["mail.example.com", "intranet.example.com", "receipt.example.com"]);
    certificate(&folder.path().join("certs"), "corp-ca", &["corp.example"]);
    certificate(&folder.path().join("certs"), "doorward", &["doorward.corp.example"]);
    users(folder.path());
    for logo in ["logo.svg", "mail.svg"] {
        std::fs::copy(repository("static/icon.svg"), folder.path().join(logo)).unwrap();
    }
    // The operator's own program is not on this machine.
    let example = std::fs::read_to_string(repository("doorward.example.toml")).unwrap();
    let example = example.replace("/usr/local/bin/send-sms", "/bin/true");
    std::fs::write(folder.path().join("doorward.toml"), example).unwrap();
    let mut command = doorward(&["check", "--config", &config(folder.path())]);
    command.env("DOORWARD_SIM_PIN", "4711");
    let more = ["SMTP_PASSWORD", "TWILIO_TOKEN", "NTFY_TOKEN", "OWN_KEY"];
    for name in ["AD_PASSWORD", "LDAP_PASSWORD", "CLICKATELL_KEY", "GATEWAY_KEY"].into_iter().chain(more) {
        command.env(format!("DOORWARD_{name}"), "a-secret");
    }
    let (code, out, errors) = said(&command.output().unwrap());
    // It shows more kinds of transmitters than its rules send by.
    let errors: Vec<_> = errors.lines().filter(|line| !line.ends_with("is never used")).collect();
    assert_eq!((code, errors), (Some(0), Vec::new()), "{out}");
    assert!(out.contains("no mistakes found"), "{out}");
    assert!(!out.contains("a-secret"), "{out}");
}

#[test]
fn a_hash_is_for_a_password_and_different_every_time() {
    let [first, second] = [0, 1].map(|_| said(&run(&["hash-password"], "correct horse\n")));
    assert!(first.0 == Some(0) && first.1.starts_with("$argon2id$") && first.1.lines().count() == 1, "{first:?}");
    assert_ne!(first.1, second.1);
    // Of a file that was saved on Windows.
    let marked = said(&run(&["hash-password"], "\u{feff}correct horse\r\n")).1;
    let hash = doorward::directory::password::Hash::parse(marked.trim()).unwrap();
    assert!(hash.matches(&doorward::base::Secret::new("correct horse".to_owned())), "{marked}");
    for wrong in ["", "\n", "nul\0inside\n", &"x".repeat(1025)] {
        let (code, out, errors) = said(&run(&["hash-password"], wrong));
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(errors.starts_with("doorward: not usable as a password"), "{errors}");
    }
}

#[test]
fn a_start_that_fails_says_why() {
    let folder = small_house();
    let path = config(folder.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let broken = [
        (configuration().replace("policy = \"staff\"", "policy = \"stuff\""), 64, "stuff"),
        ("this is no TOML".to_owned(), 64, "doorward.toml:1"),
        (configuration().replace("127.0.0.1:0", &address), 1, address.as_str()),
        (configuration().replace("door.pem", "no.pem"), 1, "no.pem"),
        (configuration().replace("users.toml", "nobody.toml"), 1, "nobody.toml"),
    ];
    for (text, expected, words) in broken {
        std::fs::write(&path, &text).unwrap();
        let (code, _, errors) = said(&run(&["serve", "--config", &path], ""));
        assert_eq!(code, Some(expected), "{errors}");
        let last = errors.lines().last().unwrap_or_default();
        assert!(last.contains(words) && !errors.contains("panicked"), "{words}: {errors}");
    }
    let (code, _, errors) = said(&run(&["serve", "--config", "/nowhere/doorward.toml"], ""));
    assert!(code == Some(64) && errors.contains("/nowhere/doorward.toml"), "{code:?} {errors}");
}

#[test]
fn trace_shows_what_happened_under_the_id_of_a_page() {
    if !curl::is_there() {
        return;
    }
    let folder = small_house();
    let path = config(folder.path());
    let (code, _, errors) = said(&run(&["trace", "--config", &path, "4k7q-0x2m-9dtz"], ""));
    assert!(code == Some(1) && errors.contains("no running node answers"), "{errors}");

    let program = Program::serve(folder.path());
    let curl = Curl::new(folder.path(), program.addresses[0], &folder.path().join("door.pem"), "--http2");
    let form = curl.ask("app.example.test", "/.doorward/login", &[]);
    let fields = [("csrf", form.csrf()), ("username", "alice".into()), ("password", "wrong".into())];
    let refused =
        curl.post("app.example.test", "/.doorward/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
    let page = refused.text();
    let id = page.split("<code>").nth(1).unwrap_or_else(|| panic!("{page}")).split('<').next().unwrap();
    for spelling in [id.to_owned(), id.to_uppercase(), id.replace('-', "")] {
        let (code, out, errors) = said(&run(&["trace", "--config", &path, &spelling], ""));
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        assert!(
            out.lines().count() == 1
                && out.contains("password-refused")
                && out.contains("people:alice")
                && out.contains("intranet"),
            "{out}"
        );
    }
    let (code, out, _) = said(&run(&["trace", "--config", &path, "0000-0000-0000"], ""));
    assert_eq!((code, out.as_str()), (Some(1), "The journal has no event of 0000-0000-0000.\n"));
    for nonsense in ["", "4k7q-0x2m", "../../etc/passwd", "4k7q-0x2m-9dtz-9dtz", "4k7q-0x2m-9du\u{1b}"] {
        let (code, out, errors) = said(&run(&["trace", "--config", &path, nonsense], ""));
        assert!(code != Some(0) && out.is_empty() && errors.starts_with("doorward: "), "{nonsense:?}: {errors}");
        assert!(!errors.contains('\u{1b}'), "{errors:?}");
    }
}

#[test]
fn the_demo_is_there_within_moments_and_on_this_machine_only() {
    for listen in ["0.0.0.0:8443", "[::]:8443", "192.0.2.1:8443"] {
        let (code, out, errors) = said(&run(&["demo", "--listen", listen, "--state", "/nonexistent/demo"], ""));
        assert!(code == Some(1) && out.is_empty() && errors.contains("loopback"), "{errors}");
    }
    if !curl::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for what in ["the first time", "once more"] {
        let started = Instant::now();
        let mut command = doorward(&["demo", "--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()]);
        command.current_dir(folder.path());
        let mut child = Ends(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("https://localhost:")).unwrap();
        let port: u16 = line.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
        let curl = Curl::new(folder.path(), ([127, 0, 0, 1], port).into(), &state.join("demo-cert.pem"), "--http2");
        let stranger = tempfile::tempdir().unwrap();
        let new = Curl::new(stranger.path(), ([127, 0, 0, 1], port).into(), &state.join("demo-cert.pem"), "--http2");
        let page = new.ask("localhost", "/", &["--location", "-H", "Accept: text/html"]);
        let first = started.elapsed();
        println!(
            "demo, {what}: the first page {} ms after the start (of this build, which may not be optimised)",
            first.as_millis()
        );
        assert!(page.status == 200 && page.text().contains("name=\"password\""), "{}", page.heads);
        assert!(page.text().contains("Trial"), "a demo says that it is none of the real thing");
        assert!(first < Duration::from_secs(10));

        let outbox = state.join("outbox.jsonl");
        let count = std::fs::read_to_string(&outbox).unwrap_or_default().lines().count();
        if count == 0 {
            curl.sign_in("localhost", "/deep?link=1", &outbox);
            let message = newest(&outbox, 0);
            let mut keys: Vec<&str> = message.as_object().unwrap().keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, ["at", "channel", "passcode", "text", "to", "user"]);
        }
        let shown = curl.ask("localhost", "/deep?link=1", &[]).text();
        assert!(shown.contains("Hello, alice"), "a restart has logged somebody out: {shown}");
    }
}

/// A process that does not outlive its test.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn every_command_explains_itself() {
    let (code, out, _) = said(&run(&["--help"], ""));
    assert_eq!(code, Some(0));
    let commands = ["serve", "demo", "check", "trace", "reload", "session", "hash-password"];
    for command in commands {
        assert!(out.contains(&format!("\n  {command} ")), "{command} is not in {out}");
        let (code, help, _) = said(&run(&[command, "--help"], ""));
        assert!(code == Some(0) && help.contains("Usage: doorward "), "{help}");
    }
    let (code, out, _) = said(&run(&["help"], ""));
    assert!(code == Some(0) && out.contains("\n  check "), "{out}");
    let (code, out, _) = said(&run(&["help", "status"], ""));
    assert!(code == Some(0) && out.contains("Usage: doorward status"), "{out}");
    for wrong in [&["--no-such-option"][..], &["no-such-command"], &[]] {
        let (code, out, errors) = said(&run(wrong, ""));
        assert!(code == Some(2) && out.is_empty() && errors.contains("Usage: doorward"), "{code:?} {out} {errors}");
    }
}

/// As `| head` is, once it has seen enough.
#[test]
fn a_reader_that_has_gone_is_no_error() {
    let house = small_house();
    let file = config(house.path());
    std::fs::write(house.path().join("bad.toml"), "").unwrap();
    let bad = house.path().join("bad.toml").to_str().unwrap().to_owned();
    for (arguments, expected) in [
        (&["check", "--schema"][..], 0),
        (&["check", "--config", &file], 0),
        (&["check", "--config", &bad], 64),
        (&["help"], 0),
        (&["hash-password"], 0),
        (&["status", "--config", &file], 1),
    ] {
        for reads_errors in [true, false] {
            // Whoever reads has gone before anything is said.
            let gone = || std::io::pipe().unwrap().1;
            let mut command = doorward(arguments);
            command.stdin(Stdio::piped()).stdout(gone()).stderr(if reads_errors { Stdio::piped() } else { gone().into() });
            let mut child = command.spawn().unwrap();
            drop(child.stdin.take().unwrap().write_all(b"correct horse\n"));
            let (code, _, errors) = said(&child.wait_with_output().unwrap());
            assert!(code == Some(expected) && !errors.contains("panicked"), "{arguments:?}: {code:?} {errors}");
        }
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [&["check", "--schema"][..], &["hash-password"]] {
        let mut child = doorward(arguments).stdin(Stdio::piped()).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdin.take().unwrap().write_all(b"correct horse\n"));
        let (code, _, errors) = said(&child.wait_with_output().unwrap());
        assert!(code == Some(1) && errors.contains("the output cannot be written"), "{arguments:?}: {code:?} {errors}");
    }
}

/// At a terminal: the pseudo-terminal of Python's library.
#[test]
fn a_password_is_not_shown_where_it_is_typed() {
    const TYPE: &str = r#"
import os, pty, sys
program, typed = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program, [program, "hash-password"])
seen = b""
try:
    for line in typed:
        before = len(seen)
        while not seen[before:].rstrip().endswith(b":"):
            seen += os.read(terminal, 1024)
        os.write(terminal, line.encode() + b"\n")
    while True:
        more = os.read(terminal, 1024)
        if not more:
            break
        seen += more
except OSError:
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;
    let type_in = |typed: [&str; 2]| {
        let program = doorward(&[]).get_program().to_owned();
        let mut python = std::process::Command::new("python3");
        said(&python.args(["-c", TYPE]).arg(program).args(typed).output().unwrap())
    };
    let (code, screen, errors) = type_in(["correct horse", "correct horse"]);
    assert!(code == Some(0) && screen.contains("$argon2id$") && !screen.contains("horse"), "{screen} {errors}");
    let (code, screen, errors) = type_in(["correct horse", "correct house"]);
    assert!(
        code == Some(1) && screen.contains("two entries are not the same") && !screen.contains("$argon2id$"),
        "{screen} {errors}"
    );
}

#[test]
fn a_reload_of_another_file_changes_nothing_and_says_so() {
    let house = small_house();
    let file = config(house.path());
    let node = Program::serve(house.path());
    let beside = |name: &str| house.path().join(name).to_str().unwrap().to_owned();
    std::fs::copy(&file, beside("other.toml")).unwrap();
    std::os::unix::fs::symlink("doorward.toml", beside("link.toml")).unwrap();
    let (code, out, errors) = said(&run(&["reload", "--config", &beside("other.toml")], ""));
    assert!(code == Some(1) && out.is_empty() && errors.contains(&format!("the node runs with {file}")), "{out}{errors}");
    for same in [file, beside("link.toml")] {
        let (code, out, errors) = said(&run(&["reload", "--config", &same], ""));
        assert!(code == Some(0) && out.contains("no visible change"), "{out}{errors}");
    }
    std::fs::write(config(house.path()), "junk").unwrap();
    let (code, _, errors) = said(&run(&["reload", "--config", &config(house.path())], ""));
    assert!(code == Some(64) && errors.contains("Nothing was changed"), "{code:?} {errors}");
    drop(node);
}

fn configuration() -> String {
    Toml::site().named("intranet", "app.example.test").to_string()
}
