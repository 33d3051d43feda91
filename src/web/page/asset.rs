//! What our pages load: built in, and served under names that change with their content, so that a browser may keep them for good.
//!
//! Assets are the only thing of ours that is compressed, once, when they are made: they are few and never change, and a stranger who asks
//! for them again and again must not cost more than sending them. Pages are never compressed: they hold a secret field beside what the
//! request said, and their length would tell about it (BREACH).

use std::convert::Infallible;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use super::{Hosts, PageRoute};
use crate::web::{Look, Notice, Page, encoding};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "assets/",
    on: Hosts::Everywhere,
    get: Some(|site, visit| {
        let found = site.look.asset(visit.path, visit.headers);
        Box::pin(async move { found.unwrap_or_else(|| site.look.notice(visit.language(&site.look), Notice::NotFound, None)) })
    }),
    post: None,
    most_bytes: 0,
}];

/// Something that pages load, and the path that names its content: `/.doorward/assets/page.5d41402abc4b2a76.css`.
#[derive(Clone, Debug)]
pub struct Asset {
    pub url: String,
    name: String,
    content_type: &'static str,
    bytes: Bytes,
    /// The same for those who take gzip; nothing where it would not be smaller.
    gzip: Option<Bytes>,
}

impl Asset {
    /// `name` has one dot: `page.css`.
    pub fn new(name: &str, content_type: &'static str, bytes: Bytes) -> Self {
        let (stem, extension) = name.split_once('.').unwrap_or((name, "bin"));
        let hash = data_encoding::HEXLOWER.encode(digest(&SHA256, &bytes).as_ref().get(..8).unwrap_or_default());
        Self {
            url: format!("{FOLDER}{stem}.{hash}.{extension}"),
            name: name.to_owned(),
            content_type,
            gzip: gzip(content_type, &bytes),
            bytes,
        }
    }

    /// The answer to a request with these headers.
    pub fn page(&self, asked: &HeaderMap) -> Page {
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            // A picture that is opened by itself is a document of our origin: an SVG must not run a script there.
            (
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"),
            ),
        ];
        let mut body = &self.bytes;
        if let Some(gzip) = &self.gzip {
            headers.push((VARY, HeaderValue::from_static("accept-encoding")));
            if encoding::takes_gzip(asked) {
                headers.push((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
                body = gzip;
            }
        }
        Page { status: StatusCode::OK, headers, body: body.clone() }
    }
}

/// Text in gzip as tower-http makes it, which leaves pictures alone that are compressed already. Everything is in memory, so nothing waits.
fn gzip(content_type: &'static str, bytes: &Bytes) -> Option<Bytes> {
    let answer = || {
        let mut response = Response::new(Full::new(bytes.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        async { Ok::<_, Infallible>(response) }
    };
    let request = Request::builder().header(ACCEPT_ENCODING, "gzip").body(()).ok()?;
    let layer = CompressionLayer::new().quality(CompressionLevel::Best);
    let response = ServiceBuilder::new().layer(layer).service_fn(|_| answer()).oneshot(request).now_or_never()?.ok()?;
    if !response.headers().contains_key(CONTENT_ENCODING) {
        return None;
    }
    let smaller = response.into_body().collect().now_or_never()?.ok()?.to_bytes();
    (smaller.len() < bytes.len()).then_some(smaller)
}

/// The operator's picture: SVG or PNG.
#[derive(Clone, Debug)]
pub struct Logo(pub(in crate::web) Asset);

impl Logo {
    /// Tells the kind by the content; nothing if it is neither SVG nor PNG, or larger than 256 KiB.
    pub fn from_bytes(bytes: Bytes) -> Option<Self> {
        let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n");
        let is_svg = std::str::from_utf8(&bytes).is_ok_and(|text| text.trim_start().starts_with('<') && text.contains("<svg"));
        let (name, content_type) = match (is_png, is_svg) {
            (true, _) => ("logo.png", "image/png"),
            (_, true) => ("logo.svg", "image/svg+xml"),
            _ => return None,
        };
        (bytes.len() <= 256 * 1024).then(|| Self(Asset::new(name, content_type, bytes)))
    }
}

impl Look {
    /// What stands at a path under [`FOLDER`]: a built-in asset or a logo.
    pub fn asset(&self, path: &str, asked: &HeaderMap) -> Option<Page> {
        let logo = self.logos().find(|logo| logo.url == path);
        logo.or_else(|| find(path)).map(|asset| asset.page(asked))
    }
}

/// The asset that stands at this path; nothing under an old or made-up name.
fn find(path: &str) -> Option<&'static Asset> {
    BUILT_IN.iter().find(|asset| asset.url == path)
}

/// Where a built-in asset stands: `page.css`, `page.js`, `icon.svg`. Empty for any other name.
pub fn url(name: &str) -> &'static str {
    BUILT_IN.iter().find(|asset| asset.name == name).map(|asset| asset.url.as_str()).unwrap_or_default()
}

pub const FOLDER: &str = "/.doorward/assets/";

static BUILT_IN: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("page.css", "text/css; charset=utf-8", Bytes::from_static(include_bytes!("../../../static/page.css"))),
        Asset::new("page.js", "text/javascript; charset=utf-8", Bytes::from_static(include_bytes!("../../../static/page.js"))),
        Asset::new("icon.svg", "image/svg+xml", Bytes::from_static(include_bytes!("../../../static/icon.svg"))),
    ]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_under_its_current_name_alone() {
        let url = url("page.css");
        assert_eq!(url.len(), "/.doorward/assets/page.0123456789abcdef.css".len());
        let page = find(url).expect("is there").page(&HeaderMap::new());
        let headers: http::HeaderMap = page.headers.into_iter().collect();
        assert_eq!(headers[CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        for other in ["/.doorward/assets/page.css", "/.doorward/assets/page.0123456789abcdef.css", "/.doorward/assets/", ""] {
            assert!(find(other).is_none(), "{other}");
        }
    }

    #[test]
    fn another_content_has_another_name() {
        let one = Asset::new("logo.svg", "image/svg+xml", Bytes::from_static(b"one"));
        let two = Asset::new("logo.svg", "image/svg+xml", Bytes::from_static(b"two"));
        assert_ne!(one.url, two.url);
    }
    #[test]
    fn an_asset_is_compressed_where_that_makes_it_smaller() {
        let asked: HeaderMap = [(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))].into_iter().collect();
        let headers = |page: &Page| page.headers.iter().cloned().collect::<HeaderMap>();
        for name in ["page.css", "page.js"] {
            let asset = find(url(name)).unwrap();
            let (plain, small) = (asset.page(&HeaderMap::new()), asset.page(&asked));
            assert!(small.body.len() * 2 < plain.body.len(), "{name}: {} of {}", small.body.len(), plain.body.len());
            for page in [&plain, &small] {
                assert_eq!(headers(page)[VARY], "accept-encoding", "{name}");
            }
            assert!(!headers(&plain).contains_key(CONTENT_ENCODING));
            assert_eq!(headers(&small)[CONTENT_ENCODING], "gzip");
        }
        for (content_type, bytes) in [("image/png", Bytes::from(vec![7; 4096])), ("text/css", Bytes::from_static(b"a{}"))] {
            let page = Asset::new("a.b", content_type, bytes.clone()).page(&asked);
            assert_eq!(page.body, bytes);
            assert!(!headers(&page).contains_key(VARY) && !headers(&page).contains_key(CONTENT_ENCODING), "{content_type}");
        }
    }
}
