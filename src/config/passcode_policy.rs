//! `[[passcode_policy]]`: what a passcode looks like and how long it lives.

use std::sync::Arc;
use std::time::Duration;

use super::names::{Kind, STANDARD};
use super::section::Section;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasscodePolicy {
    pub name: Arc<str>,
    /// Digits, 6 to 10 (20 bits at least, NIST SP 800-63B). Default: 6.
    pub length: u8,
    /// 30 s to 10 minutes. Default: 5 minutes.
    pub lifetime: Duration,
    /// Wrong ones that end the flow, 1 to 5. Default: 3.
    pub tries: u32,
}

/// The policy `standard`, which is there even if nobody writes it.
impl Default for PasscodePolicy {
    fn default() -> Self {
        Self { name: STANDARD.into(), length: 6, lifetime: Duration::from_secs(300), tries: 3 }
    }
}

impl PasscodePolicy {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let default = Self::default();
        let name = section.name(Kind::PasscodePolicy);
        section.only("alphabet", "digits", &["letters", "memorable"]);
        if let Some(flash) = section.optional("flash").filter(|field| field.boolean() == Some(true)) {
            flash.problem("`flash = true` is not in this version");
        }
        let length = section.or("length", default.length, |field| u8::try_from(field.number(6..=10)?).ok());
        let lifetime = Duration::from_secs(30)..=Duration::from_secs(600);
        let lifetime = section.or("lifetime", default.lifetime, |field| field.duration(lifetime));
        let tries = section.or("tries", default.tries, |field| field.number(1..=5));
        section.finish();
        Some(Self { name: name?, length, lifetime, tries })
    }
}
