//! A name as a person types it at the login page, and the ways of reading it.

use crate::base::unicode;
use crate::config::directory::Domain;

/// A typed name as it was meant ([`unicode::plain`]): without what nobody can see, in normalization form C, full-width letters and signs as
/// ordinary ones, and trimmed. What cannot be a name is refused. At most 256 characters, no control characters, not empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    plain: String,
    /// With the invisible characters inside it, where there are any.
    written: Option<String>,
}

/// One way of looking for somebody.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// `DOMAIN\user` or `user@domain`, the domain being this directory's: the account of exactly this name.
    Account(String),
    /// `user@anything` as it was typed, where that may be a name as it stands; `account` is what stands before the `@` if the
    /// domain behind it is this directory's.
    Whole { name: String, account: Option<String> },
    /// A mail address.
    Mail(String),
    /// The id that stays when names change: what follows the directory's name in `user.id`.
    Id(String),
}

impl Name {
    pub fn parse(typed: &str) -> Option<Self> {
        let plain = unicode::plain(typed.trim()).trim().to_owned();
        let fits = !plain.is_empty() && plain.chars().count() <= MOST && !plain.chars().any(char::is_control);
        let written = || unicode::plain_with_invisible(typed);
        fits.then(written).map(|written| {
            let written = Some(written).filter(|written| *written != plain && written.chars().count() <= MOST);
            Self { plain, written }
        })
    }

    pub fn as_str(&self) -> &str {
        &self.plain
    }

    /// What it is looked for by: itself, and itself with its invisible characters, which some directories compare.
    pub fn spellings(&self) -> impl Iterator<Item = Self> {
        let spelled = |plain: &String| Self { plain: plain.clone(), written: None };
        [spelled(&self.plain)].into_iter().chain(self.written.as_ref().map(spelled))
    }

    /// The form that is one name wherever we compare names ourselves.
    pub fn folded(&self) -> String {
        unicode::folded(&self.plain)
    }

    /// The form that counters know the name by: the same for all spellings that a directory could take for one.
    pub fn counted(&self) -> String {
        unicode::counted(&self.plain)
    }

    /// The exact look-up that this spelling asks for in a directory of this domain.
    pub fn exact_in(&self, domain: &Domain) -> Option<By> {
        let account = self.account_in(domain).map(str::to_owned);
        if domain.whole_names && self.plain.contains('@') && !self.plain.contains('\\') {
            return Some(By::Whole { name: self.plain.clone(), account });
        }
        account.map(By::Account)
    }

    /// The account name, where the name is written with a domain, in its short or its long form, and the domain is this one:
    /// `CORP\user`, `user@corp.example`.
    pub fn account_in(&self, domain: &Domain) -> Option<&str> {
        let (written, account) = match self.plain.split_once('\\') {
            Some(parts) => parts,
            None => self.plain.rsplit_once('@').map(|(account, domain)| (domain, account))?,
        };
        let is_this = is(domain.netbios.as_deref(), written) || is(domain.dns.as_deref(), written);
        (is_this && !account.is_empty()).then_some(account)
    }

    /// Whether a domain is written with it, known or not.
    pub fn has_domain(&self) -> bool {
        self.plain.contains(['\\', '@'])
    }
}

fn is(known: Option<&str>, written: &str) -> bool {
    known.is_some_and(|known| unicode::folded(known) == unicode::folded(&written.replace('\u{3002}', ".")))
}

/// Characters of a name.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_in_both_spellings_and_any_case() {
        let domain = Domain { dns: Some("corp.example".into()), netbios: Some("CORP".into()), whole_names: false };
        let table = [
            ("CORP\\alice", Some("alice")),
            ("corp\\alice", Some("alice")),
            ("alice@Corp.Example", Some("alice")),
            ("alice", None),
            ("OTHER\\alice", None),
            ("alice@other.example", None),
            ("corp.example\\alice", Some("alice")),
            ("alice@CORP", Some("alice")),
            ("CORP\\", None),
            ("@corp.example", None),
            ("a@b@corp.example", Some("a@b")),
            ("ＣＯＲＰ＼alice", Some("alice")),
            ("CO\u{ad}RP\\al\u{200b}ice", Some("alice")),
            ("alice＠corp．example", Some("alice")),
            ("alice@corp。example", Some("alice")),
        ];
        for (typed, account) in table {
            assert_eq!(Name::parse(typed).unwrap().account_in(&domain), account, "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for typed in ["", "  ", "a\0b", "a\nb", &"x".repeat(257), "\u{200b}", "\u{feff} \u{ad}"] {
            assert_eq!(Name::parse(typed), None, "{typed:?}");
        }
        assert_eq!(Name::parse(" alice ").unwrap().as_str(), "alice");
    }

    #[test]
    fn what_came_along_from_the_clipboard_is_no_part_of_the_name() {
        for typed in [
            "\u{feff}alice",
            "alice\u{200b}",
            "\u{202a}alice\u{202c}\n",
            "al\u{ad}ice",
            "ａlice\u{3000}",
            "\u{200e} alice \u{200f}",
        ] {
            assert_eq!(Name::parse(typed).unwrap().as_str(), "alice", "{typed:?}");
        }
        assert_eq!(Name::parse("ju\u{308}rgen").unwrap().as_str(), "jürgen");
        let spellings = |typed: &str| {
            let name = Name::parse(typed).unwrap();
            name.spellings().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(spellings(" \u{202b}alice\u{202c} "), ["alice"]);
        assert_eq!(spellings("\u{202b}ＣＯＲＰ＼علی\u{200c}رضا\u{202c}"), ["CORP\\علیرضا", "CORP\\علی\u{200c}رضا"]);
        let long = format!("{}{}", "\u{200b}".repeat(300), "x".repeat(256));
        assert_eq!(Name::parse(&long).unwrap().as_str().len(), 256);
    }
}
