//! Which country a phone number belongs to, by the numbering plans, and the range that it is counted with.

use serde::{Deserialize, Serialize};

use super::phone::plan;

/// Of ISO 3166-1: `DK`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Country(&'static str);

impl Country {
    /// By its two capital letters; nothing where no phone number can be in it.
    pub fn named(code: &str) -> Option<Self> {
        plan::named(code).map(|plan| Self(plan.country))
    }

    /// Of a number like `+4512345678`; nothing where its code is no country's (satellites, international networks) or not known. Of
    /// several countries with one code the one whose range it is in; of a range that none has, the one whose ranges are nearest.
    pub fn of_number(number: &str) -> Option<Self> {
        let digits = number.strip_prefix('+')?;
        let code = plan::code(digits)?;
        let owner = plan::owner(code, digits.get(code.len()..)?)?;
        (!owner.country.is_empty()).then_some(Self(owner.country))
    }

    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl From<Country> for &'static str {
    fn from(country: Country) -> Self {
        country.0
    }
}

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::named(&code).ok_or("not a country")
    }
}

/// The range of a number: its country code and the four digits after it, which is what somebody who earns by calls and messages rents.
pub fn range(number: &str) -> &str {
    let national = super::phone::national(number);
    let code = number.len().saturating_sub(national.len());
    number.get(..code + RANGE_DIGITS).unwrap_or(number)
}

const RANGE_DIGITS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_belongs_to_the_country_of_its_longest_code() {
        for (number, country) in [
            ("+4512345678", "DK"),
            ("+46701234567", "SE"),
            ("+12125550100", "US"),
            ("+14165550100", "CA"),
            ("+18765550100", "JM"),
            ("+17875550100", "PR"),
            ("+79161234567", "RU"),
            ("+77011234567", "KZ"),
            ("+447400123456", "GB"),
            ("+447797123456", "JE"),
            // No such range, but none is nearer.
            ("+441481123456", "GG"),
            ("+447624123456", "IM"),
            ("+358401234567", "FI"),
            ("+35818123456", "AX"),
            ("+390669812345", "VA"),
            ("+393471234567", "IT"),
            ("+4779123456", "SJ"),
            ("+38344123456", "XK"),
        ] {
            assert_eq!(Country::of_number(number).map(Country::code), Some(country), "{number}");
        }
        for number in ["+88212345678", "+8005551234", "+870123456789", "4512345678", "+", "", "+0123456789"] {
            assert_eq!(Country::of_number(number), None, "{number}");
        }
    }

    #[test]
    fn a_country_is_named_by_two_capital_letters() {
        assert_eq!(Country::named("DK"), Country::of_number("+4512345678"));
        for code in ["dk", "DNK", "", "ZZ", "Denmark", "UK"] {
            assert_eq!(Country::named(code), None, "{code}");
        }
    }

    #[test]
    fn a_range_is_the_country_code_and_four_digits() {
        for (number, expected) in [
            ("+4512345678", "+451234"),
            ("+12125550100", "+12125"),
            ("+358401234567", "+3584012"),
            ("+79161234567", "+79161"),
            ("+88212345678", "+8821234"),
            ("+45", "+45"),
        ] {
            assert_eq!(range(number), expected);
        }
    }
}
