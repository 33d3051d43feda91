//! A numbering plan: how the numbers of one country look, what is dialled before them, and which of them belong to it.

use super::pattern;
use super::table::PLANS;

/// Of one country, or of an international network. Patterns are those of [`pattern`].
pub(in crate::base) struct Plan {
    /// The calling code (ITU-T E.164): one to three digits, and none begins another.
    pub code: &'static str,
    /// ISO 3166-1; empty: of no country.
    pub country: &'static str,
    /// Pattern of what is dialled before a calling code.
    pub abroad: &'static str,
    /// The trunk prefix; empty: there is none.
    pub prefix: &'static str,
    /// Whether numbers are always written with it.
    pub written: bool,
    /// Pattern of what may stand before the number at home: the trunk prefix, a carrier. Where it has a wanted part, that
    /// belongs to the number, behind `becomes`.
    pub trunk: &'static str,
    pub becomes: &'static str,
    /// Pattern of how its numbers begin, where that tells them from others of the same code.
    pub leading: &'static str,
    /// Whether a number may begin with 0.
    pub zero: bool,
    /// How many digits numbers of fixed lines and mobiles have.
    pub lengths: &'static [usize],
    pub longest_fixed: usize,
    /// Pattern of all numbers that are in use, but those of an earlier plan of the same code.
    pub numbers: &'static str,
}

/// What the plans of a code say of a number without its code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// Its range is in use.
    InUse,
    /// Others have its length. New ranges are opened every month, so that this is no fault.
    Possible,
    Impossible,
}

/// The calling code that digits begin with.
pub(in crate::base) fn code(digits: &str) -> Option<&'static str> {
    (1..=3).filter_map(|length| digits.get(..length)).find_map(|code| of(code).next()).map(|plan| plan.code)
}

/// Whether calling codes begin with these digits.
pub(super) fn is_begin_of_code(digits: &str) -> bool {
    PLANS.iter().any(|plan| plan.code.starts_with(digits))
}

/// Whether a number of the code may begin so, in a range that is not in use yet.
pub(super) fn may_begin(code: &str, number: &str) -> bool {
    let longest = |plan: &Plan| plan.lengths.iter().copied().max().unwrap_or_default();
    of(code).any(|plan| number.len() <= longest(plan) && (plan.zero || !number.starts_with('0')))
}

/// All plans of a code, the main one first.
pub(super) fn of(code: &str) -> impl Iterator<Item = &'static Plan> {
    PLANS.iter().filter(move |plan| plan.code == code)
}

/// The country of that name.
pub(in crate::base) fn named(country: &str) -> Option<&'static Plan> {
    PLANS.iter().find(|plan| !country.is_empty() && plan.country == country)
}

pub(super) fn fit(code: &str, number: &str) -> Fit {
    let total = code.len() + number.len();
    if total > MOST {
        return Fit::Impossible;
    }
    if of(code).any(|plan| pattern::is_whole(plan.numbers, number)) {
        return Fit::InUse;
    }
    let is_possible = |plan: &Plan| plan.lengths.contains(&number.len()) && (plan.zero || !number.starts_with('0'));
    if total >= FEWEST && of(code).any(is_possible) { Fit::Possible } else { Fit::Impossible }
}

/// The plan that a number belongs to: the one in which it is in use, else the one whose numbers begin most like it.
pub(in crate::base) fn owner(code: &str, number: &str) -> Option<&'static Plan> {
    let begins = |plan: &&Plan| plan.leading.is_empty() || pattern::beginning(plan.leading, number).is_some();
    let has = |plan: &&Plan| !plan.leading.is_empty() || pattern::is_whole(plan.numbers, number);
    let nearest = || {
        let reach = |plan: &'static Plan| (pattern::reach(plan.numbers, number), plan);
        // Of equals the first.
        of(code).filter(begins).map(reach).reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, plan)| plan)
    };
    of(code).filter(begins).find(has).or_else(nearest).or_else(|| of(code).next())
}

impl Plan {
    /// The number behind the trunk prefix or carrier that stands before it here.
    pub(super) fn without_trunk(&self, digits: &str) -> Option<String> {
        let found = pattern::beginning(self.trunk, digits).filter(|found| found.end > 0)?;
        let rest = digits.get(found.end..)?;
        let wanted = found.wanted.and_then(|(from, to)| digits.get(from..to));
        Some(wanted.map_or_else(|| rest.to_owned(), |wanted| format!("{}{wanted}{rest}", self.becomes)))
    }

    /// What may be a number with its calling code: behind what is dialled to get abroad from here, and behind `00`, which most
    /// countries dial and people everywhere write.
    pub(super) fn ways_abroad<'a>(&self, digits: &'a str) -> Vec<&'a str> {
        let own = pattern::ends(self.abroad, digits).into_iter().filter(|end| *end > 0);
        let mut ways: Vec<&str> = own.chain(digits.starts_with("00").then_some(2)).filter_map(|end| digits.get(end..)).collect();
        ways.sort_unstable_by_key(|rest| rest.len());
        ways.dedup();
        ways
    }

    /// Whether what is written without a trunk prefix may lack its area code just as well.
    pub(super) fn may_be_local(&self, number: &str) -> bool {
        !self.prefix.is_empty() && number.len() <= LONGEST_LOCAL && number.len() < self.longest_fixed
    }
}

/// Digits of a number with its calling code.
const FEWEST: usize = 8;
const MOST: usize = 15;
/// Nowhere are numbers longer that are dialled without an area code.
const LONGEST_LOCAL: usize = 8;
