//! `[[authentication_policy]]`: who must prove what. The first rule that matches decides; the last has no `when`.

use std::sync::Arc;

use ipnet::IpNet;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthenticationPolicy {
    pub name: Arc<str>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub when: When,
    pub then: Then,
}

/// All that is given must match; within one list any entry does. An unknown address matches no `address` and every
/// `address_not`, and never an `admit`. Every key has its negation: `address_not`, `group_not`, `application_not`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct When {
    pub address: Option<Vec<IpNet>>,
    pub address_not: Option<Vec<IpNet>>,
    /// Compared with the user's groups without regard to case.
    pub group: Option<Vec<String>>,
    pub group_not: Option<Vec<String>>,
    pub application: Option<Vec<Arc<str>>>,
    pub application_not: Option<Vec<Arc<str>>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// The password is enough.
    Admit,
    Refuse,
    /// A passcode is needed besides (`factors = ["passcode"]`, the only factor in this version).
    Challenge {
        /// Name of a dispatch policy.
        dispatch: Arc<str>,
        /// Name of a passcode policy.
        passcode: Arc<str>,
    },
}
