//! A listener whose connections are dealt: a few long ones end up evenly on the cores, whatever the kernel's hash would have said.

use std::rc::Rc;

use bytes::Bytes;
use doorward::config::listener::{Listener, Serves};
use doorward::server::{Exchange, Given, Handler, Limits, Listeners, run, tls};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::support::eventually::eventually;
use crate::support::sockets::open_at;

/// Says which core it is on.
struct Core(usize);

impl Handler for Core {
    type Body = Full<Bytes>;
    type Connection = ();

    async fn handle(&self, _: &mut Exchange<()>) -> Response<Full<Bytes>> {
        Response::new(Full::from(self.0.to_string()))
    }
}

#[tokio::test]
async fn eight_long_connections_over_two_cores_are_four_and_four() {
    let listed = [Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        serves: Serves::Redirect,
        trusted: None,
        public_port: None,
        deal: true,
        accept: Vec::new(),
    }];
    let listeners = Listeners::bind(&listed, &[], 2, &tls::ticketer().unwrap(), Given::default()).unwrap();
    let (address, stop) = (listeners.addresses()[0], CancellationToken::new());
    let cores = run(listeners, Limits::default(), &stop, |core| Rc::new(Core(core))).unwrap();

    let mut open: Vec<(String, http1::SendRequest<Full<Bytes>>)> = Vec::new();
    let connect = async || {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/").header("host", "a").body(Full::default()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let core = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().into()).unwrap();
        (core, sender)
    };
    let on = |open: &[(String, _)], core: &str| open.iter().filter(|(own, _)| own == core).count();
    for _ in 0..8 {
        open.push(connect().await);
    }
    assert_eq!((on(&open, "0"), on(&open, "1")), (4, 4));

    // Where places become free, the next ones go.
    open.retain(|(core, _)| core == "0");
    eventually("they are closed", async || open_at(address) == 4).await;
    for _ in 0..4 {
        open.push(connect().await);
    }
    assert_eq!((on(&open, "0"), on(&open, "1")), (4, 4));
    drop(open);
    stop.cancel();
    tokio::task::spawn_blocking(move || cores.join()).await.unwrap();
}
