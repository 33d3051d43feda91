//! A passcode for a flow: made, sealed and handed over to be sent.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;

use super::code::{self, Sealed};
use crate::audit::What;
use crate::auth::Declined;
use crate::auth::flow::Issued;
use crate::auth::flow::record::{Flow, State};
use crate::auth::house::{Attempt, CouldNotTell, House};
use crate::auth::password::login::PasswordAttempt;
use crate::base::{Language, Secret, Time};
use crate::config::PasscodePolicy;
use crate::directory::{SmsType, User};
use crate::dispatch::{Addresses, Content, DispatchError, Order};
use crate::store::{Counter, Place, StoreError, Taken};

impl House {
    /// Makes a passcode for one flow.
    pub(in crate::auth) fn issue(&self, flow_id: &str, policy: &PasscodePolicy, now: Time) -> (Secret<String>, Issued) {
        let code = code::issue(policy, self.random.as_ref());
        let sealed = Sealed::new(&self.keys, flow_id, code.expose());
        (code, Issued { sealed, message: self.new_id(), lives_until: now.plus(policy.lifetime) })
    }

    /// Hands a passcode over; the category to show where it cannot be sent. A resend names the rule to begin with.
    pub(in crate::auth) async fn send(
        &self,
        at: &Attempt,
        flow: &Flow,
        (issued, code): (&Issued, Secret<String>),
        resend: Option<usize>,
    ) -> Result<Option<Declined>, CouldNotTell> {
        let State::Awaiting(awaiting) = &flow.state else { return Ok(None) };
        let lifetime_s = issued.lives_until.since(self.clock.now()).as_secs();
        let issued_event = What::PasscodeIssued { label: flow.label.clone(), lifetime_s, resend: resend.is_some() };
        self.note(at, flow.trace, Some(&awaiting.user.id), issued_event).await;
        let order = Order {
            id: issued.message.clone(),
            trace: flow.trace,
            user: awaiting.user.id.clone(),
            application: Arc::clone(&flow.application),
            policy: Arc::clone(&flow.dispatch),
            addresses: self.addresses(&awaiting.user),
            content: Content::Passcode(code),
            label: flow.label.clone(),
            host: flow.host.to_string(),
            language: flow.language,
            flash: match awaiting.user.sms_type {
                Some(wanted) => wanted == SmsType::Flash,
                None => self.passcode_policy(&flow.passcode)?.flash,
            },
            resent: resend.is_some(),
            from_rule: resend.unwrap_or_default(),
            expires: issued.lives_until,
        };
        match self.dispatcher.hand_over(order).await {
            Ok(_) => Ok(None),
            Err(DispatchError::NoRoute) => Ok(Some(Declined::NoChannel)),
            Err(DispatchError::TooMany(_)) => Ok(Some(Declined::TooManyMessages)),
            Err(error) => Err(error.into()),
        }
    }

    pub(in crate::auth) async fn take_message(&self, at: &Attempt, now: Time) -> Result<bool, StoreError> {
        let rate = self.limits.messages_per_address;
        let address = crate::base::net::counted(at.address).to_string();
        let place = Place { kind: Counter::MessagesOfAddress, owner: "", id: &address };
        Ok(matches!(self.stores.counters.take(place, rate.count, rate.window, now).await?, Taken::Yes { .. }))
    }

    pub(in crate::auth) fn addresses(&self, user: &User) -> Addresses {
        Addresses {
            mobile: user.mobile.clone(),
            second_mobile: user.second_mobile.clone(),
            mail: user.mail.clone(),
            push: user.push.clone(),
            country_prefix: self.people.country_prefix(user.id.directory()).map(str::to_owned),
        }
    }

    /// The user's own language goes first, unless one was chosen by hand.
    pub(in crate::auth) fn language_of(&self, attempt: &PasswordAttempt, user: &User) -> Language {
        let own = user.language.as_deref().filter(|_| !attempt.language_chosen).and_then(Language::preferred);
        own.unwrap_or(attempt.language)
    }

    pub(in crate::auth) fn passcode_policy(&self, name: &str) -> Result<&PasscodePolicy, CouldNotTell> {
        self.passcode_policies.get(name).ok_or(CouldNotTell::Unknown("there is no such passcode policy"))
    }

    /// 130 random bits.
    pub(in crate::auth) fn new_id(&self) -> String {
        BASE32_NOPAD.encode(&self.random.bytes::<16>()).to_lowercase()
    }
}
