//! Why a rule of a dispatch policy leads nowhere for a person.

use std::fmt;

use crate::dispatch::address::number::NumberError;

/// Why no rule of a policy leads anywhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dispatch) enum NoRoutes {
    NoPolicy,
    /// One for each rule, each once.
    Each(Vec<NoRoute>),
}

/// Why one rule does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dispatch) struct NoRoute {
    /// The address that the rule sends to: `mobile`.
    pub name: &'static str,
    pub why: Why,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dispatch) enum Why {
    /// The directory has none.
    None,
    /// The rule is not meant for a number of this country.
    OtherCountry,
    Number(NumberError),
    /// A limit bars it, in these words.
    Barred(&'static str),
    NoMailAddress,
    NoTopic,
}

impl NoRoute {
    /// Whether the directory holds something that cannot be used, so that somebody should see to it.
    pub fn is_a_mistake(&self) -> bool {
        !matches!(self.why, Why::None | Why::OtherCountry)
    }
}

/// `mobile: none`. Repeats no address.
impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match &self.why {
            Why::None => f.write_str("none"),
            Why::OtherCountry => f.write_str("the rule is for numbers of other countries"),
            Why::Number(error) => error.fmt(f),
            Why::Barred(why) => f.write_str(why),
            Why::NoMailAddress => f.write_str("not a mail address"),
            Why::NoTopic => f.write_str("not a topic"),
        }
    }
}

impl fmt::Display for NoRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Each(reasons) = self else { return f.write_str("there is no such dispatch policy") };
        for (place, reason) in reasons.iter().enumerate() {
            let sign = if place > 0 { "; " } else { "" };
            write!(f, "{sign}{reason}")?;
        }
        Ok(())
    }
}
