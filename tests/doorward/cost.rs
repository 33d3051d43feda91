//! What a request costs the real program, counted and not timed: system calls by strace, user instructions by callgrind. Each is a
//! difference of two runs, one with twice the requests, so that start, sign-in and handshakes cancel out. `cost/expected.toml` says what
//! is expected of the build that the tests use; figures of the packages' build are the benchmark's.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::client::{Client, Watch};
use crate::support::eventually::eventually_blocking;
use crate::support::program::{Program, certificate};
use crate::support::skip;
use crate::support::toml::Toml;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_costs_no_more_system_calls_than_it_must() {
    if !is_there("strace") {
        return;
    }
    let house = House::new().await;
    let program = house.program(&[]);
    let client = house.signed_in(&program).await;
    let mut browsers = join_all((0..CONNECTIONS).map(|_| Browser::connect(&client))).await;
    let mut counts = Vec::new();
    for times in [0, ROUNDS, 2 * ROUNDS] {
        let Some(strace) = attached(&program, house.folder.path()) else { return };
        join_all(browsers.iter_mut().map(|browser| browser.ask(times.max(10)))).await;
        counts.push(detached(strace, house.folder.path()));
    }
    let [_warm, once, twice] = counts.try_into().unwrap();
    let requests = f64::from(ROUNDS * CONNECTIONS);
    let (mut calls, mut listed) = (0.0, String::new());
    for (name, count) in &twice {
        let each = (count - once.get(name).unwrap_or(&0.0)) / requests;
        write!(listed, " {name} {each:.2}").unwrap();
        // How often a core waits depends on how fast others feed it: one wait serves many requests, or one.
        if !name.starts_with("epoll_") {
            calls += each;
        }
    }
    println!("system calls a request: {calls:.2} without waiting;{listed}");
    expected("system_calls").holds(calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_costs_no_more_instructions_than_it_did() {
    if !is_there("valgrind") {
        return;
    }
    let house = House::new().await;
    let out = house.folder.path().join("callgrind");
    let program = house.program(&["valgrind", "--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]);
    let client = house.signed_in(&program).await;
    let mut browser = Browser::connect(&client).await;
    let (mut counts, mut begun) = (Vec::new(), Watch::start());
    for (number, (times, idle)) in [(20, 0), (0, 1), (0, 3), (REQUESTS, 0), (2 * REQUESTS, 0)].into_iter().enumerate() {
        browser.ask(times).await;
        tokio::time::sleep(Duration::from_secs(idle)).await;
        let Some(count) = instructions(&program, &out, number + 1) else { return };
        counts.push((count, begun.elapsed().as_secs_f64()));
        begun = Watch::start();
    }
    let [_warm, short, long, once, twice] = counts.try_into().unwrap();
    // What the node does by itself each second is no request's cost; on a busy machine the same requests take more seconds.
    let idle = (long.0 - short.0) / (long.1 - short.1);
    let each = (twice.0 - once.0 - idle * (twice.1 - once.1)) / f64::from(REQUESTS);
    println!("user instructions a request: {each:.0}; a second without any: {idle:.0}");
    expected("instructions").holds(each);
}

const CONNECTIONS: u32 = 8;
/// Requests on each of them, and twice as many.
const ROUNDS: u32 = 50;
const REQUESTS: u32 = 200;

/// A figure that a build may reach.
struct Expected {
    name: &'static str,
    most: f64,
    least: f64,
}

fn expected(name: &'static str) -> Expected {
    let table: toml::Table = include_str!("cost/expected.toml").parse().unwrap();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let [figure, tolerance] = ["", "_tolerance"].map(|ending| table[build][&format!("{name}{ending}")].as_float().unwrap());
    Expected { name, most: figure * (1.0 + tolerance), least: figure * (1.0 - tolerance) }
}

impl Expected {
    fn holds(&self, found: f64) {
        assert!(found <= self.most, "{}: {found:.2} a request, at most {:.2} are expected", self.name, self.most);
        if found < self.least {
            println!("{}: {found:.2} is less than {:.2}; lower what cost/expected.toml expects", self.name, self.least);
        }
    }
}

fn is_there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        skip(&format!("{tool} is not installed"));
    }
    found
}

/// strace at work on a program that runs; nothing where the machine does not let us trace.
fn attached(program: &Program, folder: &Path) -> Option<Child> {
    let mut strace = Command::new("strace");
    let errors = folder.join("strace.err");
    strace.args(["-f", "-c", "-U", "name,calls", "-o"]).arg(folder.join("calls")).args(["-p", &program.id().to_string()]);
    let mut strace = strace.stderr(std::fs::File::create(&errors).unwrap()).spawn().unwrap();
    let may = eventually_blocking("strace has attached itself", || {
        let is_over = strace.try_wait().unwrap().is_some();
        let said = std::fs::read_to_string(&errors).unwrap();
        match said.contains("attached") {
            true => Ok(Ok(())),
            false if is_over => Ok(Err(said)),
            false => Err(said),
        }
    });
    match may {
        Ok(()) => Some(strace),
        Err(said) => {
            skip(&format!("strace may not trace here: {}", said.trim()));
            None
        }
    }
}

/// Ends it; how often each call was made.
fn detached(mut strace: Child, folder: &Path) -> BTreeMap<String, f64> {
    signal("INT", strace.id());
    strace.wait().unwrap();
    let listed = std::fs::read_to_string(folder.join("calls")).unwrap();
    let lines = listed.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    let counts = lines.filter_map(|(name, count)| Some((name.to_owned(), count.trim().parse().ok()?)));
    counts.filter(|(name, _)| name != "total").collect()
}

/// What the program under callgrind has executed since the last time; nothing where the machine does not let us ask.
fn instructions(program: &Program, out: &Path, number: usize) -> Option<f64> {
    let asked = Command::new("callgrind_control").args(["-d", &program.id().to_string()]).output().unwrap();
    let file = out.with_extension(number.to_string());
    let Ok(text) = std::fs::read_to_string(&file) else {
        skip(&format!("callgrind does not answer here: {}", String::from_utf8_lossy(&asked.stderr).trim()));
        return None;
    };
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Some(total.unwrap_or_else(|| panic!("{} says no sum", file.display())).trim().parse().unwrap())
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap().success());
}

/// A folder with a configuration, and the application behind it.
struct House {
    folder: tempfile::TempDir,
    upstream: SocketAddr,
}

impl House {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        tokio::spawn(application(listener));
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path(), "door", &["app.example.test"]);
        std::fs::write(folder.path().join("users.toml"), USERS).unwrap();
        Self { folder, upstream }
    }

    /// One, under this tool if there is one.
    fn program(&self, tool: &[&str]) -> Program {
        let folder = self.folder.path();
        let here = r#"{ when = { address = ["127.0.0.0/8"] }, then = "admit" },"#;
        let toml = Toml::site().server(self.upstream).rules(here).everybody(r#"{ then = "refuse" }"#);
        let file = toml.write(folder);
        Program::serve_under(tool, &file)
    }

    async fn signed_in(&self, program: &Program) -> Client {
        let client = Client::new(program.addresses[0], "app.example.test", &self.folder.path().join("door.pem"));
        // Under valgrind the first handshake may take longer than the door waits.
        for _ in 0..10 {
            if client.shakes_hands().await {
                break;
            }
        }
        assert_eq!(client.login("alice", "wonderland").await.status, 303);
        client
    }
}

/// A connection that stays.
struct Browser<'a> {
    client: &'a Client,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl<'a> Browser<'a> {
    async fn connect(client: &'a Client) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(client.tls("http/1.1").await)).await.unwrap();
        tokio::spawn(connection);
        Self { client, sender }
    }

    /// The same page, so many times.
    async fn ask(&mut self, times: u32) {
        for _ in 0..times {
            self.sender.ready().await.unwrap();
            let response = self.sender.send_request(self.client.request(Method::GET, "/page", &[], Full::default())).await;
            let response = response.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 1024);
        }
    }
}

/// 1 kB for every request, as fast as can be.
async fn application(listener: TcpListener) {
    let page = format!("HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n{}", "x".repeat(1024));
    while let Ok((mut stream, _)) = listener.accept().await {
        let page = page.clone();
        tokio::spawn(async move {
            let mut head = Vec::new();
            while stream.read_buf(&mut head).await.is_ok_and(|count| count > 0) {
                if head.ends_with(b"\r\n\r\n") {
                    head.clear();
                    stream.write_all(page.as_bytes()).await.unwrap();
                }
            }
        });
    }
}

/// The password `wonderland` at the smallest cost there is: it is not the hash that is counted.
const USERS: &str = r#"[[user]]
name = "alice"
password = "$argon2id$v=19$m=8,t=1,p=1$/E/EChn6QLk8KQWS3g2pLw$ovy5grbvke/CjLgeYtYQSFfhv1laeb7a+H68S3TbgD8"
"#;
