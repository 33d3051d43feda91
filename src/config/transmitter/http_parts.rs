//! The single keys of an HTTP gateway: its address, its headers, how it knows us.

use toml::de::DeValue;

use super::encoder::Encoder;
use super::template::Template;
use crate::base::net;
use crate::config::document::{Field, Section, scalar};

/// How we show who we are, besides what the templates hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Auth {
    #[default]
    None,
    /// `user` and `password` (RFC 7617).
    Basic,
    /// `api_key` (RFC 6750).
    Bearer,
    /// `api_key` as it is, in this header.
    Header(String),
    /// HMAC-SHA-256 of the body under `api_secret`, in this header, in hexadecimal behind the prefix.
    Hmac { header: String, prefix: String },
}

pub(in crate::config) const CONTENT_TYPES: [(&str, Encoder); 5] = [
    ("application/json", Encoder::Json),
    ("application/x-www-form-urlencoded", Encoder::Url),
    ("text/xml", Encoder::Xml),
    ("application/xml", Encoder::Xml),
    ("text/plain", Encoder::Raw),
];

/// By the type alone, or by its suffix (RFC 6839: `application/soap+xml`); parameters like `; charset=utf-8` may follow. Nothing where it
/// could not stand in a header.
pub(in crate::config) fn encoder(content_type: &str) -> Option<Encoder> {
    http::HeaderValue::from_str(content_type).ok()?;
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = CONTENT_TYPES.iter().find(|(name, _)| *name == kind).map(|(_, encoder)| *encoder);
    let suffix = || match kind.rsplit_once('+')?.1 {
        "json" => Some(Encoder::Json),
        "xml" => Some(Encoder::Xml),
        _ => None,
    };
    known.or_else(suffix)
}

/// The character set that a content type names, in lower case: one parameter among others (RFC 9110, 8.3.1).
pub(in crate::config) fn charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim_matches([' ', '"', '\'']).to_ascii_lowercase())
}

pub(in crate::config) fn template(field: Field<'_>, text: &str) -> Option<Template> {
    Template::parse(text).map_err(|why| field.problem(format!("`{}`: {why}", field.key))).ok()
}

/// The scheme and host must be written out: no message may choose where it is sent to.
pub(in crate::config) fn url(field: Field<'_>, text: &str) -> Option<Template> {
    let template = template(field, text)?;
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let server = authority.and_then(|authority| {
        let end = text.find("://")? + 3 + authority.len();
        scalar::server(text.get(..end)?, &["https", "http"])
    });
    let fits = |conditions| template.filled("0", conditions).parse::<http::Uri>().is_ok();
    let Some((scheme, host, _)) = server.filter(|_| fits(true) && fits(false) && !has_fragment(&template)) else {
        field.problem("`url`: expected https://host[:port]/path, with placeholders only after the host");
        return None;
    };
    if scheme == "http" && !scalar::is_loopback(host) {
        field.problem("`url`: http:// would send passcodes unencrypted; it is allowed on loopback only");
    }
    if host.parse().is_ok_and(net::is_no_server) {
        field.problem("`url`: no gateway has this address; some machines keep their secrets there");
    }
    Some(template)
}

fn has_fragment(template: &Template) -> bool {
    template.filled("0", true).contains('#') || template.filled("0", false).contains('#')
}

/// `"basic"`, `"bearer"`, `{ header = "X-Key" }` or `{ hmac = "X-Signature", prefix = "sha256=" }`.
pub(in crate::config) fn auth(field: Field<'_>) -> Option<Auth> {
    if !matches!(field.value.get_ref(), DeValue::Table(_)) {
        return field.choice(&[("none", 0), ("basic", 1), ("bearer", 2)], &[]).map(|word| match word {
            1 => Auth::Basic,
            2 => Auth::Bearer,
            _ => Auth::None,
        });
    }
    let table = field.section()?;
    let (header, hmac, prefix) = (table.optional("header"), table.optional("hmac"), table.optional("prefix"));
    let name = |field: Field<'_>| {
        let name = field.text()?;
        let fits = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !fits {
            field.problem(format!("`{name}` is not a header name"));
        }
        fits.then(|| name.to_owned())
    };
    let read = match (header, hmac) {
        (Some(header), None) => name(header).map(Auth::Header),
        (None, Some(hmac)) => {
            let prefix = prefix.and_then(Field::text).unwrap_or_default().to_owned();
            name(hmac).map(|header| Auth::Hmac { header, prefix })
        }
        _ => {
            field.problem("`auth`: give either `header` or `hmac`");
            None
        }
    };
    table.finish();
    read
}

pub(in crate::config) fn headers(table: &Section<'_>) -> Vec<(String, Template)> {
    let entry = |field: Field<'_>| {
        let text = field.text()?;
        if http::HeaderName::from_bytes(field.key.as_bytes()).is_err() {
            field.key_problem(format!("`{}` is not a header name", field.key.escape_debug()));
            return None;
        }
        let managed = ["content-type", "content-length", "transfer-encoding", "host", "connection"];
        if managed.iter().any(|name| name.eq_ignore_ascii_case(field.key)) {
            field.key_problem(format!("the header `{}` is made from `url`, `body` and `content_type`", field.key));
            return None;
        }
        if field.key.eq_ignore_ascii_case("accept-encoding") && !text.eq_ignore_ascii_case("identity") {
            field.key_problem("the header `Accept-Encoding` is `identity`: a compressed answer cannot be read");
            return None;
        }
        Some((field.key.to_owned(), template(field, text)?))
    };
    table.entries().into_iter().filter_map(entry).collect()
}
