//! Forwarding fields: whatever stands left of what a trusted proxy adds changes nothing, and nothing but an address is an answer.

use std::net::IpAddr;

use doorward::config::trusted::{Source, Trusted};
use doorward::gateway::client::address;
use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

/// The fields of a request: a line each.
pub fn holds(data: &[u8]) {
    let peer: IpAddr = [10, 0, 0, 1].into();
    let client: IpAddr = [192, 0, 2, 7].into();
    let field_of_ours = HeaderName::from_static("x-forwarded-for");
    for (source, field, added) in [
        (Source::XForwardedFor, field_of_ours, &["192.0.2.7", "[::ffff:192.0.2.7]:80, 10.0.0.2"][..]),
        (Source::Forwarded, FORWARDED, &["for=192.0.2.7", "proto=https;For=\"192.0.2.7:_x\";host=\"a,\\\"b\" , for=10.0.0.2"]),
    ] {
        let networks = ["10.0.0.0/8", "2001:db8::/32"].map(|network| network.parse().expect("a network"));
        let trusted = Trusted::new(source, networks.to_vec()).expect("networks");
        let fields = |lines: &[Vec<u8>]| -> HeaderMap {
            let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
            values.map(|value| (field.clone(), value)).collect()
        };
        let given: Vec<Vec<u8>> = data.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let told = address(&trusted, &fields(&given), peer);
        assert_eq!(told, told.to_canonical(), "in its plain form");
        for added in added {
            let behind = [&given[..], &[added.as_bytes().to_vec()]].concat();
            assert_eq!(address(&trusted, &fields(&behind), peer), client, "a field of its own: {added}");
            let mut joined = given.clone();
            if let Some(last) = joined.last_mut().filter(|last| HeaderValue::from_bytes(last).is_ok()) {
                last.extend_from_slice(format!(", {added}").as_bytes());
                assert_eq!(address(&trusted, &fields(&joined), peer), client, "in the last field: {added}");
            }
        }
    }
}
