//! Authentication policies: who must prove what, decided from the user and the circumstances alone.

mod elsewhere;
pub(in crate::auth) mod evaluate;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use elsewhere::groups_elsewhere;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::audit::GroupFact;
use crate::base::Plan;
use crate::config::authentication_policy::{AuthenticationPolicy, Line, Then, When};
use crate::config::group::Group;
use crate::directory::{Doubt, Membership};

/// What is known about an attempt.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The true client's address; nothing where the door cannot know it.
    pub address: Option<IpAddr>,
    /// Nothing where the door leads to no application of ours: that is no `application`, and every `application_not`.
    pub application: Option<Arc<str>>,
    /// How long ago a phone number of the user was written, or first seen here; nothing where there is none.
    pub number_age: Option<Duration>,
}

/// What the directory said of the groups that it was asked about.
#[derive(Clone, Debug, Default)]
pub struct Memberships(Vec<(Group, Membership)>);

impl Memberships {
    pub fn new(groups: Vec<Group>, told: Vec<Membership>) -> Self {
        Self(groups.into_iter().zip(told).collect())
    }

    /// The groups of these that are not told of yet.
    fn unknown(&self, mut groups: Vec<Group>) -> Vec<Group> {
        groups.retain(|group| !self.0.iter().any(|(asked, _)| asked == group));
        groups
    }

    /// The same with what was told of further groups.
    fn with(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// As the journal has them.
    pub fn facts(&self) -> Vec<GroupFact> {
        let answer = |membership: &Membership| match membership {
            Membership::Member => "member".to_owned(),
            Membership::NotMember => "not-member".to_owned(),
            Membership::CannotSay(doubt) => doubt.to_string(),
        };
        self.0.iter().map(|(group, told)| GroupFact { group: group.written().to_string(), answer: answer(told) }).collect()
    }

    /// A group that no directory was asked about is one that it cannot tell.
    fn of(&self, group: &Group) -> &Membership {
        let asked = self.0.iter().find(|(asked, _)| asked == group);
        asked.map_or(&Membership::CannotSay(Doubt::NotAsked), |(_, told)| told)
    }
}

/// What a policy says to a right password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    Refuse,
    /// The password is enough; where the address was a reason, only from there.
    Admit {
        only_from: Option<Vec<IpNet>>,
    },
    /// More is to be proven.
    Challenge {
        plan: Plan,
        terms: Terms,
    },
}

/// The policies that the factors of a plan go by: what the rule that challenged says besides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// Name of a dispatch policy.
    pub dispatch: Arc<str>,
    /// Name of a passcode policy.
    pub passcode: Arc<str>,
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

/// What a policy decided, and what it could not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// The number of the rule, from 1; 0 where none matched.
    pub rule: usize,
    pub decision: Decision,
    /// A refusal that the client's address made: from another address the same user goes on.
    pub by_address: bool,
    pub undecided: Vec<Undecided>,
}

/// A rule that the directory could not decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undecided {
    pub rule: usize,
    pub line: Line,
    /// As the operator wrote it.
    pub group: Arc<str>,
    pub doubt: Doubt,
    /// Whether the rule was taken nevertheless, as one is that refuses or challenges.
    pub is_taken: bool,
}

/// `rule 2 (line 57) is skipped: group "cn=staff,dc=corp": it does not exist, …`
impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, line, group, doubt, is_taken } = self;
        let becomes = if *is_taken { "taken" } else { "skipped" };
        write!(f, "rule {rule} ({line}) is {becomes}: group {group:?}: {doubt}")
    }
}

/// The groups that the decision may depend on: those of the rules that nothing else excludes, up to one that matches without groups.
pub fn groups_in_question(policy: &AuthenticationPolicy, circumstances: &Circumstances) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for rule in policy.rules.iter().filter(|rule| matches_but_for_groups(&rule.when, circumstances)) {
        let named: Vec<&Group> = rule.when.group.iter().chain(&rule.when.group_not).flatten().collect();
        if named.is_empty() {
            break;
        }
        for group in named {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
    }
    groups
}

/// The first rule that matches decides. Nothing matching refuses. A rule that the directory cannot decide never admits; one that
/// refuses or challenges is taken.
pub fn decide(policy: &AuthenticationPolicy, circumstances: &Circumstances, memberships: &Memberships) -> Decided {
    let decided = first_match(policy, circumstances, memberships);
    let by_address = decided.decision == Decision::Refuse && elsewhere::goes_on(policy, circumstances, memberships);
    Decided { by_address, ..decided }
}

fn first_match(policy: &AuthenticationPolicy, circumstances: &Circumstances, memberships: &Memberships) -> Decided {
    let mut undecided = Vec::new();
    for (index, rule) in policy.rules.iter().enumerate() {
        let (number, admits) = (index + 1, rule.then == Then::Admit);
        let matched = matches(&rule.when, circumstances, memberships);
        if let Match::Unclear(group, doubt) = &matched {
            let (group, doubt) = (Arc::clone(group.written()), (*doubt).clone());
            undecided.push(Undecided { rule: number, line: rule.line, group, doubt, is_taken: !admits });
        }
        // A user whose address is not known is never let in on a password alone.
        let may_admit = matches!(matched, Match::Yes) && circumstances.address.is_some();
        if matches!(matched, Match::No) || (admits && !may_admit) {
            continue;
        }
        let decision = match &rule.then {
            Then::Admit => Decision::Admit { only_from: rule.when.address.clone() },
            Then::Refuse => Decision::Refuse,
            Then::Challenge { plan, dispatch, passcode } => Decision::Challenge {
                plan: plan.clone(),
                terms: Terms { dispatch: Arc::clone(dispatch), passcode: Arc::clone(passcode) },
            },
        };
        return Decided { rule: number, decision, by_address: false, undecided };
    }
    Decided { rule: 0, decision: Decision::Refuse, by_address: false, undecided }
}

/// Whether a rule matches.
enum Match<'a> {
    Yes,
    No,
    /// It depends on this group.
    Unclear(&'a Group, &'a Doubt),
}

fn matches<'a>(when: &'a When, circumstances: &Circumstances, memberships: &'a Memberships) -> Match<'a> {
    if !matches_but_for_groups(when, circumstances) {
        return Match::No;
    }
    let member = when.group.as_deref().map_or(Match::Yes, |groups| in_any(groups, memberships));
    let outside = match when.group_not.as_deref().map_or(Match::No, |groups| in_any(groups, memberships)) {
        Match::Yes => Match::No,
        Match::No => Match::Yes,
        unclear => unclear,
    };
    match (member, outside) {
        (Match::No, _) | (_, Match::No) => Match::No,
        (Match::Yes, other) => other,
        (unclear, _) => unclear,
    }
}

fn matches_but_for_groups(when: &When, circumstances: &Circumstances) -> bool {
    let within = |nets: &Vec<IpNet>| circumstances.address.is_some_and(|address| nets.iter().any(|net| net.contains(&address)));
    let at = |applications: &Vec<Arc<str>>| circumstances.application.as_ref().is_some_and(|name| applications.contains(name));
    when.address.as_ref().is_none_or(within)
        && when.address_not.as_ref().is_none_or(|nets| !within(nets))
        && when.application.as_ref().is_none_or(at)
        && when.application_not.as_ref().is_none_or(|applications| !at(applications))
        && when.mobile_changed_within.is_none_or(|within| circumstances.number_age.is_some_and(|age| age < within))
}

fn in_any<'a>(groups: &'a [Group], memberships: &'a Memberships) -> Match<'a> {
    let mut found = Match::No;
    for group in groups {
        match memberships.of(group) {
            Membership::Member => return Match::Yes,
            Membership::CannotSay(doubt) => found = Match::Unclear(group, doubt),
            Membership::NotMember => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Plan;
    use crate::config::authentication_policy::Rule;

    fn group(name: &str) -> Group {
        Group::parse(name).unwrap()
    }

    fn in_staff(membership: Membership) -> Memberships {
        Memberships::new(vec![group("cn=staff,dc=x")], vec![membership])
    }

    fn missing() -> Membership {
        Membership::CannotSay(Doubt::Missing)
    }

    fn at(address: Option<&str>) -> Circumstances {
        Circumstances {
            address: address.map(|address| address.parse().unwrap()),
            application: Some("mail".into()),
            number_age: None,
        }
    }

    fn nets(text: &str) -> Option<Vec<IpNet>> {
        Some(vec![text.parse().unwrap()])
    }

    fn first_matches(when: When, then: Then, memberships: &Memberships, circumstances: &Circumstances) -> bool {
        let policy = AuthenticationPolicy {
            name: "p".into(),
            rules: vec![Rule { when, then, line: Line(1) }, Rule { when: When::default(), then: Then::Refuse, line: Line(2) }],
            accept: Vec::new(),
        };
        decide(&policy, circumstances, memberships).rule == 1
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
            assert_eq!(
                first_matches(when.clone(), Then::Refuse, &Memberships::default(), &at(address)),
                expected,
                "{when:?} {address:?}"
            );
        }
    }

    #[test]
    fn an_unknown_address_is_never_admitted() {
        assert!(!first_matches(When::default(), Then::Admit, &Memberships::default(), &at(None)));
        let outside = When { address_not: nets("10.0.0.0/8"), ..When::default() };
        assert!(!first_matches(outside, Then::Admit, &Memberships::default(), &at(None)));
    }

    #[test]
    fn a_rule_that_depends_on_an_unclear_group_admits_nobody_and_is_taken_otherwise() {
        use Membership::{Member, NotMember};
        let groups = || Some(vec![group("cn=staff,dc=x")]);
        let (inside, outside) = (When { group: groups(), ..When::default() }, When { group_not: groups(), ..When::default() });
        let challenge = || Then::Challenge { plan: Plan::nothing(), dispatch: "d".into(), passcode: "p".into() };
        let table = [
            (&inside, Then::Admit, [true, false, false]),
            (&inside, Then::Refuse, [true, false, true]),
            (&inside, challenge(), [true, false, true]),
            (&outside, Then::Admit, [false, true, false]),
            (&outside, Then::Refuse, [false, true, true]),
            (&outside, challenge(), [false, true, true]),
        ];
        for (when, then, expected) in table {
            for (membership, expected) in [Member, NotMember, missing()].into_iter().zip(expected) {
                let matched = first_matches(when.clone(), then.clone(), &in_staff(membership.clone()), &at(Some("10.0.0.1")));
                assert_eq!(matched, expected, "{when:?} {then:?} {membership:?}");
            }
        }
    }

    #[test]
    fn what_excludes_a_rule_anyway_makes_it_clear() {
        let group_not = Some(vec![group("cn=staff,dc=x")]);
        let elsewhere = When { group_not: group_not.clone(), application: Some(vec!["wiki".into()]), ..When::default() };
        assert!(!first_matches(elsewhere, Then::Refuse, &in_staff(missing()), &at(None)));
        let member = Memberships::new(vec![group("cn=staff,dc=x"), group("cn=other,dc=x")], vec![missing(), Membership::Member]);
        let both = When { group_not: Some(vec![group("cn=staff,dc=x"), group("cn=other,dc=x")]), ..When::default() };
        assert!(!first_matches(both, Then::Refuse, &member, &at(None)));
        let mixed = When { group: Some(vec![group("cn=other,dc=x")]), group_not, ..When::default() };
        assert!(first_matches(mixed.clone(), Then::Refuse, &member, &at(None)));
        assert!(!first_matches(mixed, Then::Admit, &member, &at(Some("10.0.0.1"))));
    }

    #[test]
    fn what_could_not_be_decided_is_said_with_group_and_line() {
        let when = When { group_not: Some(vec![group("cn=staff,dc=x")]), ..When::default() };
        let rules = vec![
            Rule { when: when.clone(), then: Then::Admit, line: Line(57) },
            Rule { when, then: Then::Refuse, line: Line(58) },
        ];
        let decided = decide(
            &AuthenticationPolicy { name: "p".into(), rules, accept: Vec::new() },
            &at(Some("10.0.0.1")),
            &in_staff(missing()),
        );
        assert_eq!((decided.rule, decided.decision), (2, Decision::Refuse));
        let said: Vec<String> = decided.undecided.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "rule 1 (line 57) is skipped: group \"cn=staff,dc=x\": it does not exist, or the service user may not read it",
                "rule 2 (line 58) is taken: group \"cn=staff,dc=x\": it does not exist, or the service user may not read it",
            ]
        );
    }

    #[test]
    fn only_groups_that_the_decision_may_depend_on_are_asked_for() {
        let when = |name: &str| When { group: Some(vec![group(name)]), ..When::default() };
        let elsewhere = When { application: Some(vec!["wiki".into()]), ..when("cn=c,dc=x") };
        let rule = |when| Rule { when, then: Then::Refuse, line: Line(1) };
        let rules = [when("cn=a,dc=x"), elsewhere, when("cn=a,dc=x"), when("cn=b,dc=x"), When::default(), when("cn=d,dc=x")];
        let policy = AuthenticationPolicy { name: "p".into(), rules: rules.into_iter().map(rule).collect(), accept: Vec::new() };
        assert_eq!(groups_in_question(&policy, &at(None)), [group("cn=a,dc=x"), group("cn=b,dc=x")]);
    }

    #[test]
    fn names_that_only_we_take_for_one_are_asked_about_one_by_one() {
        let when = |name: &str| When { group_not: Some(vec![group(name)]), ..When::default() };
        let rule = |when| Rule { when, then: Then::Admit, line: Line(1) };
        let names = ["cn=straße,dc=x", "cn=strasse,dc=x"];
        let challenge = Rule { when: When::default(), then: Then::Refuse, line: Line(3) };
        let policy = AuthenticationPolicy {
            name: "p".into(),
            rules: vec![rule(When { group: Some(vec![group(names[0])]), ..When::default() }), rule(when(names[1])), challenge],
            accept: Vec::new(),
        };
        let asked = groups_in_question(&policy, &at(Some("10.0.0.1")));
        assert_eq!(asked, names.map(group));
        // In the second and not in the first.
        let told = Memberships::new(asked, vec![Membership::NotMember, Membership::Member]);
        assert_eq!(decide(&policy, &at(Some("10.0.0.1")), &told).decision, Decision::Refuse);
    }

    #[test]
    fn a_number_is_new_until_its_time_is_over_and_none_is_not_new() {
        let new = When { mobile_changed_within: Some(Duration::from_secs(60)), ..When::default() };
        let table = [(None, false), (Some(0), true), (Some(59), true), (Some(60), false)];
        for (age, expected) in table {
            let circumstances = Circumstances { number_age: age.map(Duration::from_secs), ..at(None) };
            assert_eq!(first_matches(new.clone(), Then::Refuse, &Memberships::default(), &circumstances), expected, "{age:?}");
        }
    }

    #[test]
    fn no_rule_that_matches_refuses() {
        let policy = AuthenticationPolicy { name: "p".into(), rules: Vec::new(), accept: Vec::new() };
        let decided = decide(&policy, &at(None), &Memberships::default());
        assert_eq!((decided.rule, decided.decision), (0, Decision::Refuse));
    }
}
