//! Authentication policies: who must prove what, decided from the user and the circumstances alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::authentication_policy::{AuthenticationPolicy, Then, When};
use crate::directory::User;

/// What is known about an attempt.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The true client's address; nothing where the door cannot know it.
    pub address: Option<IpAddr>,
    pub application: Arc<str>,
    /// How long ago a phone number of the user was written, or first seen here; nothing where there is none.
    pub number_age: Option<Duration>,
}

/// What a policy says to a right password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    Refuse,
    /// The password is enough; where the address was a reason, only from there.
    Admit {
        only_from: Option<Vec<IpNet>>,
    },
    Challenge {
        dispatch: Arc<str>,
        passcode: Arc<str>,
    },
}

impl Decision {
    /// As the journal has it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Admit { .. } => "admit",
            Self::Challenge { .. } => "challenge",
        }
    }
}

/// The first rule that matches decides; its number (from 1) is for the journal. Nothing matching refuses.
pub fn decide(policy: &AuthenticationPolicy, user: &User, circumstances: &Circumstances) -> (usize, Decision) {
    for (index, rule) in policy.rules.iter().enumerate() {
        if !matches(&rule.when, user, circumstances) {
            continue;
        }
        let decision = match &rule.then {
            // Whoever's address is not known is never let in on a password alone.
            Then::Admit if circumstances.address.is_none() => continue,
            Then::Admit => Decision::Admit { only_from: rule.when.address.clone() },
            Then::Refuse => Decision::Refuse,
            Then::Challenge { dispatch, passcode } => {
                Decision::Challenge { dispatch: Arc::clone(dispatch), passcode: Arc::clone(passcode) }
            }
        };
        return (index + 1, decision);
    }
    (0, Decision::Refuse)
}

fn matches(when: &When, user: &User, circumstances: &Circumstances) -> bool {
    let within = |nets: &Vec<IpNet>| circumstances.address.is_some_and(|address| nets.iter().any(|net| net.contains(&address)));
    let member = |groups: &Vec<String>| groups.iter().any(|group| is_member(user, group));
    let at = |applications: &Vec<Arc<str>>| applications.contains(&circumstances.application);
    when.address.as_ref().is_none_or(within)
        && when.address_not.as_ref().is_none_or(|nets| !within(nets))
        && when.group.as_ref().is_none_or(member)
        && when.group_not.as_ref().is_none_or(|groups| !member(groups))
        && when.application.as_ref().is_none_or(at)
        && when.application_not.as_ref().is_none_or(|applications| !at(applications))
        && when.mobile_changed_within.is_none_or(|within| circumstances.number_age.is_some_and(|age| age < within))
}

fn is_member(user: &User, group: &str) -> bool {
    let group = group.to_lowercase();
    user.groups.iter().any(|own| own.to_lowercase() == group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::authentication_policy::Rule;

    fn user(groups: &[&str]) -> User {
        User { groups: groups.iter().map(ToString::to_string).collect(), ..User::bare("alice") }
    }

    fn at(address: Option<&str>) -> Circumstances {
        Circumstances { address: address.map(|address| address.parse().unwrap()), application: "mail".into(), number_age: None }
    }

    fn nets(text: &str) -> Option<Vec<IpNet>> {
        Some(vec![text.parse().unwrap()])
    }

    fn first_matches(when: When, then: Then, user: &User, circumstances: &Circumstances) -> bool {
        let policy = AuthenticationPolicy {
            name: "p".into(),
            rules: vec![Rule { when, then }, Rule { when: When::default(), then: Then::Refuse }],
        };
        decide(&policy, user, circumstances).0 == 1
    }

    #[test]
    fn an_unknown_address_matches_no_address_and_every_negation() {
        let inside = When { address: nets("10.0.0.0/8"), ..When::default() };
        let outside = When { address_not: nets("10.0.0.0/8"), ..When::default() };
        let table = [
            (&inside, Some("10.1.1.1"), true),
            (&inside, Some("192.0.2.1"), false),
            (&inside, None, false),
            (&outside, Some("10.1.1.1"), false),
            (&outside, Some("192.0.2.1"), true),
            (&outside, None, true),
        ];
        for (when, address, expected) in table {
            assert_eq!(first_matches(when.clone(), Then::Refuse, &user(&[]), &at(address)), expected, "{when:?} {address:?}");
        }
    }

    #[test]
    fn an_unknown_address_is_never_admitted() {
        assert!(!first_matches(When::default(), Then::Admit, &user(&[]), &at(None)));
        let outside = When { address_not: nets("10.0.0.0/8"), ..When::default() };
        assert!(!first_matches(outside, Then::Admit, &user(&[]), &at(None)));
    }

    #[test]
    fn groups_match_in_any_case_and_all_conditions_count() {
        let both = When { group: Some(vec!["CN=Staff".into()]), application: Some(vec!["mail".into()]), ..When::default() };
        assert!(first_matches(both.clone(), Then::Refuse, &user(&["cn=staff"]), &at(None)));
        assert!(!first_matches(both.clone(), Then::Refuse, &user(&["cn=other"]), &at(None)));
        let elsewhere = Circumstances { address: None, application: "wiki".into(), number_age: None };
        assert!(!first_matches(both, Then::Refuse, &user(&["cn=staff"]), &elsewhere));
    }

    #[test]
    fn a_number_is_new_until_its_time_is_over_and_none_is_not_new() {
        let new = When { mobile_changed_within: Some(Duration::from_secs(60)), ..When::default() };
        let table = [(None, false), (Some(0), true), (Some(59), true), (Some(60), false)];
        for (age, expected) in table {
            let circumstances = Circumstances { number_age: age.map(Duration::from_secs), ..at(None) };
            assert_eq!(first_matches(new.clone(), Then::Refuse, &user(&[]), &circumstances), expected, "{age:?}");
        }
    }

    #[test]
    fn no_rule_that_matches_refuses() {
        let policy = AuthenticationPolicy { name: "p".into(), rules: Vec::new() };
        assert_eq!(decide(&policy, &user(&[]), &at(None)), (0, Decision::Refuse));
    }
}
