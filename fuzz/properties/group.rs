//! Groups in rules: however a group is spelled and whatever the directory cannot say, none of its members passes a `group_not` that admits.

use doorward::auth::policy::{Circumstances, Decision, Memberships, decide, groups_in_question};
use doorward::base::Dn;
use doorward::config::AuthenticationPolicy;
use doorward::config::authentication_policy::{Line, Rule, Then, When};
use doorward::config::group::Group;
use doorward::directory::{Doubt, Membership};

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(dn) = Dn::parse(&text) {
        let plain = dn.to_string();
        assert_eq!(Dn::parse(&plain).as_ref(), Ok(&dn), "{plain:?}");
        assert!(dn.is_within(&dn) && dn.is_within(&dn.root()), "{plain:?}");
    }
    let mut bytes = Bytes(data.iter());
    let spelled = spelled(&mut bytes);
    let group = Group::parse(&spelled).expect("a spelling of a group");
    assert!(group.is_called(GROUP), "{spelled:?}");
    nobody_passes(&group, &mut bytes);
}

/// The user is a member; the directory says so, or cannot.
fn nobody_passes(group: &Group, bytes: &mut Bytes<'_>) {
    let other = Group::parse("cn=other,dc=corp,dc=example").expect("a group");
    let named = |list: Vec<Group>| Some(list);
    let mut rules = Vec::new();
    for _ in 0..=bytes.below(4) {
        let when = match bytes.below(5) {
            0 => When { group_not: named(vec![other.clone(), group.clone()]), ..When::default() },
            1 => When { group_not: named(vec![group.clone()]), group: named(vec![other.clone()]), ..When::default() },
            2 => When { group_not: named(vec![group.clone()]), application: Some(vec!["mail".into()]), ..When::default() },
            _ => When { group_not: named(vec![group.clone()]), ..When::default() },
        };
        rules.push(Rule { when, then: Then::Admit, line: Line(1) });
    }
    let policy = AuthenticationPolicy { name: "p".into(), rules, accept: Vec::new() };
    let address = "192.0.2.1".parse().expect("an address");
    let circumstances = Circumstances { address: Some(address), application: Some("mail".into()), number_age: None };
    let mut groups = groups_in_question(&policy, &circumstances);
    let outside = Memberships::new(groups.clone(), vec![Membership::NotMember; groups.len()]);
    let admits = matches!(decide(&policy, &circumstances, &outside).decision, Decision::Admit { .. });
    assert_eq!(admits, policy.rules.iter().any(|rule| rule.when.group.is_none()), "others pass");
    let told = |bytes: &mut Bytes<'_>, asked: &Group| match bytes.below(3) {
        0 if asked == group => Membership::Member,
        0 => Membership::NotMember,
        1 => Membership::CannotSay(Doubt::Missing),
        _ => Membership::CannotSay(Doubt::Unanswered("no answer".into())),
    };
    let mut answers: Vec<Membership> = groups.iter().map(|asked| told(bytes, asked)).collect();
    // The answer about one may be missing altogether.
    if bytes.below(4) == 0 {
        groups.pop();
        answers.pop();
    }
    let decided = decide(&policy, &circumstances, &Memberships::new(groups, answers));
    assert_eq!(decided.decision, Decision::Refuse, "{decided:?}");
}

const GROUP: &str = "cn=Admins\\, Müller \\+ Co,ou=Groups,dc=corp,dc=example";
const PARTS: [([&str; 4], &str); 4] = [
    (["cn", "commonName", "2.5.4.3", "OID.2.5.4.3"], "Admins, Müller + Co"),
    (["ou", "organizationalUnitName", "2.5.4.11", "oid.2.5.4.11"], "Groups"),
    (["dc", "domainComponent", "0.9.2342.19200300.100.1.25", "DC"], "corp"),
    (["dc", "DomainComponent", "0.9.2342.19200300.100.1.25", "Dc"], "example"),
];

fn spelled(bytes: &mut Bytes<'_>) -> String {
    let blank = |bytes: &mut Bytes<'_>| ["", " ", "  ", "\t"][bytes.below(4)];
    let mut text = String::new();
    for (place, (names, value)) in PARTS.iter().enumerate() {
        if place > 0 {
            text.push([',', ';'][bytes.below(2)]);
        }
        text.push_str(blank(bytes));
        text.push_str(names[bytes.below(4)]);
        text.push_str(blank(bytes));
        text.push('=');
        text.push_str(blank(bytes));
        if bytes.below(4) == 0 {
            text.extend(["\"", value, "\""]);
        } else {
            value.chars().for_each(|letter| spell(letter, bytes, &mut text));
        }
        text.push_str(blank(bytes));
    }
    text
}

fn spell(letter: char, bytes: &mut Bytes<'_>, text: &mut String) {
    match bytes.below(6) {
        0 => {
            for byte in letter.to_string().bytes() {
                text.push_str(&format!("\\{byte:02X}"));
            }
        }
        1 if letter == 'ü' => text.push_str("u\u{308}"),
        1 if letter.is_ascii_alphabetic() => text.push(char::from_u32(u32::from(letter) + 0xfee0).expect("full width")),
        2 if !matches!(letter, ',' | '+') => text.extend(letter.to_uppercase()),
        3 if !matches!(letter, ',' | '+') => text.extend(letter.to_lowercase().chain(['\u{200b}'])),
        4 if letter == ' ' => text.push_str("\u{a0} "),
        _ if matches!(letter, ',' | '+') => text.extend(['\\', letter]),
        _ => text.push(letter),
    }
}

struct Bytes<'d>(std::slice::Iter<'d, u8>);

impl Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default()) % bound
    }
}
