//! What our pages load: built in, and served under names that change with their content, so that a browser may keep them for good.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use super::{Hosts, PageRoute};
use crate::web::{Look, Notice, Page};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "assets/",
    on: Hosts::Everywhere,
    get: Some(|site, visit| {
        let found = site.look.asset(visit.path);
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
}

impl Asset {
    /// `name` has one dot: `page.css`.
    pub fn new(name: &str, content_type: &'static str, bytes: Bytes) -> Self {
        let (stem, extension) = name.split_once('.').unwrap_or((name, "bin"));
        let hash = data_encoding::HEXLOWER.encode(digest(&SHA256, &bytes).as_ref().get(..8).unwrap_or_default());
        Self { url: format!("{FOLDER}{stem}.{hash}.{extension}"), name: name.to_owned(), content_type, bytes }
    }

    pub fn page(&self) -> Page {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            // A picture that is opened by itself is a document of our origin: an SVG must not run a script there.
            (
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"),
            ),
        ];
        Page { status: StatusCode::OK, headers, body: self.bytes.clone() }
    }
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
    /// What stands at a path under [`FOLDER`]: a built-in asset or the logo.
    pub fn asset(&self, path: &str) -> Option<Page> {
        self.logo.as_ref().filter(|logo| logo.url == path).map(Asset::page).or_else(|| find(path))
    }
}

/// The asset that stands at this path; nothing under an old or made-up name.
fn find(path: &str) -> Option<Page> {
    BUILT_IN.iter().find(|asset| asset.url == path).map(Asset::page)
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
        let page = find(url).expect("is there");
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
}
