//! The simulated modem, driven by programs nobody here wrote: gammu, gammu-smsd, smstools and python-gsmmodem-new each send a message
//! through it. And ser2net between Doorward and it: as a plain stream of bytes, and with RFC 2217.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use doorward::config::modem::Port;
use serde_json::json;

use crate::modem::{Bed, TEXT, at};
use crate::support::eventually::eventually;
use crate::support::modem::Simulator;
use crate::support::peers::free_ports;
use crate::support::script;

const NUMBER: &str = "+4512345678";

/// A program that runs as long as this lives.
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command) -> Option<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        match command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn() {
            Ok(child) => Some(Self(child)),
            Err(_) => {
                crate::support::skip(&format!("{name} is not installed"));
                None
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn gammu(folder: &Path, port: &str, more: &str) -> String {
    let file = folder.join("gammurc");
    std::fs::write(&file, format!("[gammu]\ndevice = {port}\nconnection = at115200\n{more}")).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn gammu_sends_through_the_simulated_modem() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "m", &[]) else { return };
    let rc = gammu(folder.path(), &simulator.port, "");
    let text = "Grüße von gammu, 3 € [ok]";
    let mut command = Command::new("timeout");
    command.args(["60", "gammu", "-c", &rc, "sendsms", "TEXT", NUMBER, "-unicode", "-text", text]);
    let Ok(output) = command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").output() else { return };
    if output.status.code() == Some(127) {
        return crate::support::skip("gammu is not installed");
    }
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let on_air = simulator.message(0).await;
    assert_eq!((&on_air["to"], &on_air["text"], &on_air["coding"]), (&json!(NUMBER), &json!(text), &json!("ucs2")));
}

#[tokio::test]
async fn gammu_smsd_sends_through_the_simulated_modem() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "m", &[]) else { return };
    for name in ["in", "out", "sent", "error"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let place = folder.path().display();
    let paths = [("InboxPath", "in"), ("OutboxPath", "out"), ("SentSMSPath", "sent"), ("ErrorSMSPath", "error")];
    let paths: String = paths.iter().map(|(key, name)| format!("{key} = {place}/{name}/\n")).collect();
    let rc = gammu(
        folder.path(),
        &simulator.port,
        &format!("[smsd]\nservice = files\nlogfile = {place}/log\ncommtimeout = 1\n{paths}"),
    );
    std::fs::write(folder.path().join(format!("out/OUTA20260101_120000_00_{NUMBER}_x.txt")), "from gammu-smsd").unwrap();
    let Some(_daemon) = Daemon::start(Command::new("gammu-smsd").args(["-c", &rc])) else { return };
    let on_air = simulator.message(0).await;
    assert_eq!((&on_air["to"], &on_air["text"]), (&json!(NUMBER), &json!("from gammu-smsd")));
}

#[tokio::test]
async fn smstools_sends_through_the_simulated_modem() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "m", &["--pin", "1234"]) else { return };
    let place = folder.path().display();
    let folders = ["outgoing", "checked", "failed", "incoming", "sent", "report"];
    let keys: String = folders.iter().map(|name| format!("{name} = {place}/{name}\n")).collect();
    folders.iter().for_each(|name| std::fs::create_dir(folder.path().join(name)).unwrap());
    let text = format!(
        "devices = M1\n{keys}logfile = {place}/log\ninfofile = {place}/running\npidfile = {place}/pid\ndelaytime = 1\n\
         [M1]\ndevice = {}\nincoming = no\nreport = yes\nbaudrate = 115200\npin = 1234\n",
        simulator.port
    );
    std::fs::write(folder.path().join("smsd.conf"), text).unwrap();
    std::fs::write(folder.path().join("outgoing/one"), "To: 4512345678\n\nfrom smstools").unwrap();
    let config = folder.path().join("smsd.conf");
    let Some(_daemon) = Daemon::start(Command::new("/usr/sbin/smsd").arg("-t").arg("-c").arg(config)) else { return };
    let on_air = simulator.message(0).await;
    assert_eq!((&on_air["to"], &on_air["text"]), (&json!(NUMBER), &json!("from smstools")));
    assert_eq!(simulator.pins_tried(), 1);
}

#[tokio::test]
async fn python_gsmmodem_sends_through_the_simulated_modem_and_hears_of_the_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "m", &[]) else { return };
    let Some(mut command) = script::environment("tests/peers/gsmmodem_send.py") else { return };
    let text = "from python æ€";
    command.args([&simulator.port, NUMBER, text]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "SIMULATED 20 Test Network");
    let on_air = simulator.messages();
    assert_eq!((&on_air[0]["to"], &on_air[0]["text"], &on_air[0]["report"]), (&json!(NUMBER), &json!(text), &json!(true)));
    assert_eq!(on_air[1]["text"], json!("in text mode"));
}

#[tokio::test]
async fn ser2net_leads_to_a_modem_with_and_without_rfc_2217() {
    for accepter in ["tcp", "telnet(rfc2217),tcp"] {
        let bed = Bed::new();
        let Some(simulator) = bed.terminal(&[]) else { return };
        let [port] = free_ports();
        let config = bed.path().join("ser2net.yaml");
        let text = format!(
            "connection: &modem\n  accepter: {accepter},127.0.0.1,{port}\n  connector: serialdev,{},9600n81,local\n",
            simulator.port
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("/usr/sbin/ser2net");
        let Some(_daemon) = Daemon::start(command.args(["-n", "-c"]).arg(&config).arg("-P").arg(bed.path().join("pid"))) else {
            return;
        };
        let host = "127.0.0.1".to_owned();
        let place = match accepter {
            "tcp" => Port::Tcp { host, port },
            _ => Port::Rfc2217 { host, port, baud: 115_200 },
        };
        let mut modem = at(&simulator.port);
        modem.port = place;
        let running = bed.begin(modem);
        // ser2net may listen only after we have looked once.
        eventually("the modem is ready", async || {
            running.clock.advance(Duration::from_millis(100));
            running.word("state") == "ready"
        })
        .await;
        running.send(&running.message(TEXT)).await.unwrap();
        assert_eq!(simulator.messages()[0]["text"], json!(TEXT), "{accepter}");
        running.end().await;
    }
}
