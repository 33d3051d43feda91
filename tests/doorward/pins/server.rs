//! A server on which people sign in with the connection itself, as NTLM and Negotiate have it: what comes over a connection afterwards is
//! theirs. Every request says in `x-marker` who really sent it, and the server counts what came over somebody else's connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    answered: AtomicUsize,
    mixed: AtomicUsize,
    broken: AtomicUsize,
    hang_up: Notify,
}

/// What the server knows of one connection.
#[derive(Default)]
struct State {
    number: usize,
    /// Who sent the first request.
    first: Option<String>,
    challenge: Option<[u8; 8]>,
    user: Option<String>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
        let server = Self { address, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = seen.connections.fetch_add(1, Ordering::Relaxed);
                let state = Arc::new(Mutex::new(State { number, ..State::default() }));
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    seen.open.fetch_add(1, Ordering::Relaxed);
                    let service = service_fn(|request| answer(request, Arc::clone(&state), Arc::clone(&seen)));
                    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::select! {
                        _ = served => {}
                        () = seen.hang_up.notified() => {}
                    }
                    seen.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        server
    }

    /// Closes every connection, as a server does with those that were idle for too long.
    pub fn hang_up(&self) {
        self.seen.hang_up.notify_waiters();
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::Relaxed)
    }

    pub fn answered(&self) -> usize {
        self.seen.answered.load(Ordering::Relaxed)
    }

    /// Requests over a connection on which somebody else had sent one.
    pub fn mixed(&self) -> usize {
        self.seen.mixed.load(Ordering::Relaxed)
    }

    /// Sign-ins whose second half came over another connection than their first.
    pub fn broken(&self) -> usize {
        self.seen.broken.load(Ordering::Relaxed)
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
    seen: Arc<Seen>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let marker = text("x-marker").unwrap_or_default();
    seen.answered.fetch_add(1, Ordering::Relaxed);
    let mut state = state.lock().unwrap();
    let first = state.first.get_or_insert_with(|| marker.clone());
    if *first != marker || state.user.as_ref().is_some_and(|user| *user != marker) {
        seen.mixed.fetch_add(1, Ordering::Relaxed);
    }
    if let Some(said) = text(AUTHORIZATION.as_str()) {
        let (scheme, token) = said.split_once(' ').unwrap();
        match Token::read(&BASE64.decode(token.as_bytes()).unwrap()) {
            Token::Hello => {
                state.user = None;
                let mut challenge = [0; 8];
                aws_lc_rs::rand::fill(&mut challenge).unwrap();
                state.challenge = Some(challenge);
                return Ok(refused(&[&format!("{scheme} {}", BASE64.encode(&message(2, &challenge)))]));
            }
            Token::Proof(proven, user) if state.challenge.take() == Some(proven) => state.user = Some(user),
            Token::Proof(..) => {
                seen.broken.fetch_add(1, Ordering::Relaxed);
            }
            Token::Ticket(user) => state.user = Some(user),
        }
    }
    let Some(user) = &state.user else { return Ok(refused(&["Negotiate", "NTLM"])) };
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert("x-user", HeaderValue::from_str(user).unwrap());
    response.headers_mut().insert("x-connection", state.number.into());
    Ok(response)
}

fn refused(challenges: &[&str]) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("sign in"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    for challenge in challenges {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_str(challenge).unwrap());
    }
    response
}

/// What a client sends, in the outer shape of NTLM (MS-NLMP section 2.2.1) with what matters here inside.
enum Token {
    /// Type 1.
    Hello,
    /// Type 3: the challenge of type 2 and whose it is.
    Proof([u8; 8], String),
    /// Kerberos: one step.
    Ticket(String),
}

impl Token {
    fn read(bytes: &[u8]) -> Self {
        let Some(rest) = bytes.strip_prefix(SIGNATURE) else { return Self::Ticket(String::from_utf8(bytes.to_vec()).unwrap()) };
        match (rest[0], rest[4..].split_at_checked(8)) {
            (3, Some((challenge, user))) => Self::Proof(challenge.try_into().unwrap(), String::from_utf8(user.to_vec()).unwrap()),
            _ => Self::Hello,
        }
    }
}

const SIGNATURE: &[u8] = b"NTLMSSP\0";

fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
    [SIGNATURE, &[kind, 0, 0, 0], rest].concat()
}

/// The first message of a sign-in, as it stands in `Authorization`.
pub fn hello(scheme: &str) -> String {
    format!("{scheme} {}", BASE64.encode(&message(1, &[])))
}

/// The second, for the challenge of this answer; nothing if it has none.
pub fn proof(scheme: &str, challenge: &str, user: &str) -> Option<String> {
    let token = challenge.strip_prefix(scheme)?.strip_prefix(' ')?;
    let challenge = BASE64.decode(token.as_bytes()).unwrap();
    let nonce = challenge.strip_prefix(SIGNATURE)?.get(4..)?;
    Some(format!("{scheme} {}", BASE64.encode(&message(3, &[nonce, user.as_bytes()].concat()))))
}

/// The only message of a sign-in by Kerberos.
pub fn ticket(user: &str) -> String {
    format!("Negotiate {}", BASE64.encode(user.as_bytes()))
}
