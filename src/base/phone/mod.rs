//! Phone numbers: people write them in the ways of their country, a transmitter gets E.164 (ITU-T E.164: `+`, then at most 15
//! digits). What stands in the directory is read in every way that makes sense, and where that gives two numbers, or none, it is
//! refused: a code never goes to a number that was guessed.

mod beginning;
mod pattern;
pub(super) mod plan;
mod table;
#[cfg(test)]
mod tests;
mod typed;

pub use self::beginning::{BeginningError, check_beginning};
use self::plan::{Fit, Plan};
use self::typed::Typed;

/// Why something typed is not a number that can be reached. None of these repeats the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberError {
    #[error("there is no number")]
    Empty,
    #[error("it is longer than any phone number")]
    Long,
    #[error("it holds {0:?}, which belongs in no phone number")]
    Odd(char),
    #[error("it has no country code, and no default country prefix is set")]
    NoCountry,
    #[error("no country code begins with 0")]
    CountryZero,
    #[error("it begins with no country code that exists")]
    UnknownCountry,
    #[error("the default country prefix is not a country's calling code with a plus sign")]
    BadPrefix,
    #[error("it has {0} digits; a number with its country code has 8 to 15")]
    Digits(usize),
    #[error("its country has no number of this length and kind")]
    Impossible,
    #[error(
        "it is neither a whole number at home (an area code or a digit is missing, or one too many) nor one with a country code"
    )]
    NotNational,
    #[error("it holds a whole number and more behind a slash or a line break; one number belongs in one field")]
    Several,
    #[error("it can be read as two different numbers; written with `+` and the country code, and no 0 in brackets, it cannot")]
    Doubt,
}

/// `+4512345678` from what somebody typed. What begins with no country code (`+45`, or `00` or what is dialled at home to get abroad)
/// is a number of the country of `prefix` (`+45`); what is dialled there before an area code (a trunk prefix such as `0`) is dropped,
/// also where it stands behind a country code.
pub fn normalise(typed: &str, prefix: Option<&str>) -> Result<String, NumberError> {
    let typed = Typed::read(typed)?;
    if typed.beginnings.iter().any(|beginning| is_whole(beginning, prefix)) {
        return Err(NumberError::Several);
    }
    let mut readings = Vec::new();
    let home = prefix.filter(|_| !typed.is_abroad).map(Home::parse).transpose().map_err(|_| NumberError::BadPrefix)?;
    for (digits, trust) in typed.spellings() {
        match (typed.is_abroad, &home) {
            (true, _) => readings.extend(abroad(digits, trust)),
            (false, None) => readings.extend(digits.strip_prefix("00").into_iter().flat_map(|rest| abroad(rest, trust))),
            (false, Some(home)) => readings.extend(home.readings(digits, trust)),
        }
    }
    let Some(number) = settle(&readings)? else { return Err(reason(&typed, home.is_some())) };
    // Whatever we write must be read as the same number by ourselves.
    let again: Vec<Reading> = abroad(number.trim_start_matches('+'), Trust::Regular).collect();
    if settle(&again)?.as_ref() == Some(&number) { Ok(number) } else { Err(NumberError::Doubt) }
}

/// Whether this is a number by itself, and no area code: of a range that is in use, and long enough.
fn is_whole(typed: &str, prefix: Option<&str>) -> bool {
    let number = normalise(typed, prefix).unwrap_or_default();
    let (own, digits) = (national(&number), number.trim_start_matches('+'));
    let code = digits.strip_suffix(own).unwrap_or_default();
    own.len() >= FEWEST_WHOLE && plan::fit(code, own) == Fit::InUse
}

/// No area code is so long.
const FEWEST_WHOLE: usize = 7;

/// Whether a number can be reached that somebody typed; see [`normalise`].
pub fn is_number(typed: &str, prefix: Option<&str>) -> bool {
    normalise(typed, prefix).is_ok()
}

/// An E.164 number without its country code.
pub fn national(number: &str) -> &str {
    let digits = number.trim_start_matches('+');
    digits.get(plan::code(digits).map_or(LONGEST_CODE, str::len)..).unwrap_or_default()
}

const LONGEST_CODE: usize = 3;

/// Where numbers without a country code belong.
pub struct Home {
    plan: &'static Plan,
    /// What follows the code in the operator's prefix: the `242` of `+1242`.
    area: String,
}

/// What is wrong with a default country prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PrefixError {
    #[error("expected a country code like \"+45\"")]
    Form,
    #[error("it is no country's calling code")]
    Unknown,
    #[error("it is more than a country's calling code, which is \"+{0}\"")]
    TooLong(&'static str),
}

impl Home {
    /// By a country's calling code with a plus sign. Where several countries share it, a smaller one may be named by the digits that
    /// all of its numbers begin with: `+1242`.
    pub fn parse(prefix: &str) -> Result<Self, PrefixError> {
        let digits = prefix.strip_prefix('+').unwrap_or_default();
        if digits.is_empty() || digits.len() > LONGEST_PREFIX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PrefixError::Form);
        }
        let code = plan::code(digits).ok_or(PrefixError::Unknown)?;
        let area = digits.get(code.len()..).unwrap_or_default();
        let mut plans = plan::of(code).filter(|plan| !plan.country.is_empty());
        let main = plans.next().ok_or(PrefixError::Unknown)?;
        let named = |plan: &&Plan| !plan.leading.is_empty() && pattern::is_whole(plan.leading, area);
        let plan = if area.is_empty() { Some(main) } else { plans.find(named) };
        Ok(Self { plan: plan.ok_or(PrefixError::TooLong(code))?, area: area.to_owned() })
    }

    /// The ways to read what somebody here typed without a plus sign.
    fn readings(&self, digits: &str, trust: Trust) -> Vec<Reading> {
        let (plan, code) = (self.plan, self.plan.code);
        let ways = plan.ways_abroad(digits);
        // Of several (`00` and `001`) none is the rule.
        let dialled = if ways.len() > 1 { Trust::Loose } else { trust };
        let mut readings: Vec<Reading> = ways.into_iter().flat_map(|rest| abroad(rest, dialled)).collect();
        let bare = match (plan.written, plan.may_be_local(digits)) {
            (true, true) => None,
            (false, false) => Some(Trust::Regular),
            _ => Some(Trust::Doubtful),
        };
        readings.extend(bare.and_then(|bare| Reading::new(code, digits, bare.max(trust))));
        let stripped = if plan.prefix.is_empty() { Trust::Loose } else { Trust::Regular };
        readings.extend(plan.without_trunk(digits).and_then(|rest| Reading::new(code, &rest, stripped.max(trust))));
        if !self.area.is_empty() {
            readings.extend(Reading::new(code, &format!("{}{digits}", self.area), trust));
        }
        // A trunk prefix that is no more.
        let former = digits.strip_prefix('0').filter(|_| plan.prefix.is_empty());
        readings.extend(former.and_then(|rest| Reading::new(code, rest, Trust::Doubtful)));
        // The plus sign was left away.
        readings.extend(digits.strip_prefix(code).into_iter().flat_map(|_| abroad(digits, Trust::Loose.max(trust))));
        readings
    }
}

/// One way to read what was typed.
struct Reading {
    number: String,
    trust: Trust,
    fit: Fit,
}

/// How good a reason there is to read it like this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// By the rules of the country.
    Regular,
    /// As people write it against the rules.
    Loose,
    /// Only where it gives a number that is in use.
    Doubtful,
}

impl Reading {
    fn new(code: &str, number: &str, trust: Trust) -> Option<Self> {
        let fit = plan::fit(code, number);
        (fit != Fit::Impossible).then(|| Self { number: format!("+{code}{number}"), trust, fit })
    }

    /// Whether it is looked at in this round; an earlier round decides without the later ones.
    fn counts_in(&self, round: u8) -> bool {
        match (round, self.trust, self.fit) {
            (0, Trust::Regular, fit) => fit == Fit::InUse,
            (1, Trust::Regular, _) => true,
            (1, _, fit) => fit == Fit::InUse,
            (2, trust, _) => trust == Trust::Loose,
            _ => false,
        }
    }
}

/// The ways to read digits that begin with a country code. A trunk prefix may stand behind it.
fn abroad(digits: &str, trust: Trust) -> impl Iterator<Item = Reading> {
    let code = plan::code(digits);
    let rest = code.and_then(|code| digits.get(code.len()..)).unwrap_or_default();
    let main = code.and_then(|code| plan::of(code).next());
    main.into_iter()
        .flat_map(move |plan| {
            let (without, loose) = (plan.without_trunk(rest), Trust::Loose.max(trust));
            let former = rest.strip_prefix('0').filter(|_| plan.prefix.is_empty());
            [
                Reading::new(plan.code, rest, trust),
                without.and_then(|rest| Reading::new(plan.code, &rest, loose)),
                former.and_then(|rest| Reading::new(plan.code, rest, Trust::Doubtful)),
            ]
        })
        .flatten()
}

/// The one number that the readings agree on; nothing where there is none.
fn settle(readings: &[Reading]) -> Result<Option<String>, NumberError> {
    for round in 0..=2 {
        let mut found = readings.iter().filter(|reading| reading.counts_in(round)).map(|reading| &reading.number);
        if let Some(first) = found.next() {
            return if found.all(|other| other == first) { Ok(Some(first.clone())) } else { Err(NumberError::Doubt) };
        }
    }
    Ok(None)
}

/// Why there is none.
fn reason(typed: &Typed, has_home: bool) -> NumberError {
    let bare = &typed.digits;
    let digits = if typed.is_abroad { Some(bare.as_str()) } else { bare.strip_prefix("00") };
    match digits {
        None if has_home => NumberError::NotNational,
        None => NumberError::NoCountry,
        Some(digits) if digits.starts_with('0') => NumberError::CountryZero,
        Some(digits) if !(8..=15).contains(&digits.len()) => NumberError::Digits(digits.len()),
        Some(digits) if plan::code(digits).is_none() => NumberError::UnknownCountry,
        Some(_) => NumberError::Impossible,
    }
}

/// Calling code and the digits of a smaller country in it.
const LONGEST_PREFIX: usize = 8;
