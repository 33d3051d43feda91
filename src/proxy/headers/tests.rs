//! Which header fields pass, tried by tables.

use super::super::cookies::Jar;
use super::*;
use crate::directory::User;

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn sent(fields: &[(&str, &str)], upgrade: Option<&HeaderValue>) -> HeaderMap {
    let host = HeaderValue::from_static("mail.example.com");
    let mut headers = map(fields);
    let client = ClientInfo {
        address: "192.0.2.7".parse().unwrap(),
        host: &host,
        host_stands: headers.get("host") == Some(&host),
        client: &Rc::default(),
        facts: Facts::of(&headers),
        cookies: &Jar::of(&headers, "").rest,
        keeps: &KeptHeaders::default(),
        now: Time::default(),
    };
    for_upstream(&mut headers, &client, Outward { signed_on: None, upgrade, via: true, is_stream: false });
    headers
}

#[test]
fn identity_headers_of_strangers_are_dropped_in_any_spelling() {
    let forged = [
        "X-Forwarded-User",
        "x_forwarded_user",
        "X-Forwarded_Groups",
        "x_FORWARDED-For",
        "x.forwarded.for",
        "Forwarded",
        "X-Real-IP",
        "x_real_ip",
        "Remote-User",
        "REMOTE_USER",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "Proxy",
        "Content_Length",
        "Transfer_Encoding",
        "Cookie_",
        "x_mine",
        "$WSRU",
    ];
    for name in forged {
        let mut headers = map(&[(name, "x"), ("accept", "*/*")]);
        assert!(Facts::of(&headers).tell(Fact::Forged), "{name}");
        cleanse(&mut headers, |_| false);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept"], "{name}");
    }
}

#[test]
fn several_values_of_one_name_survive_and_vanish_together() {
    let mut headers = map(&[("accept", "a"), ("x-forwarded-for", "1"), ("accept", "b"), ("x-forwarded-for", "2")]);
    cleanse(&mut headers, |_| false);
    assert_eq!(headers, map(&[("accept", "a"), ("accept", "b")]));
}

#[test]
fn the_application_is_told_one_host() {
    for given in [&["mail.example.com"][..], &["evil.example"], &["mail.example.com", "evil.example"], &[]] {
        let fields: Vec<_> = given.iter().map(|host| ("host", *host)).collect();
        let headers = sent(&fields, None);
        assert!(headers.get_all("host").iter().eq(["mail.example.com"]), "{given:?}");
    }
}

#[test]
fn hop_by_hop_fields_end_here_and_hostile_lists_change_nothing() {
    let headers = sent(
        &[
            ("connection", "close, X-Mine, Cookie, Host, Content-Length"),
            ("connection", "x-forwarded-for, authorization, VIA, origin"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("proxy-authorization", "basic x"),
            ("te", "trailers, deflate"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("expect", "100-continue"),
            ("cookie", "a=1"),
            ("content-length", "3"),
            ("authorization", "Basic y"),
            ("origin", "https://mail.example.com"),
            ("host", "evil.example"),
            ("via", "1.1 other"),
        ],
        None,
    );
    let expected = map(&[
        ("host", "mail.example.com"),
        ("content-length", "3"),
        ("authorization", "Basic y"),
        ("origin", "https://mail.example.com"),
        ("cookie", "a=1"),
        ("te", "trailers"),
        ("connection", "TE"),
        ("via", "1.1 other"),
        ("via", "1.1 doorward"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mail.example.com"),
    ]);
    assert_eq!(headers, expected);
}

#[test]
fn only_what_is_on_the_list_is_asked_for_and_never_h2c() {
    let allowed = ["websocket", "ssh/2", "h2c"].map(HeaderValue::from_static);
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
    let table: [Case<'_>; 11] = [
        (&[("connection", "Upgrade"), ("upgrade", "websocket")], Some("websocket")),
        (&[("connection", "keep-alive, upgrade"), ("upgrade", "WebSocket")], Some("websocket")),
        (&[("connection", "close"), ("connection", "UPGRADE"), ("upgrade", "SSH/2")], Some("ssh/2")),
        (&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c")], None),
        (&[("connection", "Upgrade"), ("upgrade", "H2C")], None),
        (&[("connection", "Upgrade"), ("upgrade", "websocket, h2c")], None),
        (&[("connection", "Upgrade"), ("upgrade", "websocket"), ("upgrade", "websocket")], None),
        (&[("connection", "Upgrade"), ("upgrade", "tls/1.0")], None),
        (&[("connection", "Upgrade"), ("upgrade", "")], None),
        (&[("connection", "Upgrade")], None),
        (&[("connection", "close"), ("upgrade", "websocket")], None),
    ];
    for (fields, expected) in table {
        let headers = map(fields);
        let asked = asked_upgrade(&headers, Facts::of(&headers), &allowed);
        assert_eq!(asked.map(|token| token.to_str().unwrap()), expected, "{fields:?}");
    }
    let websocket = HeaderValue::from_static("websocket");
    let headers = sent(&[("connection", "upgrade"), ("upgrade", "x"), ("sec-websocket-key", "k")], Some(&websocket));
    assert_eq!((headers["connection"].as_bytes(), headers["upgrade"].as_bytes()), (&b"Upgrade"[..], &b"websocket"[..]));
    assert_eq!(headers["sec-websocket-key"], "k");
}

#[test]
fn an_application_may_switch_to_nothing_but_what_it_was_asked_for() {
    let asked = HeaderValue::from_static("websocket");
    let table: [(&[&str], bool); 6] = [
        (&["websocket"], true),
        (&["WebSocket"], true),
        (&["h2c"], false),
        (&["websocket, h2c"], false),
        (&["websocket", "h2c"], false),
        (&[], false),
    ];
    for (given, expected) in table {
        let fields: Vec<_> = given.iter().map(|token| ("upgrade", *token)).collect();
        assert_eq!(is_switch_to(&map(&fields), &asked), expected, "{given:?}");
    }
}

#[test]
fn credentials_that_sign_on_a_connection_are_recognised() {
    for (value, expected) in [
        ("NTLM TlRMTVNTUAAB", true),
        ("negotiate YII", true),
        ("Basic realm=\"x\", NTLM", true),
        ("Basic bnRsbQ==", false),
        ("Bearer negotiated", false),
    ] {
        let (request, answer) = (map(&[("authorization", value)]), map(&[("www-authenticate", value)]));
        assert_eq!(binds_connection(&request, Facts::of(&request)), expected, "{value}");
        assert_eq!(offers_binding(&answer, Facts::of(&answer)), expected, "{value}");
    }
}

#[test]
fn only_chunked_is_a_known_transfer_coding() {
    let table: [(&[&str], bool); 6] = [
        (&[], true),
        (&["chunked"], true),
        (&["Chunked"], true),
        (&["gzip, chunked"], false),
        (&["chunked", "chunked"], false),
        (&["identity"], false),
    ];
    for (codings, expected) in table {
        let fields: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
        assert_eq!(!Facts::of(&map(&fields)).tell(Fact::UnknownCoding), expected, "{codings:?}");
    }
}

#[test]
fn an_answer_loses_what_must_not_reach_the_browser() {
    let given = [
        ("connection", "keep-alive, x-inner, content-security-policy"),
        ("x-inner", "1"),
        ("content-security-policy", "default-src 'self'"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("alt-svc", "h3"),
        ("strict-transport-security", "max-age=1"),
        ("service-worker-allowed", "/"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "__HOST-doorward=evil; Path=/; Secure"),
        ("set-cookie", "b=2"),
    ];
    let kept = [("content-security-policy", "default-src 'self'"), ("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2")];
    let received = |service_worker| {
        let mut headers = map(&given);
        let facts = Facts::of(&headers);
        from_upstream(&mut headers, facts, service_worker, None);
        headers
    };
    assert_eq!(received(false), map(&kept));
    assert!(received(true).contains_key("service-worker-allowed"));
}

#[test]
fn a_user_is_introduced_in_three_fields() {
    let mut headers = HeaderMap::new();
    let user = User { mail: Some("alice@example.com".into()), groups: vec!["Sales team".into()], ..User::bare("alice") };
    introduce(&mut headers, &IdentityHeaders::of(&user));
    let expected =
        [("x-forwarded-user", "alice"), ("x-forwarded-email", "alice@example.com"), ("x-forwarded-groups", "Sales team")];
    assert_eq!(headers, map(&expected));
    introduce(&mut headers, &IdentityHeaders::of(&User::bare("bob")));
    assert_eq!(headers["x-forwarded-user"], "bob");
}

#[test]
fn te_is_named_by_its_connection_and_via_is_as_the_operator_says() {
    let websocket = HeaderValue::from_static("websocket");
    let host = HeaderValue::from_static("mail.example.com");
    type Row<'a> = (Option<&'a HeaderValue>, bool, bool, Option<&'a str>, &'a [&'a str]);
    let table: &[Row<'_>] = &[
        (None, false, true, Some("TE"), &["1.1 other", "1.1 doorward"]),
        (Some(&websocket), false, true, Some("Upgrade, TE"), &["1.1 other", "1.1 doorward"]),
        (None, true, true, None, &["1.1 other", "1.1 doorward"]),
        (None, false, false, Some("TE"), &[]),
    ];
    for (upgrade, is_stream, via, connection, told) in table {
        let mut headers = map(&[("te", "trailers"), ("via", "1.1 other")]);
        let client = ClientInfo {
            address: "192.0.2.7".parse().unwrap(),
            host: &host,
            host_stands: false,
            client: &Rc::default(),
            facts: Facts::of(&headers),
            cookies: &Jar::of(&headers, "").rest,
            keeps: &KeptHeaders::default(),
            now: Time::default(),
        };
        for_upstream(&mut headers, &client, Outward { signed_on: None, upgrade: *upgrade, via: *via, is_stream: *is_stream });
        assert_eq!(headers.get("te").unwrap(), "trailers");
        assert_eq!(headers.get("connection").map(|value| value.to_str().unwrap()), *connection);
        assert!(headers.get_all("via").iter().eq(*told), "{headers:?}");
    }
}

#[test]
fn a_server_says_how_long_it_keeps_a_connection() {
    let table = [
        ("timeout=5, max=100", Some(5)),
        ("max=100,Timeout = 2", Some(2)),
        ("timeout=\"3\"", Some(3)),
        ("timeout=x", None),
        ("timeout", None),
        ("max=1", None),
        ("", None),
    ];
    for (value, seconds) in table {
        let headers = map(&[("keep-alive", value)]);
        assert_eq!(keep_alive(&headers, Facts::of(&headers)), seconds.map(Duration::from_secs), "{value}");
    }
}
