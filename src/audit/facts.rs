//! What a policy's decision rested on, so that it can be made again later with the same or other rules.

use serde::Serialize;

/// With the address and the application, which every event has, all that a policy looks at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Facts {
    /// The door: `browser` and the public host, or `client` and its name.
    pub door: String,
    /// Whether this user has signed in before with this browser.
    pub known_browser: bool,
    /// Seconds since the newest of the user's phone numbers was written, or first seen here; nothing without a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_age_s: Option<u64>,
    /// What the directory said of the groups that the decision could depend on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupFact>,
}

/// What the directory said of one group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GroupFact {
    /// As the operator wrote it.
    pub group: String,
    /// `member`, `not-member`, or why the directory could not say.
    pub answer: String,
}
