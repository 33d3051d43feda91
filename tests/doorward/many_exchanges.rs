//! The end of a session over very many exchanges at once: downloads, uploads, long polls, event streams and WebSockets of one session
//! end within a second, whatever ends it, and those of another one go on. Both are counted: 40 of each, 2,000 with `DOORWARD_LONG=1`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use doorward::app::control::{self, Reply, Request as Ask};
use doorward::auth::SessionSelector;
use futures_util::{SinkExt, StreamExt};
use http::Method;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::client::{Client, KEY, Watch};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, OTHER};
use crate::support::toml::Toml;

fn many() -> usize {
    if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 2_000 } else { 40 }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Download,
    Upload,
    Poll,
    Events,
    WebSocket,
}

const KINDS: [Kind; 5] = [Kind::Download, Kind::Upload, Kind::Poll, Kind::Events, Kind::WebSocket];
/// A second. Without optimisation client, node and upstream together need longer than that merely to look at 4,000 exchanges.
fn limit() -> Duration {
    Duration::from_secs(if cfg!(debug_assertions) && many() > 100 { 4 } else { 1 })
}

/// Below the streams that one connection may have.
const STREAMS: usize = 90;

/// Between two pieces of an upload.
fn pause() -> Duration {
    if many() > 100 { Duration::from_secs(2) } else { Duration::from_millis(200) }
}

/// Exchanges of one session. Counted while the client has not seen their end.
struct Herd {
    running: Arc<AtomicUsize>,
    // Ends the tasks with the herd.
    _tasks: JoinSet<()>,
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

impl Herd {
    /// Begins so many; returns once every one of them has reached the upstream.
    async fn begin(bed: &Bed, browser: &Arc<Client>, kind: Kind, count: usize) -> Self {
        let before = bed.upstream.open();
        let running = Arc::new(AtomicUsize::new(count));
        let mut tasks = JoinSet::new();
        let mut sender: Option<http2::SendRequest<Body>> = None;
        for number in 0..count {
            if number % STREAMS == 0 {
                // Not all at once: a queue of new connections that overflows is not what is looked at here.
                reached(bed, before + number, kind).await;
            }
            if number % STREAMS == 0 && !matches!(kind, Kind::WebSocket) {
                let stream = browser.tls("h2").await;
                let (fresh, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
                tasks.spawn(async move { drop(connection.await) });
                sender = Some(fresh);
            }
            let (browser, running, sender) = (Arc::clone(browser), Arc::clone(&running), sender.clone());
            tasks.spawn(async move {
                match sender {
                    Some(sender) => exchange(&browser, kind, sender).await,
                    None => web_socket(&browser).await,
                }
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
        reached(bed, before + count, kind).await;
        Self { running, _tasks: tasks }
    }

    fn count(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

/// Waits until so many are open at the upstream.
async fn reached(bed: &Bed, count: usize, kind: Kind) {
    eventually(format!("{kind:?}: {count} are open at the upstream"), async || {
        let open = bed.upstream.open();
        if open == count { Ok(()) } else { Err(open) }
    })
    .await;
}

/// One exchange until its end.
async fn exchange(browser: &Client, kind: Kind, mut sender: http2::SendRequest<Body>) {
    let (method, path) = match kind {
        Kind::Download => (Method::GET, "/trickle"),
        Kind::Events => (Method::GET, "/events"),
        Kind::Poll => (Method::GET, "/poll"),
        _ => (Method::POST, "/upload"),
    };
    let body = match kind {
        Kind::Upload => {
            let pieces = futures_util::stream::unfold(Duration::ZERO, |wait| async move {
                tokio::time::sleep(wait).await;
                Some((Ok(Frame::data(Bytes::from_static(b"more"))), pause()))
            });
            StreamBody::new(pieces).boxed_unsync()
        }
        _ => Full::default().boxed_unsync(),
    };
    let Ok(response) = sender.send_request(browser.request(method, path, &[], body)).await else { return };
    let mut body = response.into_body();
    while let Some(Ok(_)) = body.frame().await {}
}

async fn web_socket(browser: &Client) {
    let mut request = format!("wss://{}/ws", browser.host).into_client_request().unwrap();
    request.headers_mut().insert("cookie", format!("{KEY}={}", browser.cookie(KEY).unwrap()).parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, browser.tls("http/1.1").await).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

/// Begins both, ends hers, counts both.
async fn hers_end_and_his_go_on(bed: &Bed, kind: Kind, end: impl AsyncFn(&Bed, &Client)) {
    let signed_in = async |host: &str, (name, password): (&str, &str)| {
        let mut browser = bed.browser_at(host);
        bed.sign_in(&browser, name, password).await;
        browser.http2 = true;
        Arc::new(browser)
    };
    let (count, begun) = (many(), Watch::start());
    let alice = signed_in(crate::support::node::HOST, ("alice", "wonderland")).await;
    let bob = signed_in(OTHER, ("bob", "builder")).await;
    let hers = Herd::begin(bed, &alice, kind, count).await;
    let his = Herd::begin(bed, &bob, kind, count).await;
    assert_eq!((hers.count(), his.count()), (count, count), "{kind:?}: before the end");
    let took = begun.elapsed();
    end(bed, &alice).await;
    let watch = Watch::start();
    eventually(format!("{kind:?}: hers have ended"), async || hers.count() == 0).await;
    let ended = watch.elapsed();
    println!("{kind:?}: {count} and {count} begun within {took:?}; hers ended within {ended:?}; {} of his go on", his.count());
    assert!(hers.count() == 0 && ended < limit(), "{kind:?}: {} of hers after {ended:?}", hers.count());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(his.count(), count, "{kind:?}: his");
    drop(his);
    reached(bed, 0, kind).await;
}

fn wishes() -> Toml {
    let patient = "limits = { response_wait = \"1h\" }";
    let limits = "connections_per_address = 10000\nmessages_per_number = \"1000/1h\"\nmessages_per_user = \"1000/1h\"\n";
    Toml::bed().application(patient).other(patient).limits(limits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_all_that_runs_and_nothing_of_anybody_else() {
    let _turn = TURN.lock().await;
    let bed = Bed::with(wishes()).await;
    for kind in KINDS {
        hers_end_and_his_go_on(&bed, kind, async |_, alice| {
            assert_eq!(alice.sign_out().await.status, 200);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_by_the_operator_ends_all_that_runs_and_nothing_of_anybody_else() {
    let _turn = TURN.lock().await;
    let bed = Bed::with(wishes()).await;
    for kind in KINDS {
        hers_end_and_his_go_on(&bed, kind, async |bed, _| {
            let (control, meant) = (bed.control.clone(), SessionSelector::User("alice".into()));
            let asked = tokio::task::spawn_blocking(move || control::ask(&control, &Ask::SessionEnd { meant })).await.unwrap();
            assert!(matches!(asked.unwrap(), Reply::Ended { count: 1, unwritten: None }));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_ends_all_that_runs_and_nothing_of_anybody_else() {
    let session = r#"{ idle = "5m", absolute = "5m" }"#;
    let _turn = TURN.lock().await;
    let bed = Bed::with(wishes().session(session)).await;
    for kind in KINDS {
        hers_end_and_his_go_on(&bed, kind, async |bed, _| {
            let mut left = Duration::from_secs(5 * 60);
            // In steps below the time that an upload may stand still, with time for another piece of it in between.
            while matches!(kind, Kind::Upload) && left > STEP {
                bed.clock.advance(STEP);
                left -= STEP;
                tokio::time::sleep(pause() + Duration::from_millis(300)).await;
            }
            bed.clock.advance(left);
        })
        .await;
    }
}

/// 2,000 of each are as many as this machine can begin at a time, so the tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const STEP: Duration = Duration::from_secs(50);
