//! What a grant becomes, which is the door's business: a session for a browser, an accept for a client of ours.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Accepted, Admitted, Entered};
use super::attempt::{Attempt, Door};
use super::flow::Grant;
use super::flow::change::{Changing, Why};
use super::limit::known_browser::Browser;
use super::rules::Rules;
use super::services::{CouldNotTell, Services, event};
use super::session::registry::{Opening, Sessions};
use crate::audit::{Event, What};
use crate::base::TraceId;
use crate::store::{Expect, Kind, Place, Put, StoreError};

#[derive(Clone)]
pub(super) struct Entry {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub sessions: Sessions,
}

/// A warning that the password runs out was given.
pub(super) const NOTICE: Kind = Kind::PasswordNotice;
/// Who chose to keep a password that runs out is asked again after this time.
pub const REMINDED_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Entry {
    /// Uses a grant up. It is journaled before anybody is in.
    pub async fn enter(
        &self,
        at: &Attempt,
        grant: Grant,
        trace: TraceId,
        name_mark: &str,
        back: String,
    ) -> Result<Entered, CouldNotTell> {
        let Services { keys, random, journal, .. } = &self.services;
        match &at.door {
            Door::Browser { application, host, .. } => {
                let known = at.door.known(keys);
                let user = grant.user().id.clone();
                let opening = Opening {
                    trace,
                    application: Arc::clone(application),
                    host: Arc::clone(host),
                    address: at.address,
                    browser: at.door.agent().cloned(),
                    limits: self.rules.application(application)?.session,
                    known_browser: matches!(known.by_user(&user, keys), Browser::Known(_)),
                };
                let cookie = self.sessions.open(grant, &opening).await?;
                let known = known.with(&user, name_mark, keys, random.as_ref());
                Ok(Entered::Session(Admitted { cookie, known, back }))
            }
            Door::Radius { client, .. } => {
                // Where it is good from was judged with the address that the client told: nothing is asked again later.
                let (user, factors, _) = grant.into_parts();
                let names = factors.iter().map(|factor| factor.name().to_owned()).collect();
                let what = What::Accepted { client: client.to_string(), factors: names };
                let name = Some(user.name.as_str().into());
                journal.record(Event { name, ..event(at, trace, Some(&user.id), what) }).await?;
                Ok(Entered::Accept(Box::new(Accepted { user, factors, trace })))
            }
        }
    }

    /// Journals that a new password is asked for; a mere warning is given once a day.
    pub async fn note_change_asked(&self, at: &Attempt, trace: TraceId, changing: &Changing) -> Result<(), StoreError> {
        let (user, why) = (&changing.user().id, changing.due.why);
        if matches!(why, Why::Expiring(_)) {
            let (now, place) = (self.services.clock.now(), Place { kind: NOTICE, owner: user.as_str(), id: user.as_str() });
            let put = Put { place, value: vec![1], expires: now.plus(REMINDED_AFTER), expect: Expect::Absent };
            self.services.stores.records.put_if(put, now).await?;
        }
        self.services.note(at, trace, Some(user), What::PasswordChangeAsked { why: why.name().to_owned() }).await;
        Ok(())
    }
}
