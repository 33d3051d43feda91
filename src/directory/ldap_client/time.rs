//! Times as directories write them.

use crate::base::Time;

/// 100 nanoseconds since 1601-01-01 UTC, as Active Directory counts; nothing for zero and for "never".
pub(in crate::directory) fn of_filetime(text: &str) -> Option<Time> {
    let ticks: u64 = text.parse().ok()?;
    if ticks == 0 || ticks >= NEVER {
        return None;
    }
    (ticks / 10_000).checked_sub(BEFORE_1970).map(Time::from_millis)
}

/// `20261122081500.123456Z` and its shorter forms (RFC 4517 section 3.3.13), in UTC alone, which is what servers write.
pub(in crate::directory) fn of_generalized(text: &str) -> Option<Time> {
    let text = text.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit())
        || !whole.bytes().all(|byte| byte.is_ascii_digit())
        || whole.len() != 14
    {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).and_then(|digits| digits.parse::<i8>().ok());
    let year: i16 = whole.get(..4)?.parse().ok()?;
    // A leap second is the second before it.
    let date = jiff::civil::DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?.min(59), 0);
    let second = date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    u64::try_from(second).ok()?.checked_mul(1000)?.checked_add(millis).map(Time::from_millis)
}

/// The same the other way round, to the second: `20261122081500`.
pub(in crate::directory) fn generalized(time: Time) -> String {
    let text: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    text.get(..14).unwrap_or("19700101000000").to_owned()
}

const NEVER: u64 = 0x7fff_ffff_ffff_ffff;
/// Milliseconds from 1601 to 1970.
const BEFORE_1970: u64 = 11_644_473_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filetime_is_read_and_never_is_none() {
        let table = [
            ("116444736000000000", Some(0)),
            ("133444736001234567", Some(1_700_000_000_123)),
            ("0", None),
            ("9223372036854775807", None),
            ("-1", None),
            ("1", None),
            ("", None),
            ("x", None),
        ];
        for (text, millis) in table {
            assert_eq!(of_filetime(text), millis.map(Time::from_millis), "{text}");
        }
    }

    #[test]
    fn a_generalized_time_is_read_in_each_of_its_forms() {
        let table = [
            ("20231114221320Z", Some(1_700_000_000_000)),
            ("20231114221320.123456Z", Some(1_700_000_000_123)),
            ("20231114221320,1Z", Some(1_700_000_000_100)),
            ("20231114221360Z", Some(1_700_000_039_000)),
            ("20231114221320.0Z", Some(1_700_000_000_000)),
            ("00000101000000Z", None),
            ("20231314221320Z", None),
            ("20231114221320+0100", None),
            ("2023111422Z", None),
            ("20231114221320.-1Z", None),
            ("+0231114221320Z", None),
            ("ä0231114221320Z", None),
            ("Z", None),
        ];
        for (text, millis) in table {
            assert_eq!(of_generalized(text), millis.map(Time::from_millis), "{text}");
        }
        assert_eq!(generalized(Time::from_millis(1_700_000_000_123)), "20231114221320");
    }
}
