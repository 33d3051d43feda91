//! THE HOT PATH: what becomes of one request, told from top to bottom.

mod access_line;
pub mod access_log;
pub mod acme;
mod body;
mod call_path;
pub mod client;
mod cross_site;
mod ended;
mod gate;
mod layers;
mod origin;
mod pages;
mod public_host;
mod receipt;
mod respond;
pub mod route;
mod trouble;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, Response, Version};
use hyper::body::Incoming;

use access_log::{AccessLog, Entry};
use acme::{AcmeFolder, Challenge};
pub use body::Body;
use cross_site::Mark;
use gate::Gate;
pub use public_host::Ports;
use respond::{Asker, Failed};
pub use respond::{WholeAnswers, own_words};
use route::{Host, Place, Route, Router, Stand};
use trouble::Reader;

use crate::base::path::Ambiguous;
use crate::base::{Clock, Random, Time, TraceId, net};
use crate::config::trusted::Trusted;
use crate::dispatch::ProviderCalls;
use crate::proxy::{Client, ClientInfo, Fact, Facts, Proxy, headers};
use crate::web::{Notice, Occasion, Page, Site};

/// One core's gateway: everything a request meets on its way, none of it shared with another core but the sessions.
pub struct Gateway {
    pub router: Arc<Router>,
    pub site: Site,
    /// For the providers that send passcodes.
    pub calls: ProviderCalls,
    pub proxy: Rc<Proxy>,
    pub clock: Clock,
    pub random: Arc<dyn Random>,
    /// Tells browsers to come by https alone for a year (RFC 6797). Off in a trial, whose certificate nobody vouches for.
    pub strict_transport: bool,
    pub ports: Ports,
    pub access_log: Option<Rc<AccessLog>>,
    /// Where an ACME client leaves its answers, if there is such a folder.
    pub acme: Option<AcmeFolder>,
    /// See [`own_words`].
    pub own_words: WholeAnswers,
}

/// A request, lent by the server.
pub struct Asked<'a> {
    pub head: &'a mut Parts,
    pub body: &'a mut Option<Incoming>,
    /// What is kept of its connection.
    pub client: &'a Rc<Client>,
    /// The other end of the connection, which is the true client unless it is a trusted proxy: no header of a stranger says anything
    /// else.
    pub peer: IpAddr,
    /// Set where the peer is a trusted proxy that names the client.
    pub behind: Option<&'a Trusted>,
    /// False on a listener that only redirects.
    pub secure: bool,
}

/// Who asks, and when, as far as it concerns every step.
#[derive(Clone, Copy)]
struct Caller<'a> {
    client: &'a Rc<Client>,
    /// The true one.
    address: IpAddr,
    now: Time,
    /// What the request's fields say.
    facts: Facts,
}

impl Gateway {
    /// The outer part: always an answer, and a line about it.
    pub async fn handle(&self, asked: Asked<'_>) -> Response<Body> {
        let Asked { head, body, client, peer, behind, secure } = asked;
        let started = self.clock.now();
        let address = match behind {
            None => net::plain(peer),
            Some(trusted) => {
                client.carries_many();
                client::address(trusted, &head.headers, net::plain(peer))
            }
        };
        let made = self.router.made(head);
        let made = made.as_deref();
        let entry = self.access_log.as_ref().map(|log| log.enter(head, client, address, started));
        let entry = entry.as_deref();
        let mut facts = Facts::of(&head.headers);
        if facts.tell(Fact::Forged) {
            facts = self.cleanse(head, made, behind.is_some());
        }
        let caller = Caller { client, address, now: started, facts };
        let mut response = if facts.length() > HEAD_MOST {
            self.too_long(head, facts, (address, entry))
        } else if let Some(folder) = self.acme.as_ref().filter(|_| AcmeFolder::owns(head.uri.path())) {
            // Before any host or session is looked at: a certificate may be asked for before its host is configured.
            Box::pin(self.challenge(folder, head, facts, entry)).await
        } else if secure {
            self.answer((head, body), &caller, made, entry).await
        } else {
            self.redirect((head, made), facts, entry)
        };
        if secure && self.strict_transport {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        if let Some(entry) = entry {
            entry.status.set(Some(response.status()));
        }
        response
    }

    /// What no client may say goes, but for what the application keeps.
    #[cold]
    fn cleanse(&self, head: &mut Parts, made: Option<&Host>, through_proxy: bool) -> Facts {
        let kept = self.router.place(head, made).map(|place| &place.application.keep_headers);
        headers::cleanse(&mut head.headers, |name| kept.is_some_and(|kept| kept.keeps(name, through_proxy)))
    }

    /// The inner part: the story. What is not the way to an application is boxed, so that a request to one carries little.
    async fn answer<'a>(
        &'a self,
        (head, body): (&mut Parts, &mut Option<Incoming>),
        caller: &Caller<'_>,
        made: Option<&'a Host>,
        entry: Option<&Entry<'a>>,
    ) -> Response<Body> {
        let route = self.route(head, made, true);
        if let Some(entry) = entry {
            entry.belongs(route.place(), head);
        }
        let tally = route.place().and_then(|place| self.proxy.tally(place.number));
        if let Some(tally) = tally {
            tally.count_request();
        }
        let response = self.answer_at(route, (head, body), caller, entry).await;
        if let Some(tally) = tally {
            tally.count_answer(response.status());
        }
        response
    }

    async fn answer_at<'a>(
        &'a self,
        route: Route<'a>,
        (head, body): (&mut Parts, &mut Option<Incoming>),
        caller: &Caller<'_>,
        entry: Option<&Entry<'a>>,
    ) -> Response<Body> {
        let facts = caller.facts;
        match route {
            // Over HTTP/2 a connection is not one person's. A browser comes again over one that was made for this host alone
            // (RFC 9110 section 15.5.20).
            Route::Application(place) if place.application.upstream.pinned && head.version == Version::HTTP_2 => {
                respond::other_connection()
            }
            Route::Application(place) => self.application(place, head, body, caller, entry).await,
            Route::Page(stand, page) => Box::pin(self.page((stand, page), head, body, (caller.address, entry))).await,
            Route::Callbacks => Box::pin(self.receipt(head, body, caller)).await,
            Route::NotFound(_) => self.notice(head, facts, Notice::NotFound),
            // The page that says so has a style too.
            Route::UnknownHost => match self.site.look.asset(head.uri.path(), &head.headers) {
                Some(asset) => respond::page(asset),
                None => self.notice(head, facts, Notice::UnknownHost),
            },
            Route::NotAllowed => self.notice(head, facts, Notice::NotAllowed),
            Route::BadPath(place, why) => {
                if let Some(entry) = entry {
                    entry.refused.set(Some(why.word()));
                }
                refused_path(place, why, caller);
                let reader = Reader { application: place.map(|place| &place.application.name), address: caller.address };
                self.refuse(
                    (head, facts),
                    Notice::BadRequest,
                    (self.trace_refusal(reader, why.word()), entry),
                    &Occasion::default(),
                )
            }
            Route::Bad(why) => {
                tracing::debug!(client.address = %caller.address, why, "a request was refused");
                self.notice(head, facts, Notice::BadRequest)
            }
        }
    }

    async fn application(
        &self,
        place: &Place,
        head: &mut Parts,
        body: &mut Option<Incoming>,
        caller: &Caller<'_>,
        entry: Option<&Entry<'_>>,
    ) -> Response<Body> {
        let &Caller { client, address, now, mut facts } = caller;
        let mark = self.unmarked(place, head, now);
        let (permit, cookies) = match gate::ask(&self.site.sessions, place, (head, body.as_ref()), caller) {
            Gate::Pass { permit, cookies } => (permit, cookies),
            Gate::SignIn { location } => return respond::page(Page::see_other(&location)),
            Gate::SignInNeeded => return respond::sign_in_needed(),
            Gate::Ended => return Box::pin(self.ended(place, head, body, (caller, mark.as_ref()))).await,
            Gate::Forbidden => return self.forbidden(place, head, caller, entry),
        };
        match mark {
            None => {}
            Some(Mark::Of(origin)) => cross_site::tell_origin(head, &origin),
            Some(Mark::Bad) => return self.notice(head, facts, Notice::CrossSite),
        }
        if let (Some(entry), Some(session)) = (entry, permit.session()) {
            drop(entry.session.set(Arc::clone(session)));
        }
        if facts.tell(Fact::LeadsElsewhere) && permit.session().is_none() {
            facts = headers::cleanse_strangers(&mut head.headers);
        }
        // The permit goes with the request; a page that stands in for the answer says whose session it was.
        let session = permit.session().cloned();
        let (host, host_stands) = self.ports.public_host(place, head);
        let asker = Asker::of(head, facts);
        let about = ClientInfo {
            address,
            host: &host,
            host_stands,
            client,
            facts,
            cookies: &cookies,
            keeps: &place.application.keep_headers,
            now,
        };
        match self.proxy.forward(permit, head, body, &about).await {
            Ok(response) => response.map(Body::from),
            Err(error) => {
                let reader = Reader { application: Some(&place.application.name), address };
                let trace = self.trace_failure(reader, &error);
                if let Some(entry) = entry {
                    entry.trace.set(Some(trace));
                }
                let identity = session.as_ref().map(|session| session.identity());
                let user = identity.as_ref().map(|identity| &*identity.user.name);
                let about = Failed { application: &place.application.name, user, client: address, trace };
                respond::not_forwarded(self.site.look.before(&place.application.name), &asker, &error, &about)
            }
        }
    }

    /// What marks a request as a form of another site that a page of ours has posted once more. One that says itself that it comes from
    /// another site is none.
    fn unmarked(&self, place: &Place, head: &mut Parts, now: Time) -> Option<Mark> {
        let application = &place.application;
        if application.cross_site.is_empty() || !application.takes_foreign_forms(head.uri.path()) {
            return None;
        }
        let may_be_ours = origin::whence(&head.headers, head.uri.authority().map(Authority::as_str)).may_be_ours();
        cross_site::unmark(&self.site.keys, place, head, now).filter(|_| may_be_ours && head.method == Method::POST)
    }

    /// The plain listener: sends browsers of known hosts to https, everybody else nowhere.
    fn redirect<'a>(
        &'a self,
        (head, made): (&Parts, Option<&'a Host>),
        facts: Facts,
        entry: Option<&Entry<'a>>,
    ) -> Response<Body> {
        let route = self.route(head, made, false);
        if let Some(entry) = entry {
            entry.belongs(route.place(), head);
        }
        let Some(host) = route.stand().map(Stand::host) else { return self.notice(head, facts, Notice::UnknownHost) };
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return self.notice(head, facts, Notice::NotAllowed);
        }
        let port = self.ports.usual().map(|port| format!(":{port}")).unwrap_or_default();
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        respond::page(Page::moved(&format!("https://{host}{port}{target}")))
    }

    fn route<'a>(&'a self, head: &Parts, made: Option<&'a Host>, secure: bool) -> Route<'a> {
        if self.ports.are_meant_by(head, secure) {
            self.router.route(head, made)
        } else {
            Route::Bad("the target has another scheme or port")
        }
    }

    /// A head that the server still reads, so that its client is told what helps: mostly a browser whose cookies have grown too many.
    #[cold]
    fn too_long<'a>(&'a self, head: &Parts, facts: Facts, (address, entry): (IpAddr, Option<&Entry<'a>>)) -> Response<Body> {
        tracing::info!(client.address = %address, "a request's header fields were too long and were answered with 431");
        if let Some(entry) = entry {
            entry.belongs(None, head);
        }
        self.notice(head, facts, Notice::HeadTooLarge)
    }

    /// A page may not do this here, whether or not its user is signed in.
    #[cold]
    fn forbidden(&self, place: &Place, head: &Parts, caller: &Caller<'_>, entry: Option<&Entry<'_>>) -> Response<Body> {
        let reader = Reader { application: Some(&place.application.name), address: caller.address };
        let trace = self.trace_refusal(reader, Notice::Forbidden.key());
        let session = gate::session(&self.site.sessions, place, head, caller);
        let identity = session.as_ref().map(|session| session.identity());
        let user = identity.as_ref().map(|identity| &*identity.user.name);
        let on = Occasion { application: &place.application.name, user, ..Occasion::default() };
        self.refuse((head, caller.facts), Notice::Forbidden, (trace, entry), &on)
    }

    /// The same page with a trace id, which the access log has too.
    fn refuse(
        &self,
        (head, facts): (&Parts, Facts),
        notice: Notice,
        (trace, entry): (TraceId, Option<&Entry<'_>>),
        on: &Occasion<'_>,
    ) -> Response<Body> {
        if let Some(entry) = entry {
            entry.trace.set(Some(trace));
        }
        Asker::of(head, facts).told_on(self.site.look.before(on.application), notice, trace, on)
    }

    /// What a certificate authority asks for.
    #[cold]
    async fn challenge<'a>(
        &'a self,
        folder: &AcmeFolder,
        head: &Parts,
        facts: Facts,
        entry: Option<&Entry<'a>>,
    ) -> Response<Body> {
        if let Some(entry) = entry {
            entry.belongs(None, head);
        }
        match folder.answer(&head.method, head.uri.path()).await {
            Challenge::Found(bytes) => respond::page(Page::bytes(bytes)),
            Challenge::NotFound => self.notice(head, facts, Notice::NotFound),
            Challenge::NotAllowed => self.notice(head, facts, Notice::NotAllowed),
            Challenge::Busy => self.notice(head, facts, Notice::Busy),
        }
    }

    fn notice(&self, head: &Parts, facts: Facts, notice: Notice) -> Response<Body> {
        Asker::of(head, facts).told(&self.site.look, notice, None)
    }
}

/// Bytes of a request's fields that are passed on: Kerberos tokens and a site's worth of cookies fit.
const HEAD_MOST: usize = 64 * 1024;

/// Says what the operator can do about it, where that is anything.
fn refused_path(place: Option<&Place>, why: Ambiguous, caller: &Caller<'_>) {
    let address = caller.address;
    match place.zip(why.key()) {
        Some((place, key)) => {
            let application = &*place.application.name;
            tracing::info!(client.address = %address, application, "a request was refused: {why}; `paths.{key} = true` lets such paths through");
        }
        None => tracing::debug!(client.address = %address, "a request was refused: {why}"),
    }
}
