//! Doorward behind other proxies: the listed ones are believed in the one way that was chosen, and nobody else is in any.

mod headers;
mod neighbours;
mod proxy_protocol;

use http::Method;

use crate::support::client::Client;
use crate::support::node::Bed;
use crate::support::toml::Toml;

/// 127.0.0.9 is a proxy; 127.0.0.4 is nobody.
const PROXY: u8 = 9;
const STRANGER: u8 = 4;
const BY_X_FORWARDED_FOR: &str = r#"trusted_proxies = ["127.0.0.9", "10.0.0.0/8"]"#;
const BY_FORWARDED: &str = r#"trusted_proxies = ["127.0.0.9", "10.0.0.0/8"]
client_address = "forwarded""#;
const BY_PROXY_PROTOCOL: &str = r#"trusted_proxies = ["127.0.0.9"]
client_address = "proxy-protocol""#;
/// Whoever is there needs no passcode.
const ADMITTED: &str = r#"{ when = { address = ["203.0.113.0/24", "127.0.0.9", "10.0.0.0/8"] }, then = "admit" },"#;

/// So that many sign-ins may begin.
const LIMITS: &str = "messages_per_user = \"999/1h\"\nmessages_per_number = \"999/1h\"\nmessages_per_address = \"999/1h\"";

async fn bed(listener: &'static str) -> Bed {
    Bed::with(Toml::bed().listener(listener).limits(LIMITS).rules(ADMITTED)).await
}

/// The address that the application is told of this client.
async fn told(bed: &Bed, client: &Client, headers: &[(&str, &str)]) -> String {
    let answer = client.ask(Method::GET, "/public", headers, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let head = bed.upstream.last();
    let lines: Vec<_> = head.lines().filter(|line| line.to_ascii_lowercase().replace('_', "-").contains("forwarded")).collect();
    let told: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("x-forwarded-for: ")).collect();
    assert_eq!((told.len(), lines.len()), (1, 3), "one for the address, one each for scheme and host: {lines:?}");
    told[0].to_owned()
}

/// Whether the password alone lets this client in.
async fn is_admitted(client: &Client) -> bool {
    let answer = client.login("alice", "wonderland").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location() == "/"
}
