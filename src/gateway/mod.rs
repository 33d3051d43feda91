//! THE HOT PATH: what becomes of one request, told from top to bottom.

mod body;
mod gate;
mod origin;
mod respond;
pub mod route;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue, STRICT_TRANSPORT_SECURITY};
use http::{Method, Request, Response};
use hyper::body::Incoming;

pub use body::Body;
use gate::Gate;
use respond::Asker;
use route::{PageName, Place, Route, Router};

use crate::base::{Clock, Random, TraceId, net};
use crate::proxy::{ClientInfo, Proxy, headers};
use crate::web::{Notice, Page, Site, Visit};

/// One core's gateway: everything a request meets on its way, none of it shared with another core but the sessions.
pub struct Gateway {
    pub router: Arc<Router>,
    pub site: Site,
    pub proxy: Rc<Proxy>,
    pub clock: Clock,
    pub random: Arc<dyn Random>,
    /// Tells browsers to come by https alone for a year (RFC 6797). Off in a trial, whose certificate nobody vouches for.
    pub strict_transport: bool,
    /// The port that the redirect names; none for 443.
    pub https_port: Option<u16>,
}

impl Gateway {
    /// The outer part: always an answer, and a line about it. `peer` is the other end of the connection, which is the true client:
    /// no header of a stranger says anything else. `secure` is false on a listener that only redirects.
    pub async fn handle(&self, request: Request<Incoming>, peer: IpAddr, secure: bool) -> Response<Body> {
        let started = self.clock.now();
        let address = net::plain(peer);
        let asked = tracing::enabled!(tracing::Level::DEBUG).then(|| (request.method().clone(), request.uri().path().to_owned()));
        let mut response = if secure { self.answer(request, address).await } else { self.redirect(&request) };
        if secure && self.strict_transport {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        if let Some((method, path)) = asked {
            let (status, duration_ms) = (response.status().as_u16(), self.clock.now().since(started).as_millis());
            tracing::debug!(%address, %method, path, status, duration_ms, "answered {status}");
        }
        response
    }

    /// The inner part: the story.
    async fn answer(&self, mut request: Request<Incoming>, address: IpAddr) -> Response<Body> {
        headers::cleanse(request.headers_mut());
        match self.router.route(&request) {
            Route::Page(place, page) => respond::page(self.page(place, page, request, address).await),
            Route::Application(place) => self.application(place, request, address).await,
            Route::NotFound(_) => self.notice(&request, Notice::NotFound),
            // The page that says so has a style too.
            Route::UnknownHost => match self.site.look.asset(request.uri().path()) {
                Some(asset) => respond::page(asset),
                None => self.notice(&request, Notice::UnknownHost),
            },
            Route::NotAllowed => self.notice(&request, Notice::NotAllowed),
            Route::Bad(why) => {
                tracing::debug!(client.address = %address, why, "a request was refused");
                self.notice(&request, Notice::BadRequest)
            }
        }
    }

    async fn application(&self, place: &Place, mut request: Request<Incoming>, address: IpAddr) -> Response<Body> {
        let permit = match gate::ask(&self.site.gatekeeper, place, &request, address, self.clock.now()) {
            Gate::Pass(permit) => permit,
            Gate::SignIn { location } => return respond::page(Page::see_other(&location)),
            Gate::SignInNeeded => return respond::sign_in_needed(),
            Gate::Forbidden => return self.notice(&request, Notice::Forbidden),
        };
        let host = public_host(place, &request);
        let asker = Asker::of(&request, &self.site.look);
        request.headers_mut().remove(HOST);
        match self.proxy.forward(permit, request, &ClientInfo { address, host: &host }).await {
            Ok(response) => response.map(Body::from),
            Err(error) => {
                let trace = TraceId::new(self.random.as_ref());
                respond::not_forwarded(&self.site.look, &asker, &error, (&place.application.name, trace))
            }
        }
    }

    async fn page(&self, place: &Place, page: PageName, request: Request<Incoming>, address: IpAddr) -> Page {
        let (parts, incoming) = request.into_parts();
        let visit = Visit {
            application: &place.application.name,
            host: &place.host,
            address,
            query: parts.uri.query(),
            headers: &parts.headers,
        };
        let is_post = parts.method == Method::POST;
        let notice = |notice| self.site.look.notice(visit.language(&self.site.look), notice, None);
        match (page, &parts.method) {
            (PageName::Health, &Method::GET | &Method::HEAD) => Page::text("ok"),
            (PageName::Asset, &Method::GET | &Method::HEAD) => {
                self.site.look.asset(parts.uri.path()).unwrap_or_else(|| notice(Notice::NotFound))
            }
            (PageName::Login, &Method::GET | &Method::HEAD) => self.site.login_form(&visit),
            (PageName::Passcode, &Method::GET | &Method::HEAD) => self.site.passcode_form(&visit).await,
            (PageName::Status, &Method::GET | &Method::HEAD) => self.site.status(&visit).await,
            (PageName::Logout, &Method::GET | &Method::HEAD) => self.site.logout_form(&visit),
            (PageName::Login | PageName::Passcode | PageName::Logout, _) if is_post => {
                if !origin::is_ours(&parts.headers, parts.uri.authority().map(http::uri::Authority::as_str)) {
                    return notice(Notice::Foreign);
                }
                let form = match body::form(parts.headers.get(CONTENT_TYPE), incoming).await {
                    Ok(form) => form,
                    Err(why) => return notice(why),
                };
                match page {
                    PageName::Login => self.site.login(&visit, form).await,
                    PageName::Passcode => self.site.passcode(&visit, form).await,
                    _ => self.site.logout(&visit, &form).await,
                }
            }
            _ => notice(Notice::NotAllowed).with(ALLOW, HeaderValue::from_static("GET, HEAD, POST")),
        }
    }

    /// The plain listener: sends browsers of known hosts to https, everybody else nowhere.
    fn redirect(&self, request: &Request<Incoming>) -> Response<Body> {
        let route = self.router.route(request);
        let (Route::Page(place, _) | Route::Application(place) | Route::NotFound(place)) = route else {
            return self.notice(request, Notice::UnknownHost);
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.notice(request, Notice::NotAllowed);
        }
        let port = self.https_port.map(|port| format!(":{port}")).unwrap_or_default();
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let host = if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.to_string() };
        respond::page(Page::moved(&format!("https://{host}{port}{target}")))
    }

    fn notice<B>(&self, request: &Request<B>, notice: Notice) -> Response<Body> {
        Asker::of(request, &self.site.look).told(&self.site.look, notice, None)
    }
}

/// The public host in its one spelling, with the port that the client wrote: what the application builds its links from.
fn public_host<B>(place: &Place, request: &Request<B>) -> HeaderValue {
    let written = request.uri().authority().map(http::uri::Authority::as_str);
    let written = written.or_else(|| request.headers().get(HOST).and_then(|host| host.to_str().ok())).unwrap_or_default();
    let port = written.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = match port {
        Some(port) => HeaderValue::from_str(&format!("{}:{port}", place.host)),
        None => HeaderValue::from_str(&place.host),
    };
    host.unwrap_or_else(|_| HeaderValue::from_static(""))
}
