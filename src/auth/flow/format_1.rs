//! Flows as they were written before a flow could hold more than a password and a passcode. Those that are under way when a node is
//! replaced are finished by the new one.

use std::sync::Arc;

use serde::Deserialize;

use super::change::{Changing, PasswordDue, Unchanged, Why};
use super::grant::{KeptGrant, Proven};
use super::record::{Flow, State};
use super::{Answered, Challenge, Pending};
use crate::auth::attempt::Bound;
use crate::auth::passcode::Sent;
use crate::auth::passcode::code::Sealed;
use crate::auth::policy::Terms;
use crate::base::{Factor, Language, Plan, Time, TraceId};
use crate::directory::User;

/// Format 1.
#[derive(Deserialize)]
pub(super) struct Flow1 {
    application: Arc<str>,
    host: Arc<str>,
    browser: [u8; 32],
    back: String,
    language: Language,
    label: String,
    trace: TraceId,
    name_mark: String,
    /// Names of policies; empty where the password was enough.
    dispatch: Arc<str>,
    passcode: Arc<str>,
    expires: Time,
    #[serde(default)]
    password: Option<String>,
    state: State1,
}

#[derive(Deserialize)]
enum State1 {
    Awaiting(Box<Awaiting1>),
    Changing(Box<Changing1>),
    Done,
    Ended,
}

#[derive(Deserialize)]
struct Awaiting1 {
    user: User,
    sealed: Sealed,
    message: String,
    sent: Time,
    lives_until: Time,
    earlier: Vec<Sealed>,
    resends_left: u32,
    tries_left: u32,
    #[serde(default)]
    why: Option<Why>,
    last: Option<Answered>,
}

#[derive(Deserialize)]
struct Changing1 {
    #[serde(flatten)]
    granted: KeptGrant,
    why: Why,
    busy_until: Option<Time>,
    last: Option<Unchanged>,
}

impl From<Flow1> for Flow {
    fn from(flow: Flow1) -> Self {
        let Flow1 { label, dispatch, passcode, password: old, .. } = flow;
        let state = match flow.state {
            State1::Awaiting(awaiting) => {
                let Awaiting1 { user, sealed, message, sent, lives_until, earlier, resends_left, tries_left, why, last } =
                    *awaiting;
                let asked =
                    Sent { label, sealed, message, sent, lives_until, earlier, resends_left, begun: 0, tried: Vec::new() };
                State::Pending(Box::new(Pending {
                    proven: Proven::before_a_passcode(user),
                    plan: Plan::new(vec![vec![Factor::Passcode]]),
                    terms: Terms { dispatch, passcode },
                    asked: Challenge::Passcode(Box::new(asked)),
                    tries_left,
                    due: why.map(|why| PasswordDue { why, old }),
                    last,
                }))
            }
            State1::Changing(changing) => {
                let Changing1 { granted, why, busy_until, last } = *changing;
                State::Changing(Box::new(Changing::on_record(granted, PasswordDue { why, old }, busy_until, last)))
            }
            State1::Done => State::Done,
            State1::Ended => State::Ended,
        };
        Self {
            bound: Bound::Browser { application: flow.application, host: flow.host, hash: flow.browser },
            back: flow.back,
            language: flow.language,
            trace: flow.trace,
            typed_name: String::new(),
            name_mark: flow.name_mark,
            expires: flow.expires,
            state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(state: &str) -> Flow {
        let bytes = vec!["7"; 32].join(",");
        let text = format!(
            r#"{{"application":"mail","host":"mail.example","browser":[{bytes}],"back":"/x","language":"da","label":"K7",
                "trace":"4k7q-0x2m-9dtz","name_mark":"ab","dispatch":"standard","passcode":"short","expires":900000,
                "password":"sealed","state":{state}}}"#
        );
        Flow::from(serde_json::from_str::<Flow1>(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    fn user() -> String {
        serde_json::to_string(&User::bare("alice")).unwrap()
    }

    #[test]
    fn a_passcode_that_was_sent_before_is_still_the_one_to_be_typed() {
        let sealed = |byte: &str| format!("[{}]", vec![byte; 32].join(","));
        let awaiting = format!(
            r#"{{"Awaiting":{{"user":{},"sealed":{},"message":"m1","sent":1000,"lives_until":301000,"earlier":[{}],"resends_left":2,
                "tries_left":3,"why":"Expired","last":"TooSoon"}}}}"#,
            user(),
            sealed("1"),
            sealed("2")
        );
        let flow = flow(&awaiting);
        let State::Pending(pending) = flow.state else { panic!("not pending") };
        let Challenge::Passcode(sent) = &pending.asked;
        let expected = Sent {
            label: "K7".into(),
            sealed: Sealed::from_bytes([1; 32]),
            message: "m1".into(),
            sent: Time::from_millis(1000),
            lives_until: Time::from_millis(301_000),
            earlier: vec![Sealed::from_bytes([2; 32])],
            resends_left: 2,
            begun: 0,
            tried: Vec::new(),
        };
        assert_eq!(**sent, expected);
        assert_eq!(pending.terms, Terms { dispatch: "standard".into(), passcode: "short".into() });
        assert_eq!((pending.tries_left, pending.last), (3, Some(Answered::TooSoon)));
        assert_eq!(pending.due, Some(PasswordDue { why: Why::Expired, old: Some("sealed".into()) }));
        assert_eq!(
            (pending.proven.factors(), pending.plan.open(pending.proven.factors()).as_slice()),
            ([Factor::Password].as_slice(), [Factor::Passcode].as_slice())
        );
        assert_eq!(flow.bound, Bound::Browser { application: "mail".into(), host: "mail.example".into(), hash: [7; 32] });
    }

    #[test]
    fn a_new_password_that_was_asked_for_before_is_still_asked_for() {
        let changing = format!(
            r#"{{"Changing":{{"user":{},"factors":["password","passcode"],"only_from":["10.0.0.0/8"],"why":"MustChange","busy_until":null,
                "last":"Different"}}}}"#,
            user()
        );
        let State::Changing(changing) = flow(&changing).state else { panic!("not changing") };
        assert_eq!(changing.user().name, "alice");
        assert_eq!(changing.due, PasswordDue { why: Why::MustChange, old: Some("sealed".into()) });
        assert_eq!(changing.last, Some(Unchanged::Different));
        assert!(matches!(flow("\"Done\"").state, State::Done) && matches!(flow("\"Ended\"").state, State::Ended));
    }
}
