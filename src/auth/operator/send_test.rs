//! `send-test`: an operator tries the way to one person.

use crate::auth::account::notice::{Notices, Way};

use crate::base::{Language, TraceId};
use crate::directory::Name;
use crate::directory::people::Found;
use crate::dispatch::{DispatchError, Notice};

/// What is to be tried.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct SendTest {
    /// As it would be typed at the login page.
    pub user: String,
    /// A dispatch policy; may be left out where there is one alone.
    pub policy: Option<String>,
    /// The rule of it to begin with, from 1.
    pub rule: Option<usize>,
    /// An application, to welcome the user to instead of sending a test.
    pub welcome: Option<String>,
}

/// A message that is under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestSent {
    pub message: String,
    pub trace: TraceId,
}

/// As the journal has it.
impl std::fmt::Display for SendTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "send-test --user {}", self.user)?;
        self.policy.iter().try_for_each(|policy| write!(f, " --policy {policy}"))?;
        self.rule.iter().try_for_each(|rule| write!(f, " --rule {rule}"))?;
        self.welcome.iter().try_for_each(|application| write!(f, " --welcome {application}"))
    }
}

impl Notices {
    /// Hands the message over; in words why not.
    pub(in crate::auth) async fn send_test(&self, trial: SendTest) -> Result<TestSent, String> {
        let name = Name::parse(&trial.user).ok_or("that cannot be a user name")?;
        let user = match self.rules.people.find(&name).await {
            Ok(Found::One(account)) => account.user,
            Ok(Found::Nobody) => return Err(format!("{} is nobody who may sign in (see `doorward user report`)", trial.user)),
            Ok(Found::Several(ids)) => return Err(format!("{} means several: {}", trial.user, ids.join(", "))),
            Err(error) => return Err(format!("the directory does not say: {error}")),
        };
        let policy = self.policy_of(trial.policy)?;
        let language = user.language.as_deref().and_then(Language::preferred).unwrap_or(Language::ENGLISH);
        let (notice, application) = match &trial.welcome {
            None => (Notice::Test, ""),
            Some(name) => match self.rules.applications.get(name.as_str()) {
                Some(application) => (Notice::Welcome, application.named_host().map_or("", |host| &**host)),
                None => return Err(format!("there is no application {name}")),
            },
        };
        let trace = self.services.new_trace();
        let mut order = self.letter(&Way { user: &user, language, dispatch: &policy, application, trace }, notice);
        order.from_rule = trial.rule.map(|rule| rule.saturating_sub(1)).unwrap_or_default();
        let message = order.id.clone();
        match self.rules.dispatcher.hand_over(order).await {
            Ok(_) => Ok(TestSent { message, trace }),
            Err(DispatchError::NoRoute) => Err(self.rules.dispatcher.reaches(&policy, &self.rules.addresses(&user)).map_or_else(
                |why| format!("no rule of {policy} leads to {}: {why}", user.name),
                |()| format!("no rule of {policy} from there on leads to {}", user.name),
            )),
            Err(error) => Err(error.to_string()),
        }
    }

    fn policy_of(&self, named: Option<String>) -> Result<String, String> {
        let all = self.rules.dispatcher.policies();
        match (named, all.as_slice()) {
            (Some(named), _) if all.iter().any(|policy| **policy == *named) => Ok(named),
            (Some(named), _) => Err(format!("there is no dispatch policy {named}, but {}", all.join(", "))),
            (None, [only]) => Ok(only.to_string()),
            (None, _) => Err(format!("say which dispatch policy is meant with --policy: {}", all.join(", "))),
        }
    }
}
