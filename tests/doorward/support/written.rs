//! What the configurations of many tests have in common, as an operator writes it.

/// Users in a file, a transmitter that sends nothing, and a policy `staff` that asks everybody for a passcode.
pub const STAFF: &str = r#"
[[directory]]
name = "people"
kind = "local"
file = "users.toml"

[[transmitter]]
name = "screen"
kind = "console"
outbox = "outbox.jsonl"

[[dispatch_policy]]
name = "standard"
rules = [{ channel = "sms", to = "mobile", through = ["screen"] }]

[[authentication_policy]]
name = "staff"
rules = [{ then = "challenge", factors = ["passcode"], dispatch = "standard" }]
"#;

/// A node that may use the console off loopback, and a site without a server.
pub const SITE: &str = r#"
[node]
state_dir = "state"
trial = true

[[listener]]
address = "127.0.0.1:0"
certificates = [{ chain = "door.pem", key = "door.key" }]

[[application]]
name = "site"
hosts = ["app.example.test"]
policy = "staff"
upstream = { servers = ["http://127.0.0.1:9"] }
"#;
