//! Rules that admit more people than is seen at once, rules that are never used, and names that nothing uses.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use super::{Danger, Dangers};
use crate::config::authentication_policy::{Rule, Then, When};
use crate::config::document::STANDARD;
use crate::config::{AuthenticationPolicy, Config};

pub(super) fn look(config: &Config, found: &mut Dangers) {
    for policy in &config.authentication_policies {
        let applications: BTreeSet<&str> = config
            .applications
            .iter()
            .filter(|application| application.policy == policy.name)
            .map(|application| &*application.name)
            .collect();
        openings(policy, found);
        hidden(policy, &applications, found);
    }
    unused(config, found);
    long_waits(config, found);
}

/// Finds who gets in with the password alone.
fn openings(policy: &AuthenticationPolicy, found: &mut Dangers) {
    let name = &policy.name;
    let mut admits_all = policy.rules.iter().filter(|rule| admits_everybody(rule)).peekable();
    let challenges = policy.rules.iter().any(|rule| matches!(rule.then, Then::Challenge { .. }));
    let admits = policy.rules.iter().any(|rule| rule.then == Then::Admit);
    if admits && !challenges && admits_all.peek().is_none() {
        let text = format!("authentication policy `{name}`: no rule asks for more than the password");
        found.say(Danger::PasswordAlone, &policy.accept, &text);
    }
    for rule in admits_all {
        let but = if rule.when.address_not.is_some() { " outside `address_not`" } else { "" };
        let text =
            format!("authentication policy `{name}`, {}: this rule admits everybody{but} with the password alone", rule.line);
        found.say(Danger::AdmitEverybody, &policy.accept, &text);
    }
    if !policy.rules.iter().any(admits_everybody) {
        openings_together(policy, found);
    }
}

/// Finds rules that admit everybody between them: two halves in two rules are as much as both in one.
fn openings_together(policy: &AuthenticationPolicy, found: &mut Dangers) {
    let admits = policy.rules.iter().filter(|rule| rule.then == Then::Admit && is_about_anybody(&rule.when));
    let parts =
        admits.filter_map(|rule| Some((rule.line, rule.when.address.as_ref().filter(|_| rule.when.address_not.is_none())?)));
    let (lines, networks): (Vec<_>, Vec<_>) = parts.unzip();
    if is_most(&networks.into_iter().flatten().copied().collect::<Vec<_>>()) {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let text = format!(
            "authentication policy `{}`, {}: together these rules admit everybody, or nearly so, with the password alone",
            policy.name,
            lines.join(", ")
        );
        found.say(Danger::AdmitEverybody, &policy.accept, &text);
    }
}

/// Whether a rule admits people of every kind: two halves of all addresses are all of them, and all addresses but a few networks count as
/// all. A rule for one application admits everybody there.
fn admits_everybody(rule: &Rule) -> bool {
    rule.then == Then::Admit
        && rule.when.address.as_ref().is_none_or(|networks| is_most(networks))
        && is_about_anybody(&rule.when)
}

/// Whether a condition says nothing of the user.
fn is_about_anybody(when: &When) -> bool {
    when.group.is_none() && when.group_not.is_none() && when.mobile_changed_within.is_none()
}

/// Whether these are half of the addresses of IPv4 or more, or all that IPv6 gives out (2000::/3, RFC 4291 section 2.4).
fn is_most(networks: &[IpNet]) -> bool {
    let networks = aggregated(networks);
    let of_ipv4 = |network: &IpNet| match network {
        IpNet::V4(network) => 1_u64 << (32 - u32::from(network.prefix_len())),
        IpNet::V6(_) => 0,
    };
    networks.iter().map(of_ipv4).sum::<u64>() >= 1 << 31 || networks.iter().any(|network| network.contains(&GIVEN_OUT))
}

const GIVEN_OUT: IpNet = IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), 3);

/// Finds rules behind others that decide everything which they are for.
fn hidden(policy: &AuthenticationPolicy, applications: &BTreeSet<&str>, found: &mut Dangers) {
    // The last has to be there, whatever stands before it.
    let rules = policy.rules.split_last().map(|(_, rules)| rules).unwrap_or_default();
    for (place, rule) in rules.iter().enumerate() {
        let earlier = policy.rules.get(..place).unwrap_or_default();
        if let Some(by) = hider(earlier, rule, applications) {
            let text = format!(
                "authentication policy `{}`, {}: this rule is never used: {} already decides everything it matches",
                policy.name, rule.line, by.line
            );
            found.problems.push(text);
        } else if matching(&rule.when, applications).is_empty() && !applications.is_empty() {
            let text = format!(
                "authentication policy `{}`, {}: this rule is never used: none of the applications it names has this policy",
                policy.name, rule.line
            );
            found.warnings.push(text);
        }
    }
}

fn hider<'r>(earlier: &'r [Rule], rule: &Rule, applications: &BTreeSet<&str>) -> Option<&'r Rule> {
    // Several that differ in their networks alone may hide it together.
    let (mut networks, mut last) = (Vec::new(), None);
    for candidate in earlier.iter().filter(|candidate| is_wider_besides_address(&candidate.when, &rule.when, applications)) {
        if is_wider_in_address(&candidate.when, &rule.when) {
            return Some(candidate);
        }
        if let (Some(own), None) = (&candidate.when.address, &candidate.when.address_not) {
            networks.extend(own);
            last = Some(candidate);
        }
    }
    last.filter(|_| lies_within(&rule.when, &networks))
}

fn is_wider_in_address(wide: &When, narrow: &When) -> bool {
    let within = wide.address.as_ref().is_none_or(|networks| lies_within(narrow, networks));
    within && wide.address_not.iter().flatten().all(|network| keeps_out(narrow, network))
}

/// Whether all addresses that a condition matches are of these networks.
fn lies_within(when: &When, networks: &[IpNet]) -> bool {
    let networks = aggregated(networks);
    match &when.address {
        Some(own) => own.iter().all(|own| networks.iter().any(|network| network.contains(own))),
        None => networks.iter().filter(|network| network.prefix_len() == 0).count() == 2,
    }
}

/// Whether a condition matches no address of this network.
fn keeps_out(when: &When, network: &IpNet) -> bool {
    let is_excepted =
        when.address_not.as_ref().is_some_and(|networks| aggregated(networks).iter().any(|own| own.contains(network)));
    let is_elsewhere =
        when.address.as_ref().is_some_and(|networks| !networks.iter().any(|own| own.contains(network) || network.contains(own)));
    is_excepted || is_elsewhere
}

fn is_wider_besides_address(wide: &When, narrow: &When, applications: &BTreeSet<&str>) -> bool {
    let group = wide
        .group
        .as_ref()
        .is_none_or(|wide| narrow.group.as_ref().is_some_and(|narrow| narrow.iter().all(|group| wide.contains(group))));
    let group_not = wide
        .group_not
        .as_ref()
        .is_none_or(|wide| narrow.group_not.as_ref().is_some_and(|narrow| wide.iter().all(|group| narrow.contains(group))));
    let mobile = wide.mobile_changed_within.is_none_or(|wide| narrow.mobile_changed_within.is_some_and(|narrow| narrow <= wide));
    group && group_not && mobile && is_wider_in_application(wide, narrow, applications)
}

/// By the applications that have this policy; where none has it yet, by what is written.
fn is_wider_in_application(wide: &When, narrow: &When, applications: &BTreeSet<&str>) -> bool {
    if applications.is_empty() {
        return wide.application.is_none() && wide.application_not.is_none();
    }
    let narrow = matching(narrow, applications);
    !narrow.is_empty() && narrow.is_subset(&matching(wide, applications))
}

fn matching<'a>(when: &When, applications: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let names = |list: &Option<Vec<Arc<str>>>, name: &str| list.as_ref().map(|list| list.iter().any(|listed| &**listed == name));
    let matches =
        |name: &&&str| names(&when.application, name) != Some(false) && names(&when.application_not, name) != Some(true);
    applications.iter().filter(matches).copied().collect()
}

fn aggregated(networks: &[IpNet]) -> Vec<IpNet> {
    IpNet::aggregate(&networks.to_vec())
}

/// Finds sections that nothing uses: most likely a name was changed in one place only.
fn unused(config: &Config, found: &mut Dangers) {
    let plans = config.authentication_policies.iter().flat_map(|policy| &policy.rules).filter_map(|rule| match &rule.then {
        Then::Challenge { dispatch, passcode, .. } => Some((dispatch, passcode)),
        Then::Admit | Then::Refuse => None,
    });
    let (dispatch, passcode): (BTreeSet<_>, BTreeSet<_>) = plans.unzip();
    let through: BTreeSet<_> =
        config.dispatch_policies.iter().flat_map(|policy| &policy.rules).flat_map(|rule| &rule.through).collect();
    let mut say = |what: &str, name: &str| found.warnings.push(format!("{what} `{name}` is never used"));
    for policy in &config.authentication_policies {
        if !config.applications.iter().any(|application| application.policy == policy.name) {
            say("authentication policy", &policy.name);
        }
    }
    for policy in config.dispatch_policies.iter().filter(|policy| !dispatch.contains(&policy.name)) {
        say("dispatch policy", &policy.name);
    }
    for policy in config.passcode_policies.iter().filter(|policy| &*policy.name != STANDARD && !passcode.contains(&policy.name)) {
        say("passcode policy", &policy.name);
    }
    for transmitter in &config.transmitters {
        if !through.contains(&transmitter.name) && !transmitter.group.as_ref().is_some_and(|group| through.contains(group)) {
            say("transmitter", &transmitter.name);
        }
    }
}

/// Finds ways to a user whose turn comes when the code has expired.
fn long_waits(config: &Config, found: &mut Dangers) {
    let mut said = BTreeSet::new();
    for rule in config.authentication_policies.iter().flat_map(|policy| &policy.rules) {
        let Then::Challenge { dispatch, passcode, .. } = &rule.then else { continue };
        let life = config.passcode_policies.iter().find(|policy| policy.name == *passcode).map(|policy| policy.lifetime);
        let ways = config.dispatch_policies.iter().filter(|policy| policy.name == *dispatch).flat_map(|policy| &policy.rules);
        let (Some(life), Some(longest)) = (life, ways.map(|way| way.wait).max()) else { continue };
        if longest >= life && said.insert((dispatch, passcode)) {
            found.warnings.push(format!(
                "dispatch policy `{dispatch}`: after a `wait` of {} s a code of `{passcode}` has expired, since it lives for {} s",
                longest.as_secs(),
                life.as_secs()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::find;
    use super::*;
    use crate::config::parse;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    fn found(rules: &str, keys: &str) -> Dangers {
        let (before, _) = MINIMAL.rsplit_once("rules = [").unwrap();
        let text = format!("{before}{keys}\nrules = [\n{rules}\n]\n");
        find(&parse(&text, Path::new("/"), &|_| None).unwrap_or_else(|problems| panic!("{text}\n{problems:?}")))
    }

    #[test]
    fn who_gets_in_by_a_password_alone_is_said() {
        let all = "admit-everybody";
        let table = [
            ("{ then = \"challenge\" }", None),
            ("{ when = { address = [\"10.0.0.0/8\"] }, then = \"admit\" },\n{ then = \"challenge\" }", None),
            ("{ then = \"admit\" }", Some(all)),
            ("{ when = { address = [\"0.0.0.0/0\"] }, then = \"admit\" },\n{ then = \"challenge\" }", Some(all)),
            ("{ when = { address = [\"0.0.0.0/1\", \"128.0.0.0/1\"] }, then = \"admit\" },\n{ then = \"challenge\" }", Some(all)),
            ("{ when = { address = [\"::/0\"] }, then = \"admit\" },\n{ then = \"challenge\" }", Some(all)),
            ("{ when = { address = [\"2000::/3\"] }, then = \"admit\" },\n{ then = \"challenge\" }", Some(all)),
            ("{ when = { address = [\"2001:db8::/32\"] }, then = \"admit\" },\n{ then = \"challenge\" }", None),
            (
                "{ when = { address = [\"0.0.0.0/2\", \"8000::/1\"] }, then = \"admit\" },\n\
                 { when = { address = [\"64.0.0.0/2\"] }, then = \"admit\" },\n{ then = \"challenge\" }",
                Some(all),
            ),
            (
                "{ when = { address = [\"0.0.0.0/2\"] }, then = \"admit\" },\n\
                 { when = { address = [\"64.0.0.0/2\"] }, then = \"refuse\" },\n{ then = \"challenge\" }",
                None,
            ),
            ("{ when = { address_not = [\"10.0.0.0/8\"] }, then = \"admit\" },\n{ then = \"challenge\" }", Some(all)),
            ("{ when = { application = [\"mail\"] }, then = \"admit\" },\n{ then = \"refuse\" }", Some(all)),
            ("{ when = { group = [\"staff\"] }, then = \"admit\" },\n{ then = \"challenge\" }", None),
            ("{ when = { group = [\"staff\"] }, then = \"admit\" },\n{ then = \"refuse\" }", Some("password-alone")),
            ("{ when = { address = [\"10.0.0.0/8\"] }, then = \"admit\" },\n{ then = \"refuse\" }", Some("password-alone")),
            ("{ then = \"refuse\" }", None),
        ];
        for (rules, expected) in table {
            let rules = rules.replace("\"mail\"", &format!("\"{}\"", application()));
            let problems = found(&rules, "").problems;
            let said = expected.is_some_and(|word| problems.len() == 1 && problems[0].contains(&format!("\"{word}\"")));
            assert!(said || (expected.is_none() && problems.is_empty()), "{rules}: {problems:?}");
            if let Some(word) = expected {
                assert_eq!(found(&rules, &format!("accept = [\"{word}\"]")).problems, [""; 0], "{rules}");
            }
        }
    }

    fn application() -> String {
        parse(MINIMAL, Path::new("/"), &|_| None).unwrap().applications[0].name.to_string()
    }

    #[test]
    fn a_rule_that_others_hide_is_never_reached() {
        let rule = |when: &str| format!("{{ when = {{ {when} }}, then = \"refuse\" }},\n");
        let table: [(&[&str], bool); 22] = [
            (&["address = [\"10.0.0.0/8\"]", "address = [\"10.1.0.0/16\"]"], true),
            (&["address = [\"10.1.0.0/16\"]", "address = [\"10.0.0.0/8\"]"], false),
            (&["address = [\"10.0.0.0/9\"]", "address = [\"10.128.0.0/9\"]", "address = [\"10.0.0.0/8\"]"], true),
            (&["address = [\"10.0.0.0/9\", \"10.128.0.0/9\"]", "address = [\"10.0.0.0/8\"]"], true),
            (&["address = [\"0.0.0.0/0\", \"::/0\"]", "group = [\"a\"]"], true),
            (&["address = [\"0.0.0.0/0\"]", "group = [\"a\"]"], false),
            (&["address_not = [\"10.0.0.0/8\"]", "address = [\"192.0.2.0/24\"]"], true),
            (&["address_not = [\"10.0.0.0/8\"]", "address = [\"10.1.0.0/16\"]"], false),
            (&["address_not = [\"10.0.0.0/8\"]", "address = [\"0.0.0.0/0\"]"], false),
            (&["address_not = [\"10.1.0.0/16\"]", "address_not = [\"10.0.0.0/8\"]"], true),
            (&["address_not = [\"10.0.0.0/8\"]", "address_not = [\"10.1.0.0/16\"]"], false),
            (&["group = [\"a\", \"b\"]", "group = [\"a\"]"], true),
            (&["group = [\"a\"]", "group = [\"a\", \"b\"]"], false),
            (&["group = [\"a\"]", "group = [\"a\"], address = [\"10.0.0.0/8\"]"], true),
            (&["group = [\"a\"]", "address = [\"10.0.0.0/8\"]"], false),
            (&["group_not = [\"a\"]", "group_not = [\"a\", \"b\"]"], true),
            (&["group_not = [\"a\", \"b\"]", "group_not = [\"a\"]"], false),
            (&["mobile_changed_within = \"7d\"", "mobile_changed_within = \"1d\""], true),
            (&["mobile_changed_within = \"1d\"", "mobile_changed_within = \"7d\""], false),
            (&["application = [\"APP\"]", "group = [\"a\"]"], true),
            (&["application_not = [\"APP\"]", "group = [\"a\"]"], false),
            (&["application = [\"APP\"], address = [\"10.0.0.0/8\"]", "address = [\"10.1.0.0/16\"]"], true),
        ];
        for (conditions, is_hidden) in table {
            let rules: String = conditions.iter().map(|when| rule(&when.replace("APP", &application()))).collect();
            let problems = found(&format!("{rules}{{ then = \"challenge\" }}"), "").problems;
            assert_eq!(problems.iter().any(|text| text.contains("never used")), is_hidden, "{conditions:?}: {problems:?}");
        }
    }
}
