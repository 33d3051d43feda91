//! `X-Forwarded-For` and `Forwarded`.

use super::{BY_FORWARDED, BY_PROXY_PROTOCOL, BY_X_FORWARDED_FOR, PROXY, STRANGER, bed, is_admitted, told};
use crate::support::node::{Bed, detail};
use crate::support::toml::Toml;

/// Everything with which some server somewhere says where a client is.
const SPELLINGS: [(&str, &str); 14] = [
    ("X-Forwarded-For", "203.0.113.5"),
    ("x-forwarded-for", "203.0.113.5, 10.0.0.1"),
    ("X-FORWARDED-FOR", "[203.0.113.5]"),
    ("X_Forwarded_For", "203.0.113.5"),
    ("X-Forwarded_For", "203.0.113.5"),
    ("X.Forwarded.For", "203.0.113.5"),
    ("Forwarded", "for=203.0.113.5"),
    ("forwarded", "For=\"203.0.113.5:80\";proto=https"),
    ("X-Real-IP", "203.0.113.5"),
    ("True-Client-IP", "203.0.113.5"),
    ("CF-Connecting-IP", "203.0.113.5"),
    ("X-Client-IP", "203.0.113.5"),
    ("X-Cluster-Client-IP", "203.0.113.5"),
    ("Via", "1.1 203.0.113.5"),
];

#[tokio::test]
async fn a_trusted_proxy_says_where_the_client_is_and_the_application_is_told_that_alone() {
    for (listener, name, one, two) in [
        (BY_X_FORWARDED_FOR, "x-forwarded-for", "192.0.2.7", "198.51.100.1, 2001:db8::7, 10.0.0.2"),
        (BY_FORWARDED, "forwarded", "for=192.0.2.7", "for=198.51.100.1, for=\"[2001:db8::7]:1\";host=\"a,b\", for=10.0.0.2"),
    ] {
        let bed = bed(listener).await;
        for http2 in [false, true] {
            let mut proxy = bed.browser().from(PROXY);
            proxy.http2 = http2;
            assert_eq!(told(&bed, &proxy, &[(name, one)]).await, "192.0.2.7", "{name} {http2}");
            assert_eq!(told(&bed, &proxy, &[(name, two)]).await, "2001:db8::7", "{name} {http2}");
            assert_eq!(told(&bed, &proxy, &[(name, two), (name, one)]).await, "192.0.2.7", "{name} {http2}");
            assert_eq!(told(&bed, &proxy, &[]).await, "127.0.0.9", "{name} {http2}");
        }
    }
}

#[tokio::test]
async fn a_stranger_says_nothing_in_any_spelling() {
    for listener in ["", BY_X_FORWARDED_FOR, BY_FORWARDED, BY_PROXY_PROTOCOL] {
        let bed = bed(listener).await;
        for http2 in [false, true] {
            for (name, value) in SPELLINGS {
                let mut stranger = bed.browser().from(STRANGER);
                stranger.http2 = http2;
                let name = if http2 { name.to_ascii_lowercase() } else { name.to_owned() };
                let said = told(&bed, &stranger, &[(&name, value), (&name, value)]).await;
                assert_eq!(said, "127.0.0.4", "{listener} {name}: {value}");
            }
        }
    }
}

#[tokio::test]
async fn a_proxy_is_believed_in_the_chosen_field_alone() {
    for (listener, chosen) in [(BY_X_FORWARDED_FOR, "x-forwarded-for"), (BY_FORWARDED, "forwarded")] {
        let bed = bed(listener).await;
        let proxy = bed.browser().from(PROXY);
        let honest = if chosen == "forwarded" { "for=192.0.2.7" } else { "192.0.2.7" };
        for (name, value) in SPELLINGS.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case(chosen)) {
            assert_eq!(told(&bed, &proxy, &[(name, value), (chosen, honest)]).await, "192.0.2.7", "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn nobody_outside_is_admitted_as_somebody_inside() {
    let bed = bed(BY_X_FORWARDED_FOR).await;
    for (name, value) in SPELLINGS {
        let stranger = bed.browser().from(STRANGER).with(name, value);
        assert!(!is_admitted(&stranger).await, "{name}: {value}");
        bed.clock.advance(std::time::Duration::from_secs(60));
    }
    // Through the proxy, which puts at the right end where he really is.
    for forged in ["203.0.113.5", "203.0.113.5, 10.0.0.1", "127.0.0.9", "unknown", "\"", "203.0.113.5,", "for=203.0.113.5", ""] {
        let through = bed.browser().from(PROXY).with("x-forwarded-for", &format!("{forged}, 192.0.2.7"));
        assert!(!is_admitted(&through).await, "{forged}");
        let through = bed.browser().from(PROXY).with("x-forwarded-for", forged).with("x-forwarded-for", "192.0.2.7");
        assert!(!is_admitted(&through).await, "{forged}");
        bed.clock.advance(std::time::Duration::from_secs(60));
    }
}

#[tokio::test]
async fn an_open_quote_of_a_stranger_does_not_swallow_what_the_proxy_adds() {
    let bed = bed(BY_FORWARDED).await;
    for forged in ["for=\"203.0.113.5", "for=\"203.0.113.5\\", "\"", "for=203.0.113.5;host=\"", "for=203.0.113.5;", "\\\""] {
        let through = bed.browser().from(PROXY).with("forwarded", &format!("{forged}, for=192.0.2.7"));
        assert!(!is_admitted(&through).await, "{forged}");
        assert_eq!(told(&bed, &through, &[]).await, "192.0.2.7", "{forged}");
    }
}

#[tokio::test]
async fn a_session_admitted_by_its_address_is_good_there_alone_behind_a_proxy_too() {
    let bed = bed(BY_X_FORWARDED_FOR).await;
    let mut browser = bed.browser().from(PROXY).with("x-forwarded-for", "203.0.113.5");
    assert!(is_admitted(&browser).await && browser.is_in().await);
    browser.more = vec![("x-forwarded-for", "192.0.2.7".to_owned())];
    assert!(!browser.is_in().await, "elsewhere through the same proxy");
    browser.more = vec![("x-forwarded-for", "203.0.113.5, 192.0.2.7".to_owned())];
    assert!(!browser.is_in().await, "elsewhere, saying otherwise");
    browser.more = vec![("x-forwarded-for", "203.0.113.5".to_owned())];
    assert!(browser.is_in().await && !browser.from(STRANGER).is_in().await);
}

#[tokio::test]
async fn journal_and_limits_know_the_true_client() {
    let limits = "attempts_per_address = \"2/1m\"";
    let toml = Toml::bed().listener(BY_X_FORWARDED_FOR).limits(limits);
    let bed = Bed::with(toml).await;
    let refused = |client: &'static str| {
        let browser = bed.browser().from(PROXY).with("x-forwarded-for", client);
        let bed = &bed;
        async move {
            let page = browser.login("alice", "wrong").await;
            let event = bed.trace(&page.trace()).await.remove(0);
            let detail = detail(&event);
            (detail["reason"].as_str().unwrap().to_owned(), detail["address"].as_str().unwrap().to_owned())
        }
    };
    assert_eq!(refused("192.0.2.7").await, ("wrong".into(), "192.0.2.7".into()));
    refused("192.0.2.7").await;
    assert_eq!(refused("192.0.2.7").await, ("address-busy".into(), "192.0.2.7".into()));
    assert_eq!(refused("192.0.2.8").await.1, "192.0.2.8");
    assert_ne!(refused("192.0.2.8").await.0, "address-busy", "the other clients of the proxy go on");
}
