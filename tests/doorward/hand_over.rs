//! Stops and successors: what is open is finished within a limit, and with a socket that somebody keeps open nobody notices that one
//! program has followed another.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::block_in_place;

use crate::support::client::{Client, Watch};
use crate::support::eventually::{eventually, eventually_blocking};
use crate::support::gate::{Gate, HOST};
use crate::support::program::{Program, doorward};
use crate::support::skip;

const ALICE: (&str, &str) = ("alice", "wonderland");

/// A process that keeps a listening socket open and starts the program with it.
struct Keeper {
    child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    log: Arc<Mutex<String>>,
    address: SocketAddr,
}

impl Keeper {
    fn new(configuration: &Path) -> Option<Self> {
        if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
            skip("sockets handed over by a parent: python3 is not installed");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/keeper.py");
        let program = doorward(&[]).get_program().to_owned();
        let mut command = Command::new("python3");
        command.arg(script).arg(program).args(["serve", "--config"]).arg(configuration);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = collected(&mut child);
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.next().unwrap().unwrap().strip_prefix("port ").unwrap().parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Some(Self { orders: child.stdin.take().unwrap(), child, said, log, address })
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        self.said.next().unwrap().unwrap()
    }

    /// Starts the program and waits until it serves.
    fn start(&mut self) {
        let before = self.starts();
        assert!(self.order("start").starts_with("started "));
        eventually_blocking("it serves", || if self.starts() > before { Ok(()) } else { Err(self.log.lock().unwrap().clone()) });
    }

    fn stop(&mut self) {
        assert_eq!(self.order("stop"), "ended 0", "{}", self.log.lock().unwrap());
    }

    fn starts(&self) -> usize {
        self.log.lock().unwrap().matches("serves on [").count()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The end of its input ends the program, then the keeper.
        drop(std::mem::replace(&mut self.orders, spare()));
        drop(self.child.wait());
    }
}

/// Somebody's input who wants none.
fn spare() -> ChildStdin {
    Command::new("true").stdin(Stdio::piped()).spawn().unwrap().stdin.take().unwrap()
}

fn collected(child: &mut Child) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let (stderr, written) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&log));
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            written.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    log
}

/// What clients saw.
#[derive(Default)]
struct Tally {
    over: AtomicBool,
    requests: [AtomicUsize; 3],
    /// Sent again by the client on its own, as browsers do: the connection was closed, or the stream refused, before anything was answered.
    again: AtomicUsize,
    errors: Mutex<Vec<String>>,
    longest: Mutex<Duration>,
}

impl Tally {
    fn good(&self, lane: usize, watch: &Watch) {
        self.requests[lane].fetch_add(1, Ordering::Relaxed);
        let mut longest = self.longest.lock().unwrap();
        *longest = watch.elapsed().max(*longest);
    }

    fn bad(&self, lane: &str, error: impl std::fmt::Display) {
        self.errors.lock().unwrap().push(format!("{lane}: {error}"));
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }
}

async fn h1(browser: &Arc<Client>) -> Result<http1::SendRequest<Full<Bytes>>, String> {
    let browser = Arc::clone(browser);
    let connected = tokio::spawn(async move { browser.tls("http/1.1").await }).await;
    let stream = connected.map_err(|error| format!("cannot connect: {error}"))?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn h2(browser: &Arc<Client>) -> Result<http2::SendRequest<Full<Bytes>>, String> {
    let browser = Arc::clone(browser);
    let connected = tokio::spawn(async move { browser.tls("h2").await }).await;
    let stream = connected.map_err(|error| format!("cannot connect: {error}"))?;
    let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Whether an answer is whole and the application's; if not, what it is.
async fn judge(response: Response<Incoming>) -> Result<bool, String> {
    let status = response.status();
    let last = response.headers().get("connection").is_some_and(|value| value == "close");
    let body = response.into_body().collect().await.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
    if status == 200 && body.starts_with(b"upstream") { Ok(last) } else { Err(format!("{status} {body:?}")) }
}

/// A connection for every request.
async fn afresh(browser: Arc<Client>, tally: Arc<Tally>) {
    while tally.goes_on() {
        let watch = Watch::start();
        let answered = async {
            let mut sender = h1(&browser).await?;
            let request = browser.request(Method::GET, "/afresh", &[], Full::default());
            judge(sender.send_request(request).await.map_err(|error| format!("{error:?}"))?).await
        };
        match answered.await {
            Ok(_) => tally.good(0, &watch),
            Err(error) => tally.bad("afresh", error),
        }
    }
}

/// One connection for as long as it is let.
async fn kept(browser: Arc<Client>, tally: Arc<Tally>) {
    let mut open: Option<http1::SendRequest<Full<Bytes>>> = None;
    while tally.goes_on() {
        let watch = Watch::start();
        let reused = open.is_some();
        let sender = match open.take() {
            Some(sender) => Ok(sender),
            None => h1(&browser).await,
        };
        let mut sender = match sender {
            Ok(sender) => sender,
            Err(error) => {
                tally.bad("kept", error);
                continue;
            }
        };
        let request = browser.request(Method::GET, "/kept", &[], Full::default());
        match sender.send_request(request).await {
            Ok(response) => match judge(response).await {
                Ok(last) => {
                    tally.good(1, &watch);
                    open = (!last && sender.ready().await.is_ok()).then_some(sender);
                }
                Err(error) => tally.bad("kept", error),
            },
            Err(error) if reused && (error.is_canceled() || error.is_closed() || error.is_incomplete_message()) => {
                tally.again.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tally.bad("kept", format!("{error:?}")),
        }
    }
}

/// One HTTP/2 connection with several requests at a time, until it says that it ends.
async fn multiplexed(browser: Arc<Client>, tally: Arc<Tally>) {
    while tally.goes_on() {
        let sender = match h2(&browser).await {
            Ok(sender) => sender,
            Err(error) => {
                tally.bad("multiplexed", error);
                continue;
            }
        };
        let lane = |mut sender: http2::SendRequest<Full<Bytes>>| {
            let (browser, tally) = (&browser, &tally);
            async move {
                while tally.goes_on() && sender.ready().await.is_ok() {
                    let watch = Watch::start();
                    let request = browser.request(Method::GET, "/multiplexed", &[], Full::default());
                    match sender.send_request(request).await {
                        Ok(response) => match judge(response).await {
                            Ok(_) => tally.good(2, &watch),
                            Err(error) => tally.bad("multiplexed", error),
                        },
                        // What the goodbye (GOAWAY) leaves out was not looked at (RFC 9113 section 6.8).
                        Err(error) if error.is_canceled() || error.is_closed() || says_goodbye(&error) => {
                            tally.again.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                        Err(error) => return tally.bad("multiplexed", format!("{error:?}")),
                    }
                }
            }
        };
        futures_util::future::join_all((0..4).map(|_| lane(sender.clone()))).await;
    }
}

fn says_goodbye(error: &hyper::Error) -> bool {
    let text = format!("{error:?}");
    text.contains("REFUSED_STREAM") || (text.contains("GoAway") && text.contains("NO_ERROR"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hammers_sees_no_error_over_20_reloads_and_5_hand_overs() {
    let gate = Gate::new().await;
    let Some(mut keeper) = Keeper::new(&gate.path()) else { return };
    let server = keeper.address;
    let configuration = gate.configuration(&server.to_string());
    gate.write(&configuration);
    block_in_place(|| keeper.start());
    let [mut one, mut two, mut three] = [gate.browser(server, HOST), gate.browser(server, HOST), gate.browser(server, HOST)];
    let alice = gate.signed_in(server, HOST, ALICE).await;
    three.http2 = true;
    for browser in [&mut one, &mut two, &mut three] {
        browser.jar = Mutex::new(alice.jar.lock().unwrap().clone());
    }
    let (one, two, three) = (Arc::new(one), Arc::new(two), Arc::new(three));
    let tally = Arc::new(Tally::default());
    let mut lanes = Vec::new();
    for _ in 0..2 {
        lanes.push(tokio::spawn(afresh(Arc::clone(&one), Arc::clone(&tally))));
        lanes.push(tokio::spawn(kept(Arc::clone(&two), Arc::clone(&tally))));
    }
    lanes.push(tokio::spawn(multiplexed(Arc::clone(&three), Arc::clone(&tally))));

    for hand_over in 0..5 {
        for reload in 0..4 {
            // A node that serves for a while, as operators' nodes do: one that is stopped as soon as it serves is another test.
            tokio::time::sleep(Duration::from_millis(100)).await;
            gate.write(&configuration.replace("Before", &format!("Time {hand_over}.{reload}")));
            let (code, out, errors) = gate.command(&["reload"]).await;
            assert_eq!((code, out.as_str()), (Some(0), "[pages]: changed\n"), "{errors}");
        }
        block_in_place(|| {
            keeper.stop();
            keeper.start();
        });
        gate.write(&configuration);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    tally.over.store(true, Ordering::Relaxed);
    for lane in lanes {
        tokio::time::timeout(Duration::from_secs(30), lane).await.expect("a client hangs").unwrap();
    }
    let requests = tally.requests.each_ref().map(|count| count.load(Ordering::Relaxed));
    println!(
        "requests: {} on connections of their own, {} on kept ones, {} by HTTP/2; sent again: {}; the longest took {:?}",
        requests[0],
        requests[1],
        requests[2],
        tally.again.load(Ordering::Relaxed),
        tally.longest.lock().unwrap()
    );
    let errors = tally.errors.lock().unwrap().clone();
    assert!(errors.is_empty(), "{} errors: {:#?}", errors.len(), errors.iter().take(10).collect::<Vec<_>>());
    assert!(requests.iter().all(|count| *count > 100), "{requests:?}");
    assert_eq!(block_in_place(|| keeper.starts()), 6);
    assert!(alice.is_in().await, "a hand-over has logged somebody out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_of_systemd_is_taken_and_one_that_no_listener_wants_is_a_failed_start() {
    if !Command::new("systemd-socket-activate").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip("a socket handed over by systemd-socket-activate: it is not installed");
    }
    let gate = Gate::new().await;
    for wanted in [true, false] {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        gate.write(&gate.configuration(&if wanted { server.to_string() } else { "127.0.0.1:0".to_owned() }));
        let mut command = Command::new("systemd-socket-activate");
        command.args(["-l", &server.to_string()]).arg(doorward(&[]).get_program()).args(["serve", "--config"]).arg(gate.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut child = Ends(child);
        let log = collected(&mut child.0);
        eventually("systemd listens", async || log.lock().unwrap().contains("Listening on")).await;
        if wanted {
            let alice = gate.signed_in(server, HOST, ALICE).await;
            assert!(alice.is_in().await);
        } else {
            // Somebody must come before systemd starts anything.
            let _visitor = tokio::net::TcpStream::connect(server).await.unwrap();
            let status = block_in_place(|| child.0.wait()).unwrap();
            assert_eq!(status.code(), Some(1), "{}", log.lock().unwrap());
            let why = format!("a socket for {server} was handed over");
            eventually("it says why", async || log.lock().unwrap().contains(&why)).await;
        }
    }
}

/// A process that does not outlive its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn running(change: impl Fn(String) -> String) -> (Gate, Program, Client) {
    let gate = Gate::new().await;
    gate.write(&change(gate.configuration("127.0.0.1:0")));
    let program = block_in_place(|| Program::serve(gate.folder.path()));
    let alice = gate.signed_in(program.addresses[0], HOST, ALICE).await;
    (gate, program, alice)
}

/// Once the signal has reached every core.
async fn takes_nobody_new(program: &Program) {
    let refused = async || tokio::net::TcpStream::connect(program.addresses[0]).await.is_err();
    eventually("nobody new is taken", refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_a_download_finish_and_takes_nobody_new() {
    let (_gate, mut program, alice) = running(|configuration| configuration).await;
    let mut body = alice.send(alice.request(Method::GET, "/paced", &[], Full::<Bytes>::default())).await.into_body();
    body.frame().await.unwrap().unwrap();
    program.terminate();
    takes_nobody_new(&program).await;
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!(rest.len(), "more ".len() * (crate::support::upstream::PACES - 1));
    assert!(block_in_place(|| program.ended()).success());
    assert!(!program.log().contains("the time to finish is over"), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_after_the_drain_limit_ends() {
    let (_gate, mut program, alice) = running(|configuration| configuration.replace("drain = \"10s\"", "drain = \"1s\"")).await;
    let mut body = alice.send(alice.request(Method::GET, "/download", &[], Full::<Bytes>::default())).await.into_body();
    body.frame().await.unwrap().unwrap();
    let watch = Watch::start();
    program.terminate();
    assert!(block_in_place(|| program.ended()).success());
    let took = watch.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    assert!(program.log().contains("the time to finish is over"), "{}", program.log());
    assert!(body.collect().await.is_err(), "a download that was cut looks whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once() {
    let (_gate, mut program, alice) = running(|configuration| configuration.replace("drain = \"10s\"", "drain = \"60s\"")).await;
    let mut body = alice.send(alice.request(Method::GET, "/download", &[], Full::<Bytes>::default())).await.into_body();
    body.frame().await.unwrap().unwrap();
    program.terminate();
    takes_nobody_new(&program).await;
    let watch = Watch::start();
    program.terminate();
    assert_eq!(block_in_place(|| program.ended()).code(), Some(1));
    assert!(watch.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_told_with_its_last_answer_and_one_that_stays_idle_holds_nobody_up() {
    let (_gate, mut program, alice) = running(|configuration| configuration).await;
    let alice = Arc::new(alice);
    let (mut asks, mut idles) = (h1(&alice).await.unwrap(), h1(&alice).await.unwrap());
    let request = || alice.request(Method::GET, "/", &[], Full::default());
    for sender in [&mut asks, &mut idles] {
        assert!(!judge(sender.send_request(request()).await.unwrap()).await.unwrap(), "told too early");
        sender.ready().await.unwrap();
    }
    let never = alice.tls("http/1.1").await;
    let watch = Watch::start();
    program.terminate();
    takes_nobody_new(&program).await;
    assert!(judge(asks.send_request(request()).await.unwrap()).await.unwrap(), "not told that it was the last");
    assert!(block_in_place(|| program.ended()).success());
    assert!(watch.elapsed() < Duration::from_secs(4), "{:?}", watch.elapsed());
    drop((idles, never));
}
