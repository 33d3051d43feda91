//! A flow as it is on record between two requests: sealed, bound to one browser, changed only by whoever read it last.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Awaiting, Changing};
use crate::auth::house::{Attempt, House, bound_to};
use crate::base::{Language, Time, TraceId, UserId};
use crate::store::{Expect, Kind, Place, Put, StoreError};

/// Format 1.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::auth) struct Flow {
    pub application: Arc<str>,
    pub host: Arc<str>,
    pub browser: [u8; 32],
    pub back: String,
    pub language: Language,
    pub label: String,
    pub trace: TraceId,
    pub name_mark: String,
    /// Names of the policies that were decided on.
    pub dispatch: Arc<str>,
    pub passcode: Arc<str>,
    pub expires: Time,
    /// The password, where it is to be changed in this flow; see `kept_password.rs`.
    #[serde(default)]
    pub password: Option<String>,
    pub state: State,
}

#[derive(Clone, Serialize, Deserialize)]
pub(in crate::auth) enum State {
    Awaiting(Box<Awaiting>),
    /// Everything is right, but the password is to be changed.
    Changing(Box<Changing>),
    /// The passcode was right; a session was opened.
    Done,
    /// The last try was wrong.
    Ended,
}

impl Flow {
    /// When the directory was asked about the person last: at the password, or at the passcode where a new password follows. A flow
    /// begins its life anew with each, and at no other time.
    pub fn vouched_for(&self) -> Time {
        let life = u64::try_from(FLOW_LIFE.as_millis()).unwrap_or_default();
        Time::from_millis(self.expires.millis().saturating_sub(life))
    }
}

pub(in crate::auth) const FLOW: Kind = Kind::Flow;
/// A flow lives for at most so long, resends included.
pub(in crate::auth) const FLOW_LIFE: Duration = Duration::from_secs(15 * 60);
const FORMAT: u8 = 1;

impl House {
    /// A flow of this very browser, host and application, with its version; one of another browser is as good as gone, and so is one that
    /// names what the configuration has no more.
    pub(in crate::auth) async fn own_flow(
        &self,
        at: &Attempt,
        flow_id: &str,
        now: Time,
    ) -> Result<Option<(Flow, u64)>, StoreError> {
        let Some(record) = self.stores.records.find(FLOW, flow_id, now).await? else { return Ok(None) };
        let (format, sealed) = record.value.split_first().unwrap_or((&0, &[]));
        if *format != FORMAT {
            return Err(StoreError::Format { kind: FLOW, format: *format });
        }
        let plain = self.keys.open(FLOW.name(), flow_id.as_bytes(), sealed);
        let flow: Option<Flow> = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        let own = |flow: &Flow| {
            crate::base::secret::same(&flow.browser, &bound_to(&at.browser))
                && flow.host == at.host
                && flow.application == at.application
                && now < flow.expires
                && self.knows(flow)
        };
        Ok(flow.filter(own).map(|flow| (flow, record.version)))
    }

    /// Writes it if nobody else did since; says whether it did.
    pub(in crate::auth) async fn put_flow(&self, flow_id: &str, flow: &Flow, expect: Expect) -> Result<bool, StoreError> {
        let owner = match &flow.state {
            State::Awaiting(awaiting) => awaiting.user.id.to_string(),
            State::Changing(changing) => changing.user.id.to_string(),
            State::Done | State::Ended => String::new(),
        };
        let plain = serde_json::to_vec(flow).map_err(|error| StoreError::Failed(error.into()))?;
        let mut value = vec![FORMAT];
        value.extend(self.keys.seal(FLOW.name(), flow_id.as_bytes(), &plain));
        let place = Place { kind: FLOW, owner: &owner, id: flow_id };
        self.stores.records.put_if(Put { place, value, expires: flow.expires, expect }, self.clock.now()).await
    }

    /// Whether everything that a flow names is still there. One that was begun before a change of the configuration may name what is not.
    fn knows(&self, flow: &Flow) -> bool {
        let has = |user: &UserId| self.people.directory(user.directory()).is_some();
        let sends = || self.passcode_policies.contains_key(&flow.passcode) && self.dispatcher.knows(&flow.dispatch);
        self.applications.contains_key(&flow.application)
            && match &flow.state {
                State::Awaiting(awaiting) => sends() && has(&awaiting.user.id),
                State::Changing(changing) => has(&changing.user.id),
                State::Done | State::Ended => true,
            }
    }
}
