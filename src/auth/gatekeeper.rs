//! What strangers and users may ask. Everything here that may be slow (directory, store, sending, hashing) runs on the slow
//! runtime; a core that serves requests only waits for the answer, and a caller that goes away stops nothing half-way.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::house::{Attempt, CouldNotTell, House, Parts};
use super::{Call, CallAnswer, Declined, FlowOver};
use crate::audit::What;
use crate::auth::flow::engine::Answer;
use crate::auth::flow::view::FlowView;
use crate::auth::operator::report::Report;
use crate::auth::operator::send_test::{Trial, Tried};
use crate::auth::password::change::{ChangeView, NewPassword};
use crate::auth::password::login::{PasswordAnswer, PasswordAttempt};
use crate::auth::session::registry::{About, Sessions};
use crate::auth::session::{Key, Permit, Wanted};
use crate::base::{Secret, TraceId};
use crate::directory::People;

/// Cheap to clone; every core has one.
#[derive(Clone)]
pub struct Gatekeeper {
    house: Arc<House>,
    sessions: Sessions,
    slow: Handle,
    places: Arc<Semaphore>,
}

/// So many questions are worked on at once; one more is told to try again.
const MOST_AT_ONCE: usize = 1024;

impl Gatekeeper {
    /// `slow` is the runtime that all work is done on; it must run on threads of its own.
    pub fn new(parts: Parts, slow: Handle) -> Self {
        let sessions = parts.sessions.clone();
        Self { house: Arc::new(House::new(parts, None)), sessions, slow, places: Arc::new(Semaphore::new(MOST_AT_ONCE)) }
    }

    /// The same house under another configuration: what it remembers, its places and its runtime stay. What was begun in the old one is
    /// finished there.
    pub fn renewed(&self, parts: Parts) -> Self {
        let house = Arc::new(House::new(parts, Some(&self.house)));
        Self { house, sessions: self.sessions.clone(), slow: self.slow.clone(), places: Arc::clone(&self.places) }
    }

    /// The first step: a name and a password.
    pub async fn password(&self, attempt: PasswordAttempt) -> PasswordAnswer {
        let received = self.house.clock.now();
        let house = Arc::clone(&self.house);
        match self.slowly(async move { house.password(attempt, received).await }).await {
            Ok((answer, leaves)) => {
                // Waits without a place: whoever is refused again and again must not use up what others need.
                self.house.clock.sleep(leaves.since(self.house.clock.now())).await;
                answer
            }
            Err(why) => PasswordAnswer::Declined { why, trace: self.new_trace() },
        }
    }

    /// The second step: a passcode.
    pub async fn answer(&self, at: Attempt, flow: String, typed: Secret<String>) -> Answer {
        let house = Arc::clone(&self.house);
        let answer = self.slowly(async move { house.answer(&at, &flow, typed.expose()).await }).await;
        self.told(answer).unwrap_or_else(|(why, trace)| Answer::Declined { why, trace })
    }

    /// A new passcode in place of the last.
    pub async fn resend(&self, at: Attempt, flow: String) -> Answer {
        let house = Arc::clone(&self.house);
        let answer = self.slowly(async move { house.resend(&at, &flow).await }).await;
        self.told(answer).unwrap_or_else(|(why, trace)| Answer::Declined { why, trace })
    }

    /// The passcode by another rule of the dispatch policy, numbered as [`FlowView::others`] has it.
    pub async fn other_channel(&self, at: Attempt, flow: String, rule: usize) -> Answer {
        let house = Arc::clone(&self.house);
        let answer = self.slowly(async move { house.other_way(&at, &flow, rule).await }).await;
        self.told(answer).unwrap_or_else(|(why, trace)| Answer::Declined { why, trace })
    }

    /// How far a flow is. The inner error is the flow's, the outer one says that nobody could tell.
    pub async fn look(&self, at: Attempt, flow: String) -> Result<Result<FlowView, FlowOver>, (Declined, TraceId)> {
        let house = Arc::clone(&self.house);
        self.told(self.slowly(async move { house.look(&at, &flow).await }).await)
    }

    /// What the page that asks for a new password shows.
    pub async fn look_change(&self, at: Attempt, flow: String) -> Result<Result<ChangeView, FlowOver>, (Declined, TraceId)> {
        let house = Arc::clone(&self.house);
        self.told(self.slowly(async move { house.look_change(&at, &flow).await }).await)
    }

    /// A new password, typed twice.
    pub async fn change(&self, at: Attempt, flow: String, typed: (Secret<String>, Secret<String>)) -> NewPassword {
        let house = Arc::clone(&self.house);
        let answer = self.slowly(async move { house.change(&at, &flow, (&typed.0, &typed.1)).await }).await;
        self.told(answer).unwrap_or_else(|(why, trace)| NewPassword::Declined { why, trace })
    }

    /// The old password stays for now.
    pub async fn change_later(&self, at: Attempt, flow: String) -> NewPassword {
        let house = Arc::clone(&self.house);
        let answer = self.slowly(async move { house.change_later(&at, &flow).await }).await;
        self.told(answer).unwrap_or_else(|(why, trace)| NewPassword::Declined { why, trace })
    }

    /// Whether we gave this path to a provider. No wait.
    pub fn expects_call(&self, transmitter: &str, token: &str) -> bool {
        self.house.dispatcher.expects_call(transmitter, token)
    }

    /// A provider's call. No wait: what it reports is dealt with after the answer.
    pub fn called(&self, transmitter: &str, call: &Call<'_>) -> Option<CallAnswer> {
        self.house.dispatcher.called(transmitter, call)
    }

    /// What a session cookie opens. For every request: no lock, no wait.
    pub fn admit<'a>(&self, cookie: &str, wanted: &Wanted<'a>) -> Option<Permit<'a>> {
        self.sessions.admit(cookie, wanted)
    }

    /// What somebody says of the key that a cookie is. It opens nothing by itself and is asked for every request that comes with it.
    pub fn judge<T>(&self, cookie: &str, judge: impl FnOnce(&Key) -> Option<T>) -> Option<T> {
        self.sessions.judge(cookie, judge)
    }

    /// Whether a cookie that opens nothing once opened a session.
    pub fn was_ours(&self, cookie: &str) -> bool {
        self.sessions.was_ours(cookie)
    }

    /// Whether a cookie has a session that can be ended.
    pub fn has_session(&self, cookie: &str) -> bool {
        self.sessions.of_cookie(cookie).is_some()
    }

    /// Ends the session of a cookie and all that runs under it.
    pub async fn sign_out(&self, cookie: &str, about: About) {
        let Some(session) = self.sessions.of_cookie(cookie) else { return };
        let sessions = self.sessions.clone();
        // Not `slowly`: an end that is refused because others are busy would be no end.
        let ended = self.slow.spawn(async move {
            let what = What::SignedOut { session: session.id.to_string() };
            if let Err(error) = sessions.end(&session, what, &about).await {
                tracing::error!(%error, "a session ended here, but its record could not be removed");
            }
        });
        drop(ended.await);
    }

    /// Forgets what need not be remembered. Called about once a minute.
    pub fn forget_fresh(&self) {
        self.house.memory.attempts.forget_fresh();
    }

    /// Who can sign in here and who cannot, in every directory or in one. Nothing where there is no such directory.
    pub fn report(&self, directory: Option<&str>) -> Option<Report> {
        Report::new(Arc::clone(&self.house), directory)
    }

    /// Sends a test or a welcome; in words why not.
    pub async fn try_out(&self, trial: Trial) -> Result<Tried, String> {
        let house = Arc::clone(&self.house);
        self.slowly(async move { house.try_out(trial).await }).await.unwrap_or_else(|_| Err("the node is very busy".to_owned()))
    }

    /// Everybody's directories, as this configuration has them.
    pub fn people(&self) -> &People {
        &self.house.people
    }

    fn new_trace(&self) -> TraceId {
        TraceId::new(self.house.random.as_ref())
    }

    async fn slowly<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Declined> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Err(Declined::Busy) };
        let done = self.slow.spawn(async move {
            let _place = place;
            work.await
        });
        done.await.map_err(|_| Declined::Broken)
    }

    fn told<T>(&self, answer: Result<Result<T, CouldNotTell>, Declined>) -> Result<T, (Declined, TraceId)> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let trace = self.new_trace();
                tracing::error!(%error, %trace, "the second step could not be decided");
                Err((Declined::Broken, trace))
            }
            Err(why) => Err((why, self.new_trace())),
        }
    }
}
