//! Calls of providers: whatever comes, what is read of it is a printable name and a status of ours, at most so many, and an unsigned call
//! stays unsigned.

use doorward::config::transmitter::{Report, Signature};
use doorward::dispatch::http::callback::deliveries;
use doorward::dispatch::{Call, Delivery};

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once('\n').unwrap_or(("", &text));
    for (reference, status) in [("id", "status"), ("/m/*/id", "/m/*/status"), ("/id", "/status")] {
        let rule = Report {
            reference: reference.into(),
            status: status.into(),
            why: Some("why".into()),
            delivered: vec!["delivered".into()],
            failed: vec!["failed".into()],
            signature: Some(Signature::Twilio),
        };
        for content_type in [Some("application/json"), Some("application/x-www-form-urlencoded"), Some(head), None] {
            let call = Call { rest: "", query: head, content_type, signature: Some(head), body: body.as_bytes() };
            let found = deliveries(&rule, &call);
            assert!(found.len() <= 64);
            for (name, delivery) in &found {
                assert!((1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
                let Delivery::Failed(why) = delivery else { continue };
                assert!(
                    why.to_lowercase().starts_with("failed") && why.chars().count() <= 200 && !why.contains(char::is_control)
                );
            }
            assert_eq!(found, deliveries(&rule, &call), "the same call says the same");
        }
    }
}
