//! What the transmitter `screen` wrote down: a line of JSON for each message.

use std::path::Path;

use serde::Deserialize;

/// A message as the console transmitter wrote it down.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    pub user: String,
    pub channel: String,
    pub to: String,
    pub text: String,
    pub passcode: String,
}

/// Everything that was sent so far in the folder of a configuration; a line that is being written is not there yet.
pub fn sent(folder: &Path) -> Vec<Message> {
    let text = std::fs::read_to_string(folder.join("outbox.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
