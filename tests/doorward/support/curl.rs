//! curl as a client that nobody here wrote: a browser's cookies in a jar, the whole login over either version of HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One person with curl.
pub struct Curl {
    address: SocketAddr,
    ca: PathBuf,
    jar: PathBuf,
    version: &'static str,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    /// The head as it came, names in small letters.
    pub head: String,
    /// All heads, `100 Continue` too, as they came.
    pub heads: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The value of the hidden field.
    pub fn csrf(&self) -> String {
        let text = self.text();
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {text}"));
        rest.split('"').next().unwrap().to_owned()
    }
}

pub fn is_there() -> bool {
    let found = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        super::skip("curl is not installed");
    }
    found
}

impl Curl {
    /// `version` is curl's option for one: `--http1.1` or `--http2`. All host names are this address.
    pub fn new(folder: &Path, address: SocketAddr, ca: &Path, version: &'static str) -> Self {
        let jar = folder.join(format!("jar{version}"));
        Self { address, ca: ca.to_owned(), jar, version }
    }

    pub fn url(&self, host: &str, target: &str) -> String {
        format!("https://{host}:{}{target}", self.address.port())
    }

    /// A command without a target yet.
    pub fn command(&self) -> Command {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "60", self.version, "--cacert"]).arg(&self.ca);
        command
            .arg("--connect-to")
            .arg(format!("::{}", self.address))
            .arg("--cookie")
            .arg(&self.jar)
            .arg("--cookie-jar")
            .arg(&self.jar);
        command
    }

    /// One request with these options.
    pub fn ask(&self, host: &str, target: &str, options: &[&str]) -> Answer {
        let mut command = self.command();
        // The head comes on standard error, so that bodies stay as they are.
        command.args(["--dump-header", "/dev/stderr"]).args(options).arg(self.url(host, target));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "curl ended with {}: {said}", output.status);
        // The last answer counts: `100 Continue` may stand before it.
        let last = said.replace('\r', "");
        let last = last.trim_end().rsplit("\n\n").next().unwrap().to_owned();
        let status = last.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let head = last.lines().map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_ascii_lowercase()),
            None => format!("{line}\n"),
        });
        let status = status.unwrap_or_else(|| panic!("no status in {said}"));
        Answer { status, head: head.collect(), heads: said, body: output.stdout }
    }

    /// Sends a form of ours.
    pub fn post(&self, host: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("Origin: {}", self.url(host, ""));
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut options = vec!["-H", origin.as_str()];
        fields.iter().for_each(|field| options.extend(["--data-urlencode", field.as_str()]));
        self.ask(host, target, &options)
    }

    /// The whole login of alice, from a deep link back to it; the codes are read from this outbox.
    pub fn sign_in(&self, host: &str, target: &str, outbox: &Path) {
        const BROWSER: &str = "Accept: text/html";
        let count = std::fs::read_to_string(outbox).unwrap_or_default().lines().count();
        let first = self.ask(host, target, &["-H", BROWSER]);
        assert_eq!(first.status, 303, "{}", first.heads);
        let login = self.ask(host, first.header("location").unwrap(), &["-H", BROWSER]);
        assert_eq!(login.status, 200, "{}", login.text());
        let fields = [("csrf", login.csrf()), ("username", "alice".to_owned()), ("password", "wonderland".to_owned())];
        let challenged = self.post(host, "/.doorward/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
        assert_eq!(challenged.status, 303, "{}", challenged.text());
        let passcode = self.ask(host, challenged.header("location").unwrap(), &[]);
        assert_eq!(passcode.status, 200, "{}", passcode.text());
        let code = super::program::newest(outbox, count)["passcode"].as_str().unwrap().to_owned();
        let entered = self.post(host, "/.doorward/login/passcode", &[("csrf", &passcode.csrf()), ("passcode", &code)]);
        assert_eq!((entered.status, entered.header("location")), (303, Some(target)), "{}", entered.text());
    }

    pub fn sign_out(&self, host: &str) {
        let asked = self.ask(host, "/.doorward/logout", &[]);
        let done = self.post(host, "/.doorward/logout", &[("csrf", &asked.csrf())]);
        assert_eq!(done.status, 200, "{}", done.text());
    }

    /// Where the jar's session key for a host stands.
    pub fn cookie(&self, host: &str) -> String {
        let jar = std::fs::read_to_string(&self.jar).unwrap();
        let line = jar.lines().map(|line| line.split('\t').collect::<Vec<_>>()).find(|fields| {
            fields.len() == 7 && fields[0].trim_start_matches("#HttpOnly_") == host && fields[5] == "__Host-doorward"
        });
        format!("__Host-doorward={}", line.unwrap_or_else(|| panic!("no session in {jar}"))[6])
    }
}
