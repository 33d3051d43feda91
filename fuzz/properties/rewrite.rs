//! Names in headers: what was rewritten leads a browser from exactly one side's name to the other's and nowhere else, and what names
//! neither side stays byte for byte.

use doorward::proxy::rewrite::Names;
use http::header::{CONTENT_LOCATION, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, ORIGIN, REFERER, REFRESH, SET_COOKIE};
use url::Url;

const INNER: &str = "inner.example";
const PUBLIC: HeaderValue = HeaderValue::from_static("mail.example.com:8443");

/// Each line is the value of every field there is.
pub fn holds(data: &[u8]) {
    let names = Names::new(INNER, [(false, 8080)].into_iter()).expect("a host");
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line.trim_ascii()) else { continue };
        answer(&names, &value);
        request(&names, &value);
    }
    if let Some(odd) = std::str::from_utf8(data).ok().and_then(|host| Names::new(host, std::iter::empty())) {
        let mut headers = HeaderMap::from_iter([(LOCATION, PUBLIC)]);
        odd.to_client(&mut headers, &PUBLIC);
        odd.to_upstream(&mut headers, &PUBLIC);
    }
}

fn answer(names: &Names, value: &HeaderValue) {
    let fields = [LOCATION, CONTENT_LOCATION, REFRESH, SET_COOKIE, HeaderName::from_static("x-other")];
    let mut headers: HeaderMap = fields.iter().map(|name| (name.clone(), value.clone())).collect();
    names.to_client(&mut headers, &PUBLIC);
    assert_eq!(headers.len(), fields.len());
    assert_eq!(headers["x-other"], value);
    for name in [LOCATION, CONTENT_LOCATION] {
        if headers[&name] != *value {
            let (was, is) = (target(value), target(&headers[&name]));
            assert_eq!(was.host_str().map(|host| host.trim_end_matches('.')), Some(INNER), "{value:?}");
            assert_eq!((is.scheme(), is.host_str(), is.port()), ("https", Some("mail.example.com"), Some(8443)), "{value:?}");
            assert_eq!((was.path(), was.query(), was.fragment()), (is.path(), is.query(), is.fragment()), "{value:?}");
            assert!(is.username().is_empty() && is.password().is_none(), "{value:?}");
        }
    }
    if headers[REFRESH] != *value {
        let text = String::from_utf8_lossy(headers[REFRESH].as_bytes()).into_owned();
        assert!(text.contains("//mail.example.com:8443"), "{value:?}");
    }
    if headers[SET_COOKIE] != *value {
        let pieces = |value: &HeaderValue| value.as_bytes().split(|byte| *byte == b';').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (was, is) = (pieces(value), pieces(&headers[SET_COOKIE]));
        assert_eq!(was[0], is[0], "the cookie itself stays: {value:?}");
        let kept = was.into_iter().filter(|piece| !piece.trim_ascii_start().to_ascii_lowercase().starts_with(b"domain"));
        let others: Vec<_> =
            is.iter().filter(|piece| !piece.trim_ascii_start().to_ascii_lowercase().starts_with(b"domain")).collect();
        assert!(kept.eq(others.into_iter().cloned()), "every other attribute stays: {value:?}");
    }
}

fn request(names: &Names, value: &HeaderValue) {
    let destination = HeaderName::from_static("destination");
    let mut headers: HeaderMap = [ORIGIN, REFERER, destination.clone()].into_iter().map(|name| (name, value.clone())).collect();
    names.to_upstream(&mut headers, &PUBLIC);
    assert_eq!(headers[HOST], INNER);
    for name in [ORIGIN, REFERER, destination] {
        let found = headers.get(&name);
        if found == Some(value) {
            continue;
        }
        let was = target(value);
        match found.filter(|found| *found != "null") {
            // Not told: it was the application's own name.
            None => assert_eq!(was.host_str().map(|host| host.trim_end_matches('.')), Some(INNER), "{value:?}"),
            Some(found) => {
                let is = target(found);
                let origin = (was.scheme(), was.host_str().map(|host| host.trim_end_matches('.')), was.port());
                assert_eq!(origin, ("https", Some("mail.example.com"), Some(8443)), "{value:?}");
                assert_eq!((is.scheme(), is.host_str(), is.port()), ("http", Some(INNER), None), "{value:?}");
                assert_eq!((was.path(), was.query()), (is.path(), is.query()), "{value:?}");
            }
        }
    }
}

/// Where a browser on the public site would go.
fn target(value: &HeaderValue) -> Url {
    let base = Url::parse("https://mail.example.com:8443/a/b").expect("a URL");
    base.join(&String::from_utf8_lossy(value.as_bytes())).expect("what is rewritten is a URL")
}
