//! What people are told about their account, on the way their passcodes take. A notice that cannot be sent changes nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Attempt;
use crate::auth::flow::record::Flow;
use crate::auth::limit::Limiter;
use crate::auth::limit::known_browser::Browser;
use crate::auth::policy::Terms;
use crate::auth::rules::Rules;
use crate::auth::services::Services;
use crate::base::{Language, TraceId};
use crate::directory::User;
use crate::dispatch::{Content, Notice, Order};
use crate::store::{Counter, Place, Taken};

/// A notice is not sent later than this.
const LIFE: Duration = Duration::from_secs(3600);
const TOLD: Counter = Counter::PauseNotice;

/// The user, and the way to them.
pub(in crate::auth) struct Way<'a> {
    pub user: &'a User,
    pub language: Language,
    pub dispatch: &'a str,
    /// The application's name; empty where it is about none.
    pub application: &'a str,
    pub trace: TraceId,
}

impl<'a> Way<'a> {
    fn of(at: &'a Attempt, flow: &Flow, terms: &'a Terms, user: &'a User) -> Self {
        Self { user, language: flow.language, dispatch: &terms.dispatch, application: at.door.name(), trace: flow.trace }
    }
}

/// Sends notices.
#[derive(Clone)]
pub(in crate::auth) struct Notices {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub limiter: Arc<Limiter>,
}

impl Notices {
    /// A sign-in has just succeeded; tells the user where this browser has never been theirs.
    pub(in crate::auth) async fn tell_new_place(&self, at: &Attempt, flow: &Flow, terms: &Terms, user: &User) {
        let known = at.door.known(&self.services.keys);
        if self.rules.notices.new_place && matches!(known.by_user(&user.id, &self.services.keys), Browser::Stranger) {
            self.tell(&Way::of(at, flow, terms, user), Notice::NewPlace { at: self.services.clock.now() }).await;
        }
    }

    /// A wrong code was counted; where it was the last one that is borne, the user is told, once in a pause.
    pub(in crate::auth) async fn tell_paused(&self, at: &Attempt, flow: &Flow, terms: &Terms, user: &User) {
        if !self.rules.notices.factor_paused {
            return;
        }
        let (now, pause) = (self.services.clock.now(), self.limiter.pause());
        let place = Place { kind: TOLD, owner: user.id.as_str(), id: user.id.as_str() };
        let first = async {
            Ok::<_, crate::store::StoreError>(
                self.limiter.is_paused(user, now).await?.is_some()
                    && matches!(self.services.stores.counters.take(place, 1, pause, now).await?, Taken::Yes { .. }),
            )
        };
        match first.await {
            Ok(true) => self.tell(&Way::of(at, flow, terms, user), Notice::Paused { wait: pause }).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "nobody knows whether a user is to be told of a pause"),
        }
    }

    async fn tell(&self, way: &Way<'_>, notice: Notice) {
        if let Err(error) = self.rules.dispatcher.hand_over(self.letter(way, notice)).await {
            tracing::warn!(%error, user.id = %way.user.id, trace = %way.trace, "a notice could not be sent");
        }
    }

    /// The order for a notice or a test.
    pub(in crate::auth) fn letter(&self, way: &Way<'_>, notice: Notice) -> Order {
        let title = self.rules.title(way.application, way.language);
        let variables = (way.user.name.as_str(), title.as_str());
        Order {
            id: self.services.new_id(),
            trace: way.trace,
            user: way.user.id.clone(),
            application: way.application.into(),
            title: title.clone(),
            policy: way.dispatch.into(),
            addresses: self.rules.addresses(way.user),
            content: Content::Ready(self.rules.dispatcher.written(notice, way.language, variables)),
            label: String::new(),
            host: String::new(),
            language: way.language,
            flash: false,
            resent: false,
            from_rule: 0,
            expires: self.services.clock.now().plus(LIFE),
        }
    }
}
