//! Which coding a client takes: what it refuses is refused wherever it says so, and the fields are one list.

use doorward::web::encoding::takes_gzip;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

/// The fields of a request: a line each.
pub fn holds(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').filter(|line| HeaderValue::from_bytes(line).is_ok()).collect();
    let takes = |lines: &[&[u8]]| {
        let fields = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
        takes_gzip(&fields.map(|field| (ACCEPT_ENCODING, field)).collect::<HeaderMap>())
    };
    let found = takes(&lines);
    let text = String::from_utf8_lossy(data).to_ascii_lowercase();
    assert!(!found || text.contains("gzip") || text.contains('*'), "nobody asked for it: {text:?}");

    let refused = |lines: Vec<&[u8]>| assert!(!takes(&lines), "refused, and sent: {text:?}");
    refused([&[&b"gzip;q=0"[..]], &lines[..]].concat());
    refused([&lines[..], &[&b"br, gzip;q=0.000"[..]]].concat());
    let readable: Vec<&[u8]> =
        lines.into_iter().filter(|line| HeaderValue::from_bytes(line).is_ok_and(|field| field.to_str().is_ok())).collect();
    assert_eq!(takes(&[&readable.join(&b","[..])]), found, "several fields are one list");
    let turned: Vec<&[u8]> = readable.iter().rev().copied().collect();
    assert_eq!(takes(&turned), found, "the order says nothing");
    if !text.contains("gzip") {
        assert!(takes(&[&readable[..], &[&b"gzip"[..]]].concat()), "named, it goes before a star");
    }
}
