//! A request without a body as it was sent over HTTP/1.1, read back in order to be sent once more. Only ever of bytes that we wrote
//! ourselves; what does not look like them is not sent.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Uri};

/// Nothing if this is not one whole request that ends with its head.
pub(super) fn read_back(sent: &[u8]) -> Option<Request<()>> {
    let head = sent.strip_suffix(b"\r\n\r\n")?;
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut first = lines.next()?.split(|byte| *byte == b' ');
    let (method, target, version) = (first.next()?, first.next()?, first.next()?);
    if version != b"HTTP/1.1" || first.next().is_some() {
        return None;
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method).ok()?;
    *request.uri_mut() = Uri::from_maybe_shared(Bytes::copy_from_slice(target)).ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    let has_length = request.headers().get_all(CONTENT_LENGTH).iter().any(|length| length != "0");
    (!has_length && !request.headers().contains_key(TRANSFER_ENCODING)).then_some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let sent = b"GET /a%20b?c HTTP/1.1\r\nHost: app.example\r\naccept: a\r\naccept: b:c\r\nx-latin: \xe6\r\n\r\n";
        let request = read_back(sent).unwrap();
        assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("GET", "/a%20b?c"));
        let fields: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected: [(&str, &[u8]); 4] = [("host", b"app.example"), ("accept", b"a"), ("accept", b"b:c"), ("x-latin", b"\xe6")];
        assert_eq!(fields, expected);
        assert!(read_back(b"GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n").is_some());
    }

    #[test]
    fn what_is_not_whole_or_has_a_body_is_not_read_back() {
        let table: [&[u8]; 8] = [
            b"",
            b"GET / HTTP/1.1\r\nhost: a\r\n",
            b"GET / HTTP/1.1\r\nhost: a\r\n\r\nbody",
            b"GET / HTTP/1.1\r\ncontent-length: 4\r\n\r\n",
            b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
            b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost\r\n\r\n",
        ];
        for sent in table {
            assert!(read_back(sent).is_none(), "{}", sent.escape_ascii());
        }
    }
}
