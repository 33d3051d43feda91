//! A flow as it is on record between two requests: sealed, bound to one door, changed only by the request that read it last.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Pending;
use super::change::Changing;
use super::format_1::Flow1;
use crate::auth::ask::{FlowOver, Step, Told};
use crate::auth::attempt::{Attempt, Bound};
use crate::auth::rules::Rules;
use crate::auth::services::Services;
use crate::base::{Clock, Language, Time, TraceId, UserId};
use crate::store::{Expect, Kind, StoreError, Stored, Table, Versioned};

#[derive(Clone, Serialize, Deserialize)]
pub(in crate::auth) struct Flow {
    pub bound: Bound,
    pub back: String,
    pub language: Language,
    pub trace: TraceId,
    /// The name as the user typed it, for the pages; empty in flows of an older version.
    #[serde(default)]
    pub typed_name: String,
    pub name_mark: String,
    pub expires: Time,
    pub state: State,
}

impl Stored for Flow {
    const KIND: Kind = Kind::Flow;
    const FORMAT: u8 = 2;
    const READS: &'static [u8] = &[1, 2];

    fn read(format: u8, bytes: &[u8]) -> serde_json::Result<Self> {
        match format {
            1 => serde_json::from_slice::<Flow1>(bytes).map(Self::from),
            _ => serde_json::from_slice(bytes),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(in crate::auth) enum State {
    /// A factor is asked for.
    Pending(Box<Pending>),
    /// Everything is right, but the password is to be changed.
    Changing(Box<Changing>),
    /// Everything was right; the grant was used.
    Done,
    /// The last try was wrong.
    Ended,
}

/// Where a flow is that a step meant for another state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::auth) enum Instead {
    Pending,
    Changing,
    Done,
    Ended,
}

/// What a flow has from its first moment on.
pub(in crate::auth) struct Beginning<'a> {
    pub at: &'a Attempt,
    /// Unguessable.
    pub flow_id: String,
    pub back: &'a str,
    pub language: Language,
    pub trace: TraceId,
    /// As the user typed it.
    pub typed_name: &'a str,
    pub name_mark: String,
}

impl Beginning<'_> {
    pub fn flow(&self, state: State, now: Time) -> Flow {
        Flow {
            bound: Bound::to(&self.at.door),
            back: self.back.to_owned(),
            language: self.language,
            trace: self.trace,
            typed_name: self.typed_name.trim().to_owned(),
            name_mark: self.name_mark.clone(),
            expires: now.plus(FLOW_LIFE),
            state,
        }
    }
}

impl Instead {
    /// What a door is told that asked for another state of this flow.
    pub fn told(self, flow_id: &str, flow: &Flow) -> Told {
        let (flow_id, back) = (flow_id.to_owned(), flow.back.clone());
        match self {
            Self::Pending => Told::Next { flow: flow_id, step: Step::Factor },
            Self::Changing => Told::Next { flow: flow_id, step: Step::NewPassword },
            Self::Done => Told::Over(FlowOver::Used { back }),
            Self::Ended => Told::Over(FlowOver::Ended { back }),
        }
    }
}

impl Flow {
    /// When the directory was asked about the person last: at the password, or at the last factor where a new password follows. A flow
    /// begins its life anew with each, and at no other time.
    pub fn vouched_for(&self) -> Time {
        let life = u64::try_from(FLOW_LIFE.as_millis()).unwrap_or_default();
        Time::from_millis(self.expires.millis().saturating_sub(life))
    }

    /// The state in which a factor is asked for.
    pub fn pending(&self) -> Result<&Pending, Instead> {
        match &self.state {
            State::Pending(pending) => Ok(pending),
            State::Changing(_) => Err(Instead::Changing),
            State::Done => Err(Instead::Done),
            State::Ended => Err(Instead::Ended),
        }
    }

    /// The state in which a new password is asked for.
    pub fn changing(&self) -> Result<&Changing, Instead> {
        match &self.state {
            State::Changing(changing) => Ok(changing),
            State::Pending(_) => Err(Instead::Pending),
            State::Done => Err(Instead::Done),
            State::Ended => Err(Instead::Ended),
        }
    }

    fn user(&self) -> Option<&UserId> {
        match &self.state {
            State::Pending(pending) => Some(&pending.user().id),
            State::Changing(changing) => Some(&changing.user().id),
            State::Done | State::Ended => None,
        }
    }
}

/// A flow lives for at most so long, resends included.
pub(in crate::auth) const FLOW_LIFE: Duration = Duration::from_secs(15 * 60);
/// How often a step is tried again when another request changed the flow meanwhile.
pub(in crate::auth) const CONFLICTS: u32 = 8;

/// All flows under way.
#[derive(Clone)]
pub(in crate::auth) struct Flows {
    flows: Table<Flow>,
    clock: Clock,
    rules: Arc<Rules>,
}

impl Flows {
    pub fn new(services: &Services, rules: Arc<Rules>) -> Self {
        Self { flows: Table::new(&services.stores, &services.keys), clock: services.clock.clone(), rules }
    }

    /// A flow that began at this very door, with its version; one of another door is as good as gone, and so is one that names what the
    /// configuration has no more.
    pub async fn find(&self, at: &Attempt, flow_id: &str, now: Time) -> Result<Option<(Flow, u64)>, StoreError> {
        let found = match self.flows.find(flow_id, now).await {
            // Sealed under a key that is gone, say: its user starts again.
            Err(StoreError::Sealed { .. } | StoreError::Malformed { .. }) => None,
            found => found?,
        };
        let is_own = |flow: &Flow| flow.bound.is_to(&at.door) && now < flow.expires && self.knows(flow);
        Ok(found.filter(|found| is_own(&found.row)).map(|found| (found.row, found.version)))
    }

    /// Writes it if no other request did since; says whether it did.
    pub async fn put(&self, flow_id: &str, flow: &Flow, expect: Expect) -> Result<bool, StoreError> {
        let owner = flow.user().map(UserId::as_str).unwrap_or_default();
        let version = match expect {
            Expect::Absent => 0,
            Expect::Version(version) => version,
        };
        let row = Versioned { version, ..Versioned::new(flow.clone(), owner, flow.expires) };
        self.flows.put(flow_id, &row, self.clock.now()).await
    }

    pub async fn remove(&self, flow_id: &str, now: Time) -> Result<(), StoreError> {
        self.flows.remove(flow_id, now).await.map(drop)
    }

    /// Whether everything that a flow names is still there. One that was begun before a change of the configuration may name what is not.
    fn knows(&self, flow: &Flow) -> bool {
        let rules = &self.rules;
        let is_served = match &flow.bound {
            Bound::Browser { application, .. } => rules.applications.contains_key(application),
            Bound::Radius { .. } => true,
        };
        is_served
            && flow.user().is_none_or(|user| rules.people.directory(user.directory()).is_some())
            && flow.pending().map_or(true, |pending| rules.has(&pending.terms))
    }
}
