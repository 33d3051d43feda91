//! What strangers and users may ask. Everything here that may be slow (directory, store, sending, hashing) runs on the slow
//! runtime; a core that serves requests only waits for the answer, and a caller that goes away stops nothing half-way.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Attempt;
use super::ask::{Ask, Declined, PasswordAttempt, Told};
use super::operator::OperatorApi;
use super::operator::account::{AccountDone, AccountTask, Accounts};
use super::operator::report::Report;
use super::operator::send_test::{SendTest, TestSent};
use super::readiness::{Closing, Outlook, Readiness};
use super::rules::Parts;
use super::session::registry::{About, Sessions};
use super::steps::Steps;
use super::trouble::Trouble;
use crate::audit::{Journal, What};
use crate::base::Secret;
use crate::directory::People;

/// Cheap to clone; every core has one.
#[derive(Clone)]
pub struct Gatekeeper {
    steps: Arc<Steps>,
    sessions: Sessions,
    slow: Handle,
    places: Arc<Semaphore>,
    outlook: Arc<Outlook>,
}

/// So many questions are worked on at once; one more is told to try again.
const MOST_AT_ONCE: usize = 1024;

impl Gatekeeper {
    /// `slow` is the runtime that all work is done on; it must run on threads of its own.
    pub fn new(parts: Parts, slow: Handle) -> Self {
        let (sessions, places) = (parts.sessions.clone(), Arc::new(Semaphore::new(MOST_AT_ONCE)));
        Self { steps: Arc::new(Steps::new(parts, None)), sessions, slow, places, outlook: Outlook::new() }
    }

    /// The same house rules under another configuration: what is remembered, the places and the runtime stay. What was begun under the
    /// old one is finished under it.
    pub fn renewed(&self, parts: Parts) -> Self {
        let steps = Arc::new(Steps::new(parts, Some(&self.steps)));
        let (slow, places, outlook) = (self.slow.clone(), Arc::clone(&self.places), self.outlook.renewed());
        Self { steps, sessions: self.sessions.clone(), slow, places, outlook }
    }

    /// One question of one person at one door.
    pub async fn ask(&self, ask: Ask) -> Told {
        match ask {
            Ask::Password(attempt) => self.password(attempt).await,
            Ask::SignOut { cookie, about } => self.sign_out(cookie, about).await,
            Ask::Flow { at, flow, what } => {
                let (steps, came) = (Arc::clone(&self.steps), at.clone());
                match self.slowly(async move { steps.of_flow(&at, &flow, what).await }).await {
                    Ok(Ok(told)) => told,
                    Ok(Err(error)) => {
                        let trace = self.steps.services.new_trace();
                        tracing::error!(%error, %trace, "the second step could not be decided");
                        self.note_trouble(Trouble::of_sign_in(&came, trace, "broken", error.to_string()));
                        Told::declined(Declined::Broken, trace)
                    }
                    Err(why) => self.not_begun(&came, why),
                }
            }
        }
    }

    async fn password(&self, attempt: PasswordAttempt) -> Told {
        let clock = &self.steps.services.clock;
        let received = clock.now();
        let (steps, came) = (Arc::clone(&self.steps), attempt.at.clone());
        match self.slowly(async move { steps.password.password(attempt, received).await }).await {
            Ok((told, leaves)) => {
                // Waits without a place: a client that is refused again and again must not use up what others need.
                clock.sleep(leaves.since(clock.now())).await;
                told
            }
            Err(why) => self.not_begun(&came, why),
        }
    }

    fn not_begun(&self, at: &Attempt, why: Declined) -> Told {
        let trace = self.steps.services.new_trace();
        let (reason, detail) = match why {
            Declined::Busy => ("busy", "too many sign-ins are being worked on"),
            _ => ("broken", "a step of a sign-in ended in a panic"),
        };
        self.note_trouble(Trouble::of_sign_in(at, trace, reason, detail.to_owned()));
        Told::declined(why, trace)
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.steps.services.journal
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.slow
    }

    async fn sign_out(&self, cookie: Secret<String>, about: About) -> Told {
        let Some(session) = self.sessions.of_cookie(cookie.expose()) else { return Told::SignedOut };
        let sessions = self.sessions.clone();
        // Not `slowly`: an end that is refused because others are busy would be no end.
        let ended = self.slow.spawn(async move {
            let what = What::SignedOut { session: session.id.to_string() };
            if let Err(error) = sessions.end(&session, what, &about).await {
                tracing::error!(%error, "a session ended here, but its record could not be removed");
            }
        });
        drop(ended.await);
        Told::SignedOut
    }

    /// Whether people can sign in now. Costs directories and store nothing where it was asked within the last five seconds.
    pub async fn readiness(&self) -> Arc<Readiness> {
        self.outlook.readiness((&self.steps.rules.people, &self.steps.services), &self.slow).await
    }

    /// What tells those who ask for the readiness that the node is being stopped.
    pub fn closing(&self) -> Closing {
        self.outlook.closing()
    }

    /// Works on something to its end on the slow runtime, whether or not anybody waits for it.
    pub fn finish(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.slow.spawn(work));
    }

    /// What operators may ask of the same rules.
    pub fn operations(&self) -> Operations {
        Operations { gatekeeper: self.clone() }
    }

    async fn slowly<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Declined> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Err(Declined::Busy) };
        let done = self.slow.spawn(async move {
            let _place = place;
            work.await
        });
        done.await.map_err(|_| Declined::Broken)
    }
}

/// What operators may ask of the house rules as they are configured now.
pub struct Operations {
    gatekeeper: Gatekeeper,
}

impl Operations {
    /// Forgets what need not be remembered. Called about once a minute.
    pub fn forget_fresh(&self) {
        self.gatekeeper.steps.limiter.forget_fresh();
    }

    /// The users that can sign in here and those that cannot, in every directory or in one. Nothing where there is no such directory.
    pub fn report(&self, directory: Option<&str>) -> Option<Report> {
        Report::new(Arc::clone(&self.gatekeeper.steps.rules), directory)
    }

    /// Sends a test or a welcome; in words why not.
    pub async fn send_test(&self, test: SendTest) -> Result<TestSent, String> {
        let steps = Arc::clone(&self.gatekeeper.steps);
        let sent = self.gatekeeper.slowly(async move { steps.factors.notices.send_test(test).await });
        sent.await.unwrap_or_else(|_| Err("the node is very busy".to_owned()))
    }

    /// What is to be done about one account; in words why not.
    pub async fn of_account(&self, task: AccountTask, operators: OperatorApi, uid: u32) -> Result<AccountDone, String> {
        let accounts = Accounts { steps: Arc::clone(&self.gatekeeper.steps), operators };
        let done = self.gatekeeper.slowly(async move { accounts.work(task, uid).await });
        done.await.unwrap_or_else(|_| Err("the node is very busy".to_owned()))
    }

    /// The directories of all users.
    pub fn people(&self) -> &People {
        &self.gatekeeper.steps.rules.people
    }
}
