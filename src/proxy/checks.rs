//! Asks the servers of an application regularly whether they are well: once for the whole node, whatever the number of its cores.

use std::rc::Weak;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;

use super::Proxy;
use super::connect::Target;
use super::servers::Servers;
use crate::base::Clock;
use crate::config;
use crate::config::health::Health;
use crate::config::upstream::Protocol;

/// What is asked, for one server.
struct Check {
    target: Target,
    protocol: Protocol,
    /// The server's name in front, over HTTP/2.
    uri: String,
    host: String,
    health: Health,
}

/// Starts a task for each server, which ends with the proxy or with the core's runtime. To be called on one core.
pub(super) fn start(application: &config::Application, servers: &Arc<Servers>, clock: &Clock, proxy: &Weak<Proxy>) {
    let upstream = &application.upstream;
    let Some(health) = &upstream.health else { return };
    for (place, server) in upstream.servers.iter().enumerate() {
        let host = application.named_host().map_or_else(|| server.host.clone(), ToString::to_string);
        let scheme = if server.tls { "https" } else { "http" };
        let check = Check {
            target: Target::new(server, upstream, servers.tls(place)),
            protocol: upstream.protocol,
            uri: match upstream.protocol {
                Protocol::Http1 => health.path.clone(),
                Protocol::Http2 => format!("{scheme}://{host}{}", health.path),
            },
            host,
            health: health.clone(),
        };
        let (servers, clock, proxy) = (Arc::clone(servers), clock.clone(), Weak::clone(proxy));
        drop(tokio::task::spawn_local(async move {
            while proxy.strong_count() > 0 {
                let result = tokio::time::timeout(check.health.wait, check.ask()).await;
                if let Some(server) = servers.list.get(place) {
                    server.checked(result.unwrap_or_else(|_| Err("its check was not answered in time".to_owned())), clock.now());
                }
                clock.sleep(check.health.interval).await;
            }
        }));
    }
}

impl Check {
    /// One question on a connection of its own, so that a server which takes no new ones is found out.
    async fn ask(&self) -> Result<(), String> {
        let status = self.status().await.map_err(|error| format!("its check failed: {error}"))?;
        if self.health.status.contains(&status.as_u16()) { Ok(()) } else { Err(format!("its check was answered {status}")) }
    }

    async fn status(&self) -> Result<StatusCode, Box<dyn std::error::Error>> {
        let request = Request::get(&self.uri).header(header::USER_AGENT, "doorward-health");
        if self.protocol == Protocol::Http2 {
            let mut sender = self.target.http2(None).await?;
            return Ok(sender.send_request(request.body(Empty::<Bytes>::new())?).await?.status());
        }
        let request = request.header(header::HOST, &self.host).header(header::CONNECTION, "close");
        let (mut sender, connection, _) = self.target.http1(true, None).await?;
        let mut answer = Box::pin(sender.send_request(request.body(Empty::<Bytes>::new())?));
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer,
            // The answer may have come with its end.
            ended = connection => {
                ended?;
                answer.await
            }
        };
        Ok(answer?.status())
    }
}
