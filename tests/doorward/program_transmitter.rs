//! Text messages through a program of the operator's own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use doorward::base::{Channel, Clock, Language, Secret, Time, UserId};
use doorward::config::transmitter::{Program, Template};
use doorward::dispatch::{Failure, FailureKind, Message, ProgramTransmitter, Purpose, Receipt, Transmitter};

use crate::support::eventually::eventually;
use crate::support::modem::Simulator;

const NOW: Time = Time::from_millis(1_700_000_000_000);
const TEXT: &str = "482913 is your code; $(touch pwned) `id`\n@mail.example.com #482913";

fn message(to: &str) -> Message {
    Message {
        id: "m1x2y3".into(),
        channel: Channel::Sms,
        purpose: Purpose::Passcode,
        language: Language::ENGLISH,
        flash: false,
        resent: false,
        to: to.into(),
        subject: String::new(),
        text: Secret::new(TEXT.into()),
        passcode: Secret::new("482913".into()),
        user: UserId::new("people", "anna"),
        expires: NOW.plus(Duration::from_secs(240)),
    }
}

/// A program that does this.
fn program(folder: &Path, script: &str) -> Program {
    let path = folder.join("send");
    std::fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["--to", "{{to_e164}}", "{{ref}}"].map(|text| Template::parse(text).unwrap());
    let environment = vec![("KEY".to_owned(), Secret::new("own-s3cret".to_owned()))];
    Program { program: path, arguments: arguments.into(), environment, timeout: Duration::from_secs(5) }
}

async fn send(config: Program, to: &str) -> Result<Receipt, Failure> {
    ProgramTransmitter::new("own".into(), config).send(&message(to), NOW).await
}

#[tokio::test]
async fn a_program_gets_the_text_on_its_input_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "cat > text; echo \"$#|$1|$2|$3\" > arguments; env | sort > environment; echo \"queued $2 482 913 as 7 $KEY\"; echo more";
    let receipt = send(program(folder.path(), script), "+4512345678").await.unwrap();
    assert_eq!(receipt, Receipt::last_word("queued +••• as 7 •••"));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("text"), TEXT);
    assert_eq!(read("arguments").trim(), "3|--to|+4512345678|m1x2y3");
    let environment = read("environment");
    let names: Vec<&str> = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // The shell that stands in for the program adds its own.
    assert!(names.iter().all(|name| ["KEY", "LC_ALL", "PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{environment}");
    assert!(!folder.path().join("pwned").exists());
}

#[tokio::test]
async fn an_odd_number_is_one_argument_and_no_command() {
    let folder = tempfile::tempdir().unwrap();
    for to in ["+45; touch pwned", "+45$(touch pwned)", "--help", "+45\nAT+CMGS"] {
        send(program(folder.path(), "cat > /dev/null; printf %s \"$2\" > argument"), to).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("argument")).unwrap(), to);
    }
    assert!(!folder.path().join("pwned").exists());
    let failure = send(program(folder.path(), "cat > /dev/null"), "+45\0").await.unwrap_err();
    assert!(failure.why.starts_with("it cannot be started"), "{failure:?}");
}

#[tokio::test]
async fn the_exit_code_says_what_to_do_next() {
    use FailureKind::{Final, RetryElsewhere, RetryHere};
    let folder = tempfile::tempdir().unwrap();
    for (code, kind) in [(75, RetryHere), (65, Final), (67, Final), (68, Final), (1, RetryElsewhere), (69, RetryElsewhere)] {
        let script = format!("cat > /dev/null; echo 'no credit for +4512345678' >&2; exit {code}");
        let failure = send(program(folder.path(), &script), "+4512345678").await.unwrap_err();
        assert_eq!(failure, Failure { kind, why: format!("exit status: {code}: no credit for +•••") });
    }
    let killed = send(program(folder.path(), "kill -9 $$"), "+4512345678").await.unwrap_err();
    assert!(killed.kind == RetryElsewhere && killed.why.contains("signal: 9"), "{killed:?}");
    let gone = Program { program: "/nonexistent/send".into(), ..program(folder.path(), "") };
    assert_eq!(send(gone, "+4512345678").await.unwrap_err().kind, RetryElsewhere);
    // Reads nothing, and says so much that no pipe holds it.
    assert!(send(program(folder.path(), "head -c 3000000 /dev/zero"), "+4512345678").await.is_ok());
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sleep 600 & echo $! > child; echo $$ > own; wait";
    let config = Program { timeout: Duration::from_millis(400), ..program(folder.path(), script) };
    let clock = Clock::system();
    let begun = clock.now();
    let failure = send(config, "+4512345678").await.unwrap_err();
    assert!(failure.kind == FailureKind::Unsure && failure.why.contains("was killed"), "{failure:?}");
    assert!(clock.now().since(begun) < Duration::from_secs(4));
    for name in ["child", "own"] {
        let id = std::fs::read_to_string(folder.path().join(name)).unwrap().trim().to_owned();
        eventually(format!("{name} has ended"), async || is_over(&id)).await;
    }
}

#[tokio::test]
async fn what_a_program_leaves_running_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cat > /dev/null; sleep 5 & echo sent; exit 0";
    let clock = Clock::system();
    let begun = clock.now();
    assert_eq!(send(program(folder.path(), script), "+4512345678").await.unwrap().words, "sent");
    assert!(clock.now().since(begun) < Duration::from_secs(3));
}

/// Gone, or dead and waiting for a parent that is not us.
fn is_over(id: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

#[tokio::test]
async fn a_program_is_examined_without_starting_it() {
    let folder = tempfile::tempdir().unwrap();
    let there = program(folder.path(), "touch started");
    let examined = |config: Program| async move { ProgramTransmitter::new("own".into(), config).examine().await };
    assert!(examined(there.clone()).await.unwrap()[0].ends_with("is there and executable"));
    std::fs::set_permissions(&there.program, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(examined(there.clone()).await.unwrap_err().contains("is no program"));
    assert!(examined(Program { program: "/nonexistent/send".into(), ..there }).await.is_err());
    assert!(!folder.path().join("started").exists());
}

/// The operator's own words on characters are kept, whichever variable they stand in.
#[tokio::test]
async fn a_program_reads_utf_8_unless_its_environment_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let table: [(&[(&str, &str)], &str); 7] = [
        (&[], "LC_ALL=C.UTF-8"),
        (&[("KEY", "x")], "LC_ALL=C.UTF-8"),
        (&[("LC_ALL", "C")], "LC_ALL=C"),
        (&[("LC_CTYPE", "POSIX")], "LC_CTYPE=POSIX"),
        (&[("LANG", "de_DE.ISO-8859-1")], "LANG=de_DE.ISO-8859-1"),
        // Only what it names is theirs.
        (&[("LC_MESSAGES", "C")], "LC_CTYPE=C.UTF-8 LC_MESSAGES=C"),
        (&[("LC_MESSAGES", "C"), ("LANG", "C")], "LANG=C LC_MESSAGES=C"),
    ];
    for (environment, expected) in table {
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned()))).collect();
        let config = Program { environment, ..program(folder.path(), "cat > /dev/null; env | sort > environment") };
        send(config, "+4512345678").await.unwrap();
        let said = std::fs::read_to_string(folder.path().join("environment")).unwrap();
        let locale: Vec<&str> = said.lines().filter(|line| line.starts_with("LC_") || line.starts_with("LANG")).collect();
        assert_eq!(locale.join(" "), expected);
    }
}

/// gammu as an operator writes it into `command`, and the same where `environment` asks for the locale that cuts texts.
#[tokio::test]
async fn gammu_sends_umlauts_that_come_on_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "m", &[]) else { return };
    let rc = folder.path().join("gammurc");
    std::fs::write(&rc, format!("[gammu]\ndevice = {}\nconnection = at115200\n", simulator.port)).unwrap();
    if !Path::new("/usr/bin/gammu").exists() {
        return crate::support::skip("gammu is not installed");
    }
    let arguments = ["-c", rc.to_str().unwrap(), "sendsms", "TEXT", "{{to_e164}}", "-unicode"];
    let config = |environment: &[(&str, &str)]| Program {
        program: "/usr/bin/gammu".into(),
        arguments: arguments.map(|text| Template::parse(text).unwrap()).into(),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned()))).collect(),
        timeout: Duration::from_secs(60),
    };
    let text = "Ihr Code für Zürich: 482913, gültig 5 Minuten – 3 € 😀";
    let message = Message { text: Secret::new(text.into()), ..message("+4512345678") };
    for (place, (environment, whole)) in [(&[][..], true), (&[("LC_ALL", "C")][..], false)].into_iter().enumerate() {
        let transmitter = ProgramTransmitter::new("gammu".into(), config(environment));
        transmitter.send(&message, NOW).await.unwrap();
        let on_air = simulator.message(place).await;
        assert_eq!(on_air["text"] == text, whole, "{environment:?}: {}", on_air["text"]);
    }
}
