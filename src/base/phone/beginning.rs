//! How numbers begin, where an operator bars some by that.

use super::{pattern, plan};

/// Why no number begins so.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BeginningError {
    #[error("no phone number begins so")]
    None,
    /// What was meant, most likely.
    #[error("no phone number begins so: what is dialled before it at home is no part of it; write \"{0}\"")]
    Trunk(String),
}

/// Whether a number that [`super::normalise`] gives may begin so: `+45900`, and not `+490900`.
pub fn check_beginning(beginning: &str) -> Result<(), BeginningError> {
    let digits = beginning.trim_start_matches('+');
    let Some(code) = plan::code(digits) else {
        return if plan::is_begin_of_code(digits) { Ok(()) } else { Err(BeginningError::None) };
    };
    let own = digits.get(code.len()..).unwrap_or_default();
    if is_in_use(code, own) {
        return Ok(());
    }
    let without = plan::of(code).filter_map(|plan| plan.without_trunk(own)).find(|rest| is_in_use(code, rest));
    match without {
        Some(rest) if rest.is_empty() => Err(BeginningError::None),
        Some(rest) => Err(BeginningError::Trunk(format!("+{code}{rest}"))),
        None if plan::may_begin(code, own) => Ok(()),
        None => Err(BeginningError::None),
    }
}

fn is_in_use(code: &str, own: &str) -> bool {
    plan::of(code).any(|plan| pattern::reach(plan.numbers, own) == own.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_number_may_begin_with_bars_anything() {
        let fitting =
            ["+4", "+42", "+45", "+45900", "+49900", "+44900", "+3906", "+225", "+22507", "+7800", "+1900", "+8821", "+525"];
        for beginning in fitting {
            assert_eq!(check_beginning(beginning), Ok(()), "{beginning}");
        }
        let meant = |beginning: &str| BeginningError::Trunk(beginning.to_owned());
        for (beginning, expected) in [
            ("+490900", meant("+49900")),
            ("+4407", meant("+447")),
            ("+3606", BeginningError::None),
            ("+360620", meant("+3620")),
            ("+11", BeginningError::None),
            ("+52155", meant("+5255")),
            ("+11900", meant("+1900")),
            ("+490", BeginningError::None),
            ("+999", BeginningError::None),
            ("+99912", BeginningError::None),
            ("+4512345678901", BeginningError::None),
        ] {
            assert_eq!(check_beginning(beginning), Err(expected), "{beginning}");
        }
    }
}
