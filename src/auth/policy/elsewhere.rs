//! Whether a refusal was made for the client's address alone: the same attempt is judged from other addresses too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Circumstances, Decision, Memberships, first_match, groups_in_question};
use crate::config::authentication_policy::AuthenticationPolicy;
use crate::config::group::Group;

/// Whether the policy surely lets the same user go on from some other address. A group that the directory could not tell, or was not asked
/// about, makes nothing sure.
pub(super) fn goes_on(policy: &AuthenticationPolicy, circumstances: &Circumstances, memberships: &Memberships) -> bool {
    elsewhere(policy, circumstances).any(|there| {
        let decided = first_match(policy, &there, memberships);
        decided.decision != Decision::Refuse && decided.undecided.is_empty()
    })
}

/// The groups that the decision may depend on at other addresses.
pub fn groups_elsewhere(policy: &AuthenticationPolicy, circumstances: &Circumstances) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for group in elsewhere(policy, circumstances).flat_map(|there| groups_in_question(policy, &there)) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// The same attempt from one address of each part into which the networks of the rules cut the addresses: what is decided changes only where
/// a network begins, or behind its end. None where no rule asks for an address, or the client's is not known.
fn elsewhere<'a>(
    policy: &'a AuthenticationPolicy,
    circumstances: &'a Circumstances,
) -> impl Iterator<Item = Circumstances> + use<'a> {
    let known = policy.rules.iter().filter(|_| circumstances.address.is_some());
    let mut nets = known.flat_map(|rule| rule.when.address.iter().chain(&rule.when.address_not).flatten()).peekable();
    let first = nets.peek().map(|_| [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
    let edges = nets.flat_map(|net| [Some(net.network()), behind(net)]).flatten();
    first
        .into_iter()
        .flatten()
        .chain(edges)
        .take(MOST)
        .map(|address| Circumstances { address: Some(address), ..circumstances.clone() })
}

/// The first address behind a network, where there is one.
fn behind(net: &IpNet) -> Option<IpAddr> {
    match net.broadcast() {
        IpAddr::V4(last) => u32::from(last).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(last) => u128::from(last).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

/// Addresses that are tried, so that a refusal stays cheap whatever the policy lists; with more, the address may go unnamed as the reason.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::super::decide;
    use super::*;
    use crate::base::Plan;
    use crate::config::authentication_policy::{Line, Rule, Then, When};
    use crate::directory::{Doubt, Membership};

    fn nets(list: &[&str]) -> Option<Vec<IpNet>> {
        Some(list.iter().map(|net| net.parse().unwrap()).collect())
    }

    fn within(list: &[&str]) -> When {
        When { address: nets(list), ..When::default() }
    }

    fn outside(list: &[&str]) -> When {
        When { address_not: nets(list), ..When::default() }
    }

    fn staff() -> Group {
        Group::parse("cn=staff,dc=x").unwrap()
    }

    fn of_staff(when: When) -> When {
        When { group: Some(vec![staff()]), ..when }
    }

    fn policy(rules: Vec<(When, Then)>) -> AuthenticationPolicy {
        let rules = rules.into_iter().map(|(when, then)| Rule { when, then, line: Line(1) }).collect();
        AuthenticationPolicy { name: "p".into(), rules, accept: Vec::new() }
    }

    fn challenge() -> Then {
        Then::Challenge { plan: Plan::nothing(), dispatch: "d".into(), passcode: "p".into() }
    }

    #[test]
    fn the_address_is_the_reason_where_another_one_would_go_on() {
        use Then::{Admit, Refuse};
        let any = When::default;
        let at_wiki = |when| When { application: Some(vec!["wiki".into()]), ..when };
        let table = [
            ("no rule at all", vec![], false),
            ("refused wherever", vec![(any(), Refuse)], false),
            ("only one network is admitted", vec![(within(&["10.0.0.0/8"]), Admit)], true),
            ("only one network goes on", vec![(within(&["10.0.0.0/8"]), challenge()), (any(), Refuse)], true),
            ("this network is refused", vec![(within(&["192.0.2.0/24"]), Refuse), (any(), challenge())], true),
            ("all but one network are refused", vec![(outside(&["10.0.0.0/8"]), Refuse), (any(), challenge())], true),
            ("a rule about addresses after the refusal", vec![(any(), Refuse), (within(&["10.0.0.0/8"]), Admit)], false),
            ("refused there too", vec![(within(&["10.0.0.0/8"]), Refuse), (any(), Refuse)], false),
            ("another application's rule", vec![(at_wiki(within(&["10.0.0.0/8"])), Admit)], false),
            (
                "a hole in a larger network",
                vec![(outside(&["192.0.2.0/25"]), Refuse), (within(&["192.0.2.0/24"]), challenge())],
                true,
            ),
            (
                "only inside of a refused network",
                vec![(within(&["10.0.0.0/8"]), Refuse), (within(&["10.1.0.0/16"]), Admit)],
                false,
            ),
            ("only behind a refused network", vec![(within(&["0.0.0.0/1", "192.0.2.0/24"]), Refuse), (any(), Admit)], true),
            ("every address", vec![(within(&["0.0.0.0/0", "::/0"]), Refuse), (any(), Admit)], false),
            ("the other version", vec![(within(&["0.0.0.0/0"]), Refuse), (any(), Admit)], true),
            ("one address alone", vec![(within(&["2001:db8::1/128"]), challenge())], true),
        ];
        let here = |address: Option<&str>| Circumstances {
            address: address.map(|address| address.parse().unwrap()),
            application: Some("mail".into()),
            number_age: None,
        };
        for (what, rules, expected) in table {
            let decided = decide(&policy(rules.clone()), &here(Some("192.0.2.200")), &Memberships::default());
            assert_eq!((decided.decision, decided.by_address), (Decision::Refuse, expected), "{what}");
            let unknown = decide(&policy(rules), &here(None), &Memberships::default());
            assert!(!unknown.by_address, "{what}, at an unknown address");
        }
    }

    #[test]
    fn a_group_that_is_not_told_makes_no_address_the_reason() {
        let here = Circumstances { address: Some([192, 0, 2, 1].into()), ..Circumstances::default() };
        let inside = || of_staff(within(&["10.0.0.0/8"]));
        for then in [Then::Admit, challenge()] {
            let policy = policy(vec![(inside(), then.clone())]);
            assert_eq!(groups_in_question(&policy, &here), [], "what only matters elsewhere is not asked at first");
            assert_eq!(groups_elsewhere(&policy, &here), [staff()]);
            let by_address = |memberships| decide(&policy, &here, &memberships).by_address;
            let told = |membership| Memberships::new(vec![staff()], vec![membership]);
            let table = [
                (told(Membership::Member), true),
                (told(Membership::NotMember), false),
                (told(Membership::CannotSay(Doubt::Missing)), false),
                (Memberships::default(), false),
            ];
            for (memberships, expected) in table {
                assert_eq!(by_address(memberships.clone()), expected, "{then:?} {memberships:?}");
            }
        }
    }

    #[test]
    fn who_is_let_on_is_not_judged_from_elsewhere() {
        let here = Circumstances { address: Some([10, 0, 0, 1].into()), ..Circumstances::default() };
        assert!(!decide(&policy(vec![(within(&["10.0.0.0/8"]), Then::Admit)]), &here, &Memberships::default()).by_address);
    }

    #[test]
    fn a_policy_of_very_many_networks_is_judged_at_few_addresses() {
        let many: Vec<IpNet> = (0..60_000_u32).map(|n| IpNet::from(IpAddr::from(Ipv4Addr::from(n << 8)))).collect();
        let policy = policy(vec![(When { address: Some(many), ..When::default() }, Then::Refuse)]);
        let here = Circumstances { address: Some([0, 0, 1, 0].into()), ..Circumstances::default() };
        assert_eq!(elsewhere(&policy, &here).count(), MOST);
    }
}
