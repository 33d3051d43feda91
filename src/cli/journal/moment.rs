//! Moments as operators write them: `2h` ago, or a date and time in ISO 8601.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::base::Time;

/// `45s`, `30m`, `2h`, `7d`, `4w` before `now`; `2026-11-30`, `2026-11-30T12:00` in UTC; with an offset or a `Z` as RFC 3339 has it.
pub fn read(text: &str, now: Time) -> Result<Time, String> {
    let text = text.trim();
    if let Some(span) = span(text) {
        return Ok(Time::from_millis(now.millis().saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))));
    }
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let instant = zoned.or_else(|| text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()));
    let millis = instant.and_then(|instant| u64::try_from(instant.as_millisecond()).ok());
    millis
        .map(Time::from_millis)
        .ok_or_else(|| format!("{text:?} is no time: write 2h, 7d, 2026-11-30 or 2026-11-30T12:00 (UTC)"))
}

fn span(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(Duration::from_secs(digits.parse::<u64>().ok()?.saturating_mul(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_while_ago_or_a_date() {
        let now = "2026-11-30T12:00:00Z";
        let at = |text: &str| read(text, read(now, Time::default()).unwrap()).map(|time| time.to_string());
        let table = [
            ("0s", "2026-11-30T12:00:00.000Z"),
            ("45s", "2026-11-30T11:59:15.000Z"),
            ("2h", "2026-11-30T10:00:00.000Z"),
            (" 7d ", "2026-11-23T12:00:00.000Z"),
            ("1w", "2026-11-23T12:00:00.000Z"),
            ("2026-11-30", "2026-11-30T00:00:00.000Z"),
            ("2026-11-30T09:30", "2026-11-30T09:30:00.000Z"),
            ("2026-11-30 09:30:05", "2026-11-30T09:30:05.000Z"),
            ("2026-11-30T09:30:05.123Z", "2026-11-30T09:30:05.123Z"),
            ("2026-11-30T09:30+01:00", "2026-11-30T08:30:00.000Z"),
            ("999999999999999d", "1970-01-01T00:00:00.000Z"),
        ];
        for (text, expected) in table {
            assert_eq!(at(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "h", "2", "2 h", "-2h", "2hours", "yesterday", "2026-13-01", "1969-12-31", "\u{661}h", "12:00"] {
            assert!(at(text).is_err(), "{text}");
        }
    }
}
