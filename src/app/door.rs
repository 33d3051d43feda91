//! The joint between the sockets and the gateway: neither knows the other.

use http::Response;

use crate::gateway::{Body, Gateway};
use crate::server::{Exchange, Handler};

/// One core's gateway as the server calls it.
pub struct Door(pub Gateway);

impl Handler for Door {
    type Body = Body;

    async fn handle(&self, exchange: Exchange) -> Response<Body> {
        self.0.handle(exchange.request, exchange.peer.ip(), exchange.tls).await
    }
}
