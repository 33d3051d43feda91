//! What people are told about their account, on the way their passcodes take. A notice that cannot be sent changes nothing.

use std::time::Duration;

use crate::auth::flow::record::Flow;
use crate::auth::house::{Attempt, House};
use crate::auth::limit::known_browser::{Browser, Known};
use crate::base::{Language, TraceId};
use crate::directory::User;
use crate::dispatch::{Content, Notice, Order};
use crate::store::{Counter, Place, Taken};

/// Later than this nobody wants to know.
const LIFE: Duration = Duration::from_secs(3600);
const TOLD: Counter = Counter::PauseNotice;

/// Whom, and by which way.
pub(in crate::auth) struct Way<'a> {
    pub user: &'a User,
    pub language: Language,
    pub dispatch: &'a str,
    /// The application's name; empty where it is about none.
    pub application: &'a str,
    pub trace: TraceId,
}

impl<'a> Way<'a> {
    fn of(flow: &'a Flow, user: &'a User) -> Self {
        Self { user, language: flow.language, dispatch: &flow.dispatch, application: &flow.application, trace: flow.trace }
    }
}

impl House {
    /// Somebody has just come in; tells the user where this browser has never been theirs.
    pub(in crate::auth) async fn tell_new_place(&self, at: &Attempt, flow: &Flow, user: &User) {
        let known = Known::read(at.known.as_deref(), &self.keys);
        if self.notices.new_place && matches!(known.by_user(&user.id, &self.keys), Browser::Stranger) {
            self.tell(&Way::of(flow, user), Notice::NewPlace { at: self.clock.now() }).await;
        }
    }

    /// A wrong code was counted; where it was the last one that is borne, the user is told, once in a pause.
    pub(in crate::auth) async fn tell_paused(&self, flow: &Flow, user: &User) {
        if !self.notices.factor_paused {
            return;
        }
        let (now, rate) = (self.clock.now(), self.limits.wrong_factors_per_user);
        let place = Place { kind: TOLD, owner: user.id.as_str(), id: user.id.as_str() };
        let first = async {
            Ok::<_, crate::store::StoreError>(
                self.is_paused(user, now).await?.is_some()
                    && matches!(self.stores.counters.take(place, 1, rate.window, now).await?, Taken::Yes { .. }),
            )
        };
        match first.await {
            Ok(true) => self.tell(&Way::of(flow, user), Notice::Paused { minutes: rate.window.as_secs() / 60 }).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "nobody knows whether a user is to be told of a pause"),
        }
    }

    async fn tell(&self, way: &Way<'_>, notice: Notice) {
        if let Err(error) = self.dispatcher.hand_over(self.letter(way, notice)).await {
            tracing::warn!(%error, user.id = %way.user.id, trace = %way.trace, "a notice could not be sent");
        }
    }

    /// The order for a notice or a test.
    pub(in crate::auth) fn letter(&self, way: &Way<'_>, notice: Notice) -> Order {
        let variables = (way.user.name.as_str(), way.application);
        Order {
            id: self.new_id(),
            trace: way.trace,
            user: way.user.id.clone(),
            application: way.application.into(),
            policy: way.dispatch.into(),
            addresses: self.addresses(way.user),
            content: Content::Ready(self.dispatcher.written(notice, way.language, variables)),
            label: String::new(),
            host: String::new(),
            language: way.language,
            flash: false,
            resent: false,
            from_rule: 0,
            expires: self.clock.now().plus(LIFE),
        }
    }
}
