//! Whether an HTTP gateway as a whole makes sense: every placeholder has what it stands for, and a message reaches somebody and says something.

use super::http::{Auth, Http};
use super::http_answer::Signature;
use super::http_gateway::Gateway;
use super::template::{Slot, Template};
use crate::base::Channel;

impl Gateway<'_, '_> {
    /// A placeholder that stands for a key needs the key; a message without its text or code is none.
    pub(in crate::config) fn check_slots(&self, http: &Http) {
        let known = |condition| http.named.holds(condition);
        let uses = |template: &Template, slot| template.uses_where(slot, &known);
        let used = |slot| {
            uses(&http.url, slot)
                || http.headers.iter().any(|(_, template)| uses(template, slot))
                || http.body.as_ref().is_some_and(|body| uses(&body.template, slot))
        };
        let keys = [Slot::Sender, Slot::Service, Slot::Account, Slot::User, Slot::Password, Slot::ApiKey, Slot::ApiSecret];
        for (key, is_there) in keys.into_iter().filter(|slot| used(*slot)).filter_map(|slot| http.named.knows(slot)) {
            if !is_there && self.section.optional(key).is_none() {
                self.section.problem(format!("`{key}` is missing: the placeholder {{{{{key}}}}} stands for it"));
            }
        }
        if ![Slot::Text, Slot::TextHexUtf16, Slot::Code, Slot::Spoken, Slot::Twiml].into_iter().any(used) {
            self.section.problem("neither `url` nor `body` holds {{text}} or {{code}}: nothing would be sent");
        }
        let numbers = [Slot::ToE164, Slot::ToDigits, Slot::To00, Slot::ToNational];
        match self.channel {
            Channel::Push if !used(Slot::Topic) => {
                self.section.problem("neither `url`, `headers` nor `body` holds {{topic}}: messages would have no recipient");
            }
            Channel::Push => {}
            _ if !numbers.into_iter().any(used) => {
                self.section.problem("neither `url` nor `body` holds {{to_e164}} or its like: messages would have no recipient");
            }
            _ => {}
        }
        if self.channel != Channel::Voice && used(Slot::Twiml) {
            self.section.problem("{{twiml}} belongs to a call: `kind = \"voice\"`");
        }
    }

    /// So do the ways to show who we are.
    pub(in crate::config) fn check_keys(&self, http: &Http) {
        let named = &http.named;
        let (user, password) = (("user", named.user.is_some()), ("password", named.password.is_some()));
        let needed: &[(&'static str, bool)] = match &http.auth {
            Auth::None => &[],
            Auth::Basic => &[user, password],
            Auth::Bearer | Auth::Header(_) => &[("api_key", named.api_key.is_some())],
            Auth::Hmac { .. } => &[("api_secret", named.api_secret.is_some())],
        };
        let signed = http.report.as_ref().and_then(|report| report.signature);
        let signing = match signed {
            Some(Signature::Twilio) if named.api_secret.is_none() => Some(password),
            _ => None,
        };
        let mut missing: Vec<&str> = Vec::new();
        for (key, is_there) in needed.iter().copied().chain(signing) {
            if !is_there && self.section.optional(key).is_none() && !missing.contains(&key) {
                missing.push(key);
                self.section.problem(format!("`{key}` is missing: the gateway needs it to authenticate Doorward"));
            }
        }
    }
}
