//! To the application and back; nothing goes there without a `Permit`. One `Proxy` per core, with its own upstream connections.

mod attempt;
mod balance;
mod body;
mod certificates;
mod checks;
mod client;
mod connect;
mod connection;
pub mod cookies;
mod exchanges;
mod forward;
mod forward_error;
pub mod frames;
mod header_scan;
pub mod headers;
mod health;
pub mod length;
mod make_room;
mod pins;
mod read_back;
mod request_body;
pub mod rewrite;
mod seats;
mod server_choice;
mod server_pool;
mod server_socket;
mod servers;
mod streams;
mod table;
mod tally;
mod upgrade;
mod upstream;
mod upstream_files;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub use body::ProxyBody;
pub use certificates::{ClientCertificate, ServerCertificate};
pub use client::Client;
pub use exchanges::Running;
pub use forward_error::ForwardError;
pub use header_scan::{Fact, Facts};
pub use headers::ClientInfo;
pub use request_body::BodyError;
pub use table::Table;
pub use tally::{CoreTally, RequestCounts, Tallies};
pub use upgrade::BadUpgrade;

use crate::base::Clock;
use crate::base::files::Files;
use crate::base::tls::{ClientTls, TlsError};
use crate::config;
use crate::config::listener::Certificate;
use crate::config::upstream::{HeaderCase, Protocol, Server};
use connect::Target;
use futures_util::future::join_all;
use servers::Servers;
use upstream::Upstream;
use upstream_files::UpstreamFiles;

/// The applications, how their upstreams are trusted and how these are: read once, before the cores start, and shared by them.
#[derive(Clone, Debug)]
pub struct Applications {
    list: Arc<[Loaded]>,
    files: Arc<Files>,
    cores: u32,
    tallies: Tallies,
}

#[derive(Debug)]
struct Loaded {
    application: config::Application,
    servers: Arc<Servers>,
    /// What we show these servers, where they ask.
    client_certificate: Option<ClientCertificate>,
}

/// Why the TLS of an application's upstream cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("application {application}, upstream")]
pub struct LoadError {
    application: Arc<str>,
    source: TlsError,
}

impl Applications {
    /// Reads the files of authorities and client certificates; what is the same for several applications once.
    pub fn load(listed: &[config::Application]) -> Result<Self, LoadError> {
        let mut known: HashMap<_, ClientTls> = HashMap::new();
        let mut applications = Vec::new();
        for application in listed {
            let upstream = &application.upstream;
            let key =
                (&upstream.ca, upstream.client_certificate.as_ref().map(|files| (&files.chain, &files.key)), upstream.protocol);
            let tls = match known.get(&key) {
                _ if !upstream.servers.iter().any(|server| server.tls) => None,
                Some(tls) => Some(tls.clone()),
                None => {
                    let tls =
                        trust(upstream).map_err(|source| LoadError { application: Arc::clone(&application.name), source })?;
                    known.insert(key, tls.clone());
                    Some(tls)
                }
            };
            let client_certificate = upstream.client_certificate.as_ref().and_then(ClientCertificate::read);
            let servers = Servers::new(application, tls.as_ref());
            applications.push(Loaded { application: application.clone(), servers, client_certificate });
        }
        Ok(Self { list: applications.into(), files: Files::new(usize::MAX), cores: 1, tallies: Tallies::default() })
    }

    /// The same with so many files for connections to their servers, on so many cores.
    #[must_use]
    pub fn within(self, files: Arc<Files>, cores: u32) -> Self {
        Self { files, cores, ..self }
    }

    /// The same with counts that go on from another configuration's.
    #[must_use]
    pub fn counted_in(self, tallies: &Tallies) -> Self {
        Self { tallies: tallies.clone(), ..self }
    }
}

impl Applications {
    /// Connects to every server of every application, all at once, and asks nothing: how it was reached, or why not.
    pub async fn examine(&self) -> Vec<(Arc<str>, Vec<ServerFound>)> {
        let look = |loaded: &Loaded, place: usize, server: &Server| {
            let url = format!("{}://{}:{}", if server.tls { "https" } else { "http" }, server.host, server.port);
            let target = Target::new(server, &loaded.application.upstream, loaded.servers.tls(place));
            let most = loaded.application.limits.connect_wait;
            async move {
                let reached = match tokio::time::timeout(most, target.stream(None)).await {
                    Ok(Ok(stream)) => Ok(connect::spoken(&stream)),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(format!("it did not answer within {} s", most.as_secs())),
                };
                ServerFound { url, reached }
            }
        };
        let each = self.list.iter().map(|loaded| async move {
            let servers = loaded.application.upstream.servers.iter().enumerate();
            let servers = join_all(servers.map(|(place, server)| look(loaded, place, server))).await;
            (Arc::clone(&loaded.application.name), servers)
        });
        join_all(each).await
    }
}

impl Applications {
    /// Every server with its application, and whether it is held to be well.
    pub fn servers(&self) -> Vec<(Arc<str>, String, bool)> {
        let each = self.list.iter().flat_map(|loaded| {
            let application = &loaded.application.name;
            loaded.servers.list.iter().map(|server| (Arc::clone(application), server.label.clone(), server.is_up()))
        });
        each.collect()
    }
}

/// What became of a connection to one server.
#[derive(Debug)]
pub struct ServerFound {
    pub url: String,
    /// The version of TLS, if it has any.
    pub reached: Result<Option<String>, String>,
}

fn trust(upstream: &config::application::Upstream) -> Result<ClientTls, TlsError> {
    let files = upstream.client_certificate.as_ref().map(|Certificate { chain, key }| (chain.as_path(), key.as_path()));
    let tls = ClientTls::with_identity(upstream.ca.as_deref(), files)?;
    Ok(if upstream.protocol == Protocol::Http2 { tls.speaking(&[b"h2"]) } else { tls })
}

/// The way to every application from one core. Never leaves it.
#[derive(Debug)]
pub struct Proxy {
    upstreams: Table<Rc<Upstream>>,
    /// This core's counts, in the order of the configuration's applications.
    tallies: Box<[Arc<CoreTally>]>,
    running: Rc<Running>,
}

impl Proxy {
    /// The proxy of this core, counted from 0. To be called inside the core's runtime: a task is spawned that sweeps what is running until the proxy is dropped and
    /// everything that ran through it is over.
    pub fn new(applications: &Applications, core: usize, clock: Clock) -> Rc<Self> {
        let running = Rc::<Running>::default();
        let files = UpstreamFiles::new(Arc::clone(&applications.files), Rc::clone(&running), applications.cores);
        let files = Rc::new(files);
        let tally = |Loaded { application, .. }: &Loaded| {
            applications.tallies.of(&application.name, applications.cores).get(core).cloned().unwrap_or_default()
        };
        let tallies: Box<[Arc<CoreTally>]> = applications.list.iter().map(tally).collect();
        let upstreams = applications.list.iter().zip(&tallies).map(|(Loaded { application, servers, .. }, tally)| {
            let upstream = Upstream::new(application, servers, (Rc::clone(&files), Arc::clone(tally)), clock.clone());
            (Arc::clone(&application.name), Rc::new(upstream))
        });
        let proxy = Rc::new(Self { upstreams: upstreams.collect(), tallies, running });
        let (running, weak) = (Rc::clone(&proxy.running), Rc::downgrade(&proxy));
        for Loaded { application, servers, .. } in applications.list.iter().filter(|loaded| loaded.servers.claim_checks()) {
            checks::start(application, servers, &clock, &weak);
        }
        // Ends with the proxy, or with the core's runtime.
        drop(tokio::task::spawn_local(async move {
            while weak.strong_count() > 0 || !running.is_empty() {
                clock.sleep(exchanges::SWEEP).await;
                running.sweep(clock.now());
                if let Some(proxy) = weak.upgrade() {
                    for upstream in proxy.upstreams.values() {
                        upstream.prune(clock.now());
                        make_room::make_room(&running, &upstream.servers, clock.now());
                    }
                }
            }
        }));
        proxy
    }

    /// Whether some application gets the names of header fields as the client spelled them.
    pub fn keeps_header_case(&self) -> bool {
        self.upstreams.values().any(|upstream| upstream.header_case == HeaderCase::Keep)
    }

    /// This core's counts of the application that stands there in the configuration, from 0.
    pub fn tally(&self, application: usize) -> Option<&CoreTally> {
        self.tallies.get(application).map(|tally| &**tally)
    }

    /// What is running through it on this core.
    pub fn running(&self) -> &Rc<Running> {
        &self.running
    }
}
