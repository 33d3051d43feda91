//! Points and spans of time as Active Directory writes them: tenths of microseconds, points since 1601, spans negative.

use std::time::Duration;

use crate::base::Time;

/// A point of time (MS-DTYP section 2.3.3); nothing for 0 and for the largest number, which both mean "never".
pub(super) fn point(text: &str) -> Option<Time> {
    let tenths = text.parse::<u64>().ok().filter(|tenths| (1..NEVER).contains(tenths))?;
    Some(Time::from_millis((tenths / TENTHS_PER_MILLI).saturating_sub(MILLIS_BEFORE_1970)))
}

/// A span of a rule. The smallest number means "for ever", which is as long as we can say.
pub(super) fn span(text: &str) -> Option<Duration> {
    let tenths = text.parse::<i64>().ok().filter(|tenths| *tenths <= 0)?.unsigned_abs();
    Some(Duration::from_millis(tenths / TENTHS_PER_MILLI))
}

const TENTHS_PER_MILLI: u64 = 10_000;
const MILLIS_BEFORE_1970: u64 = 11_644_473_600_000;
const NEVER: u64 = 0x7fff_ffff_ffff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_spans_are_read() {
        let points = [
            ("116444736000000000", Some(0)),
            ("133485408000000000", Some(1_704_067_200_000)),
            ("1", Some(0)),
            ("0", None),
            ("9223372036854775807", None),
            ("18446744073709551615", None),
            ("-1", None),
            ("soon", None),
        ];
        for (text, expected) in points {
            assert_eq!(point(text), expected.map(Time::from_millis), "{text}");
        }
        let spans = [("-18000000000", Some(1800)), ("0", Some(0)), ("1", None), ("", None)];
        for (text, expected) in spans {
            assert_eq!(span(text), expected.map(Duration::from_secs), "{text}");
        }
        assert!(span("-9223372036854775808").is_some_and(|span| span > Duration::from_secs(1 << 32)));
    }
}
