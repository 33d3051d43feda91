//! Whether a client takes a compressed answer: its `Accept-Encoding` (RFC 9110 section 12.5.3).

use http::header::{ACCEPT_ENCODING, HeaderMap};

/// Whether gzip may be sent: it is named with a weight above zero, or not named and covered by a star. A weight that cannot be read is zero,
/// since every client takes what is not compressed.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|field| field.to_str().ok());
    let (mut named, mut star) = (None, None);
    for (coding, takes) in fields.flat_map(|field| field.split(',')).map(element) {
        let known = match coding {
            _ if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => &mut named,
            "*" => &mut star,
            _ => continue,
        };
        *known = Some(takes && known.unwrap_or(true));
    }
    named.or(star).unwrap_or(false)
}

/// A coding and whether its weight is above zero.
fn element(text: &str) -> (&str, bool) {
    let Some((coding, weight)) = text.split_once(';') else { return (text.trim(), true) };
    let weight = weight.trim();
    let weight = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="));
    let takes = weight.and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight > 0.0 && weight <= 1.0);
    (coding.trim(), takes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_where_it_is_wanted() {
        let table: &[(&[&str], bool)] = &[
            (&["gzip, deflate, br, zstd"], true),
            (&["br;q=1.0, GZip;q=0.001"], true),
            (&["br", "gzip"], true),
            (&["x-gzip"], true),
            (&["*"], true),
            (&["identity;q=0, *;q=0.5"], true),
            (&["gzip ; q=0.5"], true),
            (&[], false),
            (&[""], false),
            (&["identity"], false),
            (&["br, deflate"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000, *"], false),
            (&["*;q=0"], false),
            (&["gzip, gzip;q=0"], false),
            (&["gzip;q=x"], false),
            (&["gzip;q=-1"], false),
            (&["gzip;q=NaN"], false),
            (&["gzip;level=9"], false),
            (&["gzipped"], false),
        ];
        for (fields, expected) in table {
            let headers: HeaderMap = fields.iter().map(|field| (ACCEPT_ENCODING, field.parse().unwrap())).collect();
            assert_eq!(takes_gzip(&headers), *expected, "{fields:?}");
        }
    }
}
