//! Bodies larger than memory through the program itself: what it holds does not grow with them, and who is slow slows the other side.
//!
//! 64 MiB on every day, 4 GiB with `DOORWARD_LONG=1`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::{Sleep, sleep};

use crate::support::client::{Client, Watch, read};
use crate::support::program::{Program, certificate};
use crate::support::toml::Toml;

const HOST: &str = "app.example.test";
const PIECE: usize = 64 * 1024;
/// What the program may grow by, in KiB, however long the body: buffers of sockets, TLS and both versions of HTTP.
const GROWTH: u64 = 20 * 1024;

/// Enough for what is under way to stand out.
const SLOW: u64 = 96 << 20;

fn length() -> u64 {
    let long = std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1");
    if long { 4 << 30 } else { 64 << 20 }
}

/// An application that swallows what it is sent, and sends what it is asked for.
struct Sink {
    address: SocketAddr,
    /// Bytes taken and given so far.
    taken: Arc<AtomicU64>,
    given: Arc<AtomicU64>,
}

type Body = BoxBody<Bytes, Infallible>;

impl Sink {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self { address: listener.local_addr().unwrap(), taken: Arc::default(), given: Arc::default() };
        let (taken, given) = (Arc::clone(&sink.taken), Arc::clone(&sink.given));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, given) = (Arc::clone(&taken), Arc::clone(&given));
                let service = service_fn(move |request| answer(request, Arc::clone(&taken), Arc::clone(&given)));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        sink
    }
}

async fn answer(request: Request<Incoming>, taken: Arc<AtomicU64>, given: Arc<AtomicU64>) -> Result<Response<Body>, Infallible> {
    if request.method() == Method::GET {
        let length = request.uri().query().unwrap().parse().unwrap();
        return Ok(Response::new(BodyExt::boxed(StreamBody::new(pieces(length, given)))));
    }
    let wait = if request.uri().path().ends_with("slow") { Duration::from_millis(300) } else { Duration::ZERO };
    let mut body = request.into_body();
    let mut count = 0;
    sleep(wait).await;
    while let Some(Ok(frame)) = body.frame().await {
        count += frame.data_ref().map_or(0, Bytes::len) as u64;
        taken.store(count, Ordering::Relaxed);
    }
    Ok(Response::new(Full::from(count.to_string()).boxed()))
}

/// So many bytes; counts what was asked for.
fn pieces(
    length: u64,
    count: Arc<AtomicU64>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync + 'static {
    let piece = Bytes::from(vec![b'x'; PIECE]);
    count.store(0, Ordering::Relaxed);
    futures_util::stream::iter(0..length / PIECE as u64).map(move |_| {
        count.fetch_add(PIECE as u64, Ordering::Relaxed);
        Ok(Frame::data(piece.clone()))
    })
}

struct Bed {
    program: Program,
    sink: Sink,
    folder: tempfile::TempDir,
}

impl Bed {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path(), "door", &[HOST]);
        let sink = Sink::start().await;
        let keys = "public = [\"/public\"]\nlimits = { body = \"5 GiB\" }";
        Toml::site().users("").server(sink.address).application(keys).write(folder.path());
        let path = folder.path().to_owned();
        let program = tokio::task::spawn_blocking(move || Program::serve(&path)).await.unwrap();
        Self { program, sink, folder }
    }

    fn browser(&self, http2: bool) -> Client {
        let mut browser = Client::new(self.program.addresses[0], HOST, &self.folder.path().join("door.pem"));
        browser.http2 = http2;
        browser
    }

    /// An upload of so many bytes; what the application counted.
    async fn upload(&self, http2: bool, path: &str, length: u64, asked: &Arc<AtomicU64>) -> String {
        let browser = self.browser(http2);
        let body = StreamBody::new(pieces(length, Arc::clone(asked)));
        read(browser.send(browser.request(Method::POST, path, &[], body)).await).await.body
    }

    async fn download(&self, http2: bool, length: u64) -> Incoming {
        let browser = self.browser(http2);
        browser.send(browser.request(Method::GET, &format!("/public?{length}"), &[], Empty::<Bytes>::new())).await.into_body()
    }
}

fn megabytes_a_second(watch: &Watch) -> u64 {
    length() / 1000 / u64::try_from(watch.elapsed().as_millis()).unwrap().max(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_and_downloads_of_any_size_take_the_same_memory() {
    let bed = Bed::start().await;
    let before = bed.program.most_memory();
    for http2 in [false, true] {
        let watch = Watch::start();
        assert_eq!(bed.upload(http2, "/public", length(), &Arc::default()).await, length().to_string());
        println!("h2 {http2}: {} MiB up at {} MB/s", length() >> 20, megabytes_a_second(&watch));
        let (watch, mut body, mut count) = (Watch::start(), bed.download(http2, length()).await, 0);
        while let Some(frame) = body.frame().await {
            count += frame.unwrap().data_ref().map_or(0, Bytes::len) as u64;
        }
        assert_eq!(count, length());
        println!("h2 {http2}: {} MiB down at {} MB/s", length() >> 20, megabytes_a_second(&watch));
    }
    let grown = bed.program.most_memory() - before;
    println!("the program held {before} KiB before and at most {grown} KiB more");
    assert!(grown < GROWTH, "{grown} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_slowly_slows_who_sends() {
    let bed = Bed::start().await;
    let before = bed.program.most_memory();
    for http2 in [false, true] {
        // An application that takes nothing for a moment, then everything.
        let asked = Arc::default();
        let mut most_ahead = 0;
        let upload = bed.upload(http2, "/public/slow", SLOW, &asked);
        let mut upload = std::pin::pin!(upload);
        loop {
            tokio::select! {
                counted = &mut upload => {
                    assert_eq!(counted, SLOW.to_string());
                    break;
                }
                () = sleep(Duration::from_millis(5)) => {
                    let ahead = asked.load(Ordering::Relaxed).saturating_sub(bed.sink.taken.load(Ordering::Relaxed));
                    most_ahead = most_ahead.max(ahead);
                }
            }
        }
        // Sockets of four ends hold some MiB each.
        assert!(most_ahead < 32 << 20, "{most_ahead} bytes are under way in an upload");

        // A client that takes nothing for a moment.
        let mut body = bed.download(http2, SLOW).await;
        sleep(Duration::from_millis(300)).await;
        let given = bed.sink.given.load(Ordering::Relaxed);
        assert!(given < 32 << 20, "{given} bytes are under way in a download");
        let mut count = 0;
        while let Some(frame) = body.frame().await {
            count += frame.unwrap().data_ref().map_or(0, Bytes::len) as u64;
        }
        assert_eq!(count, SLOW);
    }
    let grown = bed.program.most_memory() - before;
    assert!(grown < GROWTH, "{grown} KiB");
}

/// Somebody who stops: at once, or after a first piece.
async fn stops(mut body: Incoming, takes_some: bool) -> u64 {
    if takes_some {
        body.frame().await.unwrap().unwrap();
    }
    sleep(MINUTE + Duration::from_secs(8)).await;
    drained(body).await
}

/// The same over HTTP/2, where the stream's window has room for everything and it is the socket that nobody reads.
async fn stops_over_http2(bed: &Bed) -> u64 {
    let stream = bed.browser(true).tls("h2").await;
    let window = u32::try_from(2 * SLOW).unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(window);
    let (mut sender, mut connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
    let get = Request::get(format!("https://{HOST}/public?{SLOW}")).body(()).unwrap();
    let answer = sender.send_request(get, true).unwrap().0;
    let mut body = tokio::select! {
        answer = answer => answer.unwrap().into_body(),
        result = &mut connection => panic!("no answer: {result:?}"),
    };
    sleep(MINUTE + Duration::from_secs(8)).await;
    let driver = tokio::spawn(connection);
    let mut count = 0;
    while let Some(Ok(piece)) = body.data().await {
        count += piece.len() as u64;
    }
    driver.abort();
    count
}

/// Somebody whose line takes 16 KiB a second.
async fn crawls(mut body: Incoming) -> u64 {
    let (watch, mut count) = (Watch::start(), 0);
    while watch.elapsed() < MINUTE + Duration::from_secs(20) {
        match body.frame().await {
            Some(Ok(frame)) => count += frame.data_ref().map_or(0, Bytes::len) as u64,
            _ => return count,
        }
        if count > watch.elapsed().as_secs() * 16 * 1024 {
            sleep(Duration::from_secs(1)).await;
        }
    }
    count + drained(body).await
}

/// A line that carries 16 KiB a second at first, whatever is asked of it at once.
struct Line<S> {
    inner: S,
    begun: Watch,
    carried: u64,
    pause: Pin<Box<Sleep>>,
    is_slow: Arc<AtomicBool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        while self.is_slow.load(Ordering::Relaxed) && self.carried > (self.begun.elapsed().as_secs() + 1) * 16 * 1024 {
            ready!(self.pause.as_mut().poll(context));
            self.pause = Box::pin(sleep(Duration::from_millis(200)));
        }
        let mut bytes = [0; 4096];
        let most = bytes.len().min(buffer.remaining());
        let mut some = ReadBuf::new(&mut bytes[..most]);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut some))?;
        buffer.put_slice(some.filled());
        self.carried += some.filled().len() as u64;
        Poll::Ready(Ok(()))
    }
}

/// What somebody on such a line gets over HTTP/2: what is in front of a frame delays it by half a minute and more.
async fn crawls_on_a_line(bed: &Bed) -> u64 {
    let socket = bed.browser(true).tcp().await;
    let (read, write) = socket.into_split();
    let is_slow = Arc::new(AtomicBool::new(true));
    let pause = Box::pin(sleep(Duration::ZERO));
    let line = Line { inner: read, begun: Watch::start(), carried: 0, pause, is_slow: Arc::clone(&is_slow) };
    let stream = bed.browser(true).tls_over(tokio::io::join(line, write), "h2").await;
    let (mut sender, connection) = h2::client::Builder::new()
        .initial_window_size(u32::try_from(2 * SLOW).unwrap())
        .initial_connection_window_size(u32::try_from(2 * SLOW).unwrap())
        .handshake::<_, Bytes>(stream)
        .await
        .unwrap();
    let driver = tokio::spawn(connection);
    let get = Request::get(format!("https://{HOST}/public?{SLOW}")).body(()).unwrap();
    let mut body = sender.send_request(get, true).unwrap().0.await.unwrap().into_body();
    let (watch, mut count) = (Watch::start(), 0);
    while let Some(Ok(piece)) = body.data().await {
        count += piece.len() as u64;
        is_slow.store(watch.elapsed() < MINUTE + Duration::from_secs(10), Ordering::Relaxed);
    }
    driver.abort();
    count
}

async fn drained(mut body: Incoming) -> u64 {
    let mut count = 0;
    while let Some(Ok(frame)) = body.frame().await {
        count += frame.data_ref().map_or(0, Bytes::len) as u64;
    }
    count
}

/// In real time, as it is the kernel that says what a client has taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_taking_is_left_after_a_minute_and_who_takes_little_gets_everything() {
    let bed = Bed::start().await;
    let [nothing, a_piece, crawls, crawls_over_http2] = [
        bed.download(false, SLOW).await,
        bed.download(false, SLOW).await,
        bed.download(false, SLOW).await,
        bed.download(true, SLOW).await,
    ];
    let stopped = async { tokio::join!(stops(nothing, false), stops(a_piece, true), stops_over_http2(&bed)) };
    let crawled = async { tokio::join!(self::crawls(crawls), self::crawls(crawls_over_http2), crawls_on_a_line(&bed)) };
    let (stopped, crawled) = tokio::join!(stopped, crawled);
    println!("who stopped found {stopped:?} bytes, who crawled {crawled:?}");
    let (nothing, a_piece, over_http2) = stopped;
    // What lay in the kernel of either side.
    assert!([nothing, a_piece, over_http2].iter().all(|count| *count < SLOW / 4), "{stopped:?}");
    assert_eq!(crawled, (SLOW, SLOW, SLOW));
}

const MINUTE: Duration = Duration::from_secs(60);
