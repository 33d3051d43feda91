//! The steps of a sign-in, put together from what each of them needs.

use std::collections::HashMap;
use std::sync::Arc;

use super::Attempt;
use super::account::notice::Notices;
use super::account::number_age::NumberAge;
use super::ask::{OfFlow, Told};
use super::entry::Entry;
use super::flow::engine::FactorStep;
use super::flow::final_check::FinalCheck;
use super::flow::record::Flows;
use super::limit::Limiter;
use super::passcode::issue::Passcodes;
use super::passcode::resend::Resend;
use super::password::change::PasswordChange;
use super::password::check::PasswordCheck;
use super::password::login::PasswordStep;
use super::policy::evaluate::{Evaluator, SaidLately};
use super::rules::{Parts, Rules};
use super::services::{CouldNotTell, Services};

pub(super) struct Steps {
    pub services: Services,
    pub rules: Arc<Rules>,
    pub limiter: Arc<Limiter>,
    pub password: PasswordStep,
    pub factors: Arc<FactorStep>,
    resend: Resend,
    change: Arc<PasswordChange>,
    said_lately: Arc<SaidLately>,
}

impl Steps {
    /// Begins with the memory of the ones before, if there were any.
    pub fn new(parts: Parts, before: Option<&Self>) -> Self {
        let Parts { limits, sessions, services, .. } = parts;
        let rules = Arc::new(Rules {
            applications: named(parts.applications, |it| &it.name),
            authentication_policies: named(parts.authentication_policies, |it| &it.name),
            passcode_policies: named(parts.passcode_policies, |it| &it.name),
            notices: parts.notices,
            people: parts.people,
            password_warnings: parts.password_warnings,
            dispatcher: parts.dispatcher,
        });
        let limiter = Arc::new(Limiter::new(services.clone(), limits, before.map(|before| &*before.limiter)));
        let flows = Flows::new(&services, Arc::clone(&rules));
        let passcodes = Passcodes { services: services.clone(), rules: Arc::clone(&rules), limiter: Arc::clone(&limiter) };
        let final_check = FinalCheck { services: services.clone(), rules: Arc::clone(&rules) };
        let entry = Entry { services: services.clone(), rules: Arc::clone(&rules), sessions };
        let factors = Arc::new(FactorStep {
            services: services.clone(),
            flows: flows.clone(),
            limiter: Arc::clone(&limiter),
            passcodes: passcodes.clone(),
            final_check: final_check.clone(),
            notices: Notices { services: services.clone(), rules: Arc::clone(&rules), limiter: Arc::clone(&limiter) },
            entry: entry.clone(),
        });
        let change = Arc::new(PasswordChange {
            services: services.clone(),
            rules: Arc::clone(&rules),
            flows: flows.clone(),
            limiter: Arc::clone(&limiter),
            final_check,
            entry,
        });
        let said_lately = before.map(|before| Arc::clone(&before.said_lately)).unwrap_or_default();
        let password = PasswordStep {
            services: services.clone(),
            rules: Arc::clone(&rules),
            limiter: Arc::clone(&limiter),
            check: PasswordCheck { services: services.clone(), rules: Arc::clone(&rules), limiter: Arc::clone(&limiter) },
            evaluator: Evaluator {
                clock: services.clock.clone(),
                rules: Arc::clone(&rules),
                said_lately: Arc::clone(&said_lately),
            },
            number_age: NumberAge { services: services.clone() },
            factors: Arc::clone(&factors),
            change: Arc::clone(&change),
        };
        Self { services, rules, limiter, password, factors, resend: Resend { flows, passcodes }, change, said_lately }
    }

    /// A question about a flow.
    pub async fn of_flow(&self, at: &Attempt, flow: &str, what: OfFlow) -> Result<Told, CouldNotTell> {
        match what {
            OfFlow::Answer(typed) => self.factors.answer(at, flow, &typed).await,
            OfFlow::Resend => self.resend.resend(at, flow).await,
            OfFlow::OtherWay { rule } => self.resend.other_way(at, flow, rule).await,
            OfFlow::Look => self.factors.look(at, flow).await,
            OfFlow::LookChange => self.change.look(at, flow).await,
            OfFlow::Change { new, again } => self.change.change(at, flow, (&new, &again)).await,
            OfFlow::ChangeLater => self.change.change_later(at, flow).await,
        }
    }
}

fn named<T>(list: Vec<T>, name: impl Fn(&T) -> &Arc<str>) -> HashMap<Arc<str>, T> {
    list.into_iter().map(|it| (Arc::clone(name(&it)), it)).collect()
}
