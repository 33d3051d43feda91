//! The passcode as a factor: `begin` makes one, `hand_over` sends it once its flow is on record, `judge` compares what was typed.

use std::sync::Arc;

use super::code::{self, Sealed};
use super::{Issued, Sent, typed};
use crate::audit::What;
use crate::auth::flow::grant::Outstanding;
use crate::auth::flow::record::Flow;
use crate::auth::flow::{Begun, Challenge, Verdict};
use crate::auth::limit::Limiter;
use crate::auth::policy::Terms;
use crate::auth::rules::Rules;
use crate::auth::services::{CouldNotTell, Services};
use crate::auth::{Attempt, Declined};
use crate::base::{Secret, Time, TraceId};
use crate::config::PasscodePolicy;
use crate::directory::{SmsType, User};
use crate::dispatch::text::shown_name;
use crate::dispatch::{Content, DispatchError, Order};

#[derive(Clone)]
pub(in crate::auth) struct Passcodes {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub limiter: Arc<Limiter>,
}

impl Passcodes {
    /// Makes the first passcode of a flow; a category to show where none can reach the user.
    pub async fn begin(
        &self,
        at: &Attempt,
        flow_id: &str,
        outstanding: &Outstanding,
        trace: TraceId,
    ) -> Result<Result<Begun<Sent>, Declined>, CouldNotTell> {
        let (now, user) = (self.services.clock.now(), outstanding.proven.user());
        let refuse = |reason| self.services.note(at, trace, Some(&user.id), What::MessageRefused { reason });
        if let Err(why) = self.rules.dispatcher.reaches(&outstanding.terms.dispatch, &self.rules.addresses(user)) {
            refuse(format!("no-route: {why}")).await;
            return Ok(Err(Declined::NoChannel));
        }
        if let Some(until) = self.limiter.take_message(at, now).await? {
            refuse("messages_per_address".into()).await;
            return Ok(Err(Declined::TooManyMessages { wait: until.since(now) }));
        }
        let policy = self.rules.passcode_policy(&outstanding.terms.passcode)?;
        let (code, issued) = self.issue(flow_id, policy, now);
        let sent = Sent::new(code::label(self.services.random.as_ref()), issued, now);
        Ok(Ok(Begun { challenge: sent, secret: code, tries: policy.tries }))
    }

    /// Makes a passcode for one flow.
    pub fn issue(&self, flow_id: &str, policy: &PasscodePolicy, now: Time) -> (Secret<String>, Issued) {
        let code = code::issue(policy, self.services.random.as_ref());
        let sealed = Sealed::new(&self.services.keys, flow_id, code.expose());
        (code, Issued { sealed, message: self.services.new_id(), lives_until: now.plus(policy.lifetime) })
    }

    /// Hands a passcode over; the category to show where it cannot be sent. A resend names the rule to begin with.
    pub async fn hand_over(
        &self,
        at: &Attempt,
        flow: &Flow,
        code: Secret<String>,
        resend: Option<usize>,
    ) -> Result<Option<Declined>, CouldNotTell> {
        let Ok(pending) = flow.pending() else { return Ok(None) };
        let (Challenge::Passcode(sent), user) = (&pending.asked, pending.user());
        let lifetime_s = sent.lives_until.since(self.services.clock.now()).as_secs();
        let issued = What::PasscodeIssued { label: sent.label.clone(), lifetime_s, resend: resend.is_some() };
        self.services.note(at, flow.trace, Some(&user.id), issued).await;
        let order = Order {
            id: sent.message.clone(),
            trace: flow.trace,
            user: user.id.clone(),
            application: Arc::clone(at.door.name()),
            title: self.rules.title(at.door.name(), flow.language),
            policy: Arc::clone(&pending.terms.dispatch),
            addresses: self.rules.addresses(user),
            content: Content::Passcode(code),
            label: sent.label.clone(),
            host: at.door.host().map(ToString::to_string).unwrap_or_default(),
            language: flow.language,
            flash: match user.sms_type {
                Some(wanted) => wanted == SmsType::Flash,
                None => self.rules.passcode_policy(&pending.terms.passcode)?.flash,
            },
            resent: resend.is_some(),
            from_rule: resend.unwrap_or_default(),
            expires: sent.lives_until,
        };
        match self.rules.dispatcher.hand_over(order).await {
            Ok(_) => Ok(None),
            Err(DispatchError::NoRoute) => Ok(Some(Declined::NoChannel)),
            Err(DispatchError::TooMany(reached)) => {
                Ok(Some(Declined::TooManyMessages { wait: reached.until.since(self.services.clock.now()) }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What was typed, read as a passcode of these terms (empty where there is nothing to judge), and how many tries those allow.
    pub fn read(&self, at: &Attempt, terms: &Terms, text: &str) -> Result<(Secret<String>, u32), CouldNotTell> {
        let policy = self.rules.passcode_policy(&terms.passcode)?;
        let called: Vec<String> = self.rules.titles(at.door.name()).map(shown_name).collect();
        Ok((typed(text, policy, &called), policy.tries))
    }

    /// `typed` as [`Passcodes::read`] gave it.
    pub fn judge(&self, sent: &Sent, flow_id: &str, typed: &Secret<String>, now: Time) -> Verdict {
        let offered = Sealed::new(&self.services.keys, flow_id, typed.expose());
        sent.judge(|sealed| sealed.matches(&offered), now)
    }

    /// The passcode was right: its channel works, and its message needs no other way any more.
    pub fn was_right(&self, sent: &Sent, terms: &Terms, user: &User) {
        self.rules.dispatcher.entered(&terms.dispatch, &self.rules.addresses(user), sent.sent);
    }

    /// The flow has no use for the message any more.
    pub async fn end(&self, sent: &Sent) {
        self.rules.dispatcher.settle(&sent.message).await;
    }
}
