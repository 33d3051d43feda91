//! A client that asks for a hundred answers at once over one connection and takes nothing of any of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::client::Client;
use super::eventually::eventually;

pub const ASKED: usize = 100;

pub struct Greedy {
    answered: Arc<AtomicUsize>,
    connected: Arc<AtomicBool>,
    // Ends with it.
    _tasks: JoinSet<()>,
}

impl Greedy {
    /// HTTP/2 with a window of nothing (RFC 9113 section 5.2).
    pub async fn begin(client: &Client, path: &str) -> Self {
        let mut tasks = JoinSet::new();
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(0);
        let (sender, connection) = builder.handshake(TokioIo::new(client.tls("h2").await)).await.unwrap();
        let (answered, connected) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let ends = Arc::clone(&connected);
        tasks.spawn(async move {
            drop(connection.await);
            ends.store(false, Ordering::Relaxed);
        });
        for _ in 0..ASKED {
            let (mut sender, answered) = (sender.clone(), Arc::clone(&answered));
            let request = client.request(Method::GET, path, &[], Full::<Bytes>::default());
            tasks.spawn(async move {
                let answer = sender.send_request(request).await;
                answered.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<()>().await;
                drop(answer);
            });
        }
        Self { answered, connected, _tasks: tasks }
    }

    /// Whether its connection is still open.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Waits until each request has the head of an answer, or has broken off.
    pub async fn is_answered(&self) {
        eventually("all requests have an answer", async || {
            let answered = self.answered.load(Ordering::Relaxed);
            if answered == ASKED { Ok(()) } else { Err(answered) }
        })
        .await;
    }
}
