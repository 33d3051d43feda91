//! A length of time as people read it: one number and one unit, in their language.

use std::time::Duration;

use super::{Language, Texts};

/// Whole seconds, minutes, hours or days; never none of them. A unit is used from two of it on, and for exactly one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    count: u64,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// The key in `locales/`.
    const fn key(self) -> &'static str {
        match self {
            Self::Second => "time-seconds",
            Self::Minute => "time-minutes",
            Self::Hour => "time-hours",
            Self::Day => "time-days",
        }
    }
}

impl Span {
    /// Never less than `length`: how long to wait.
    pub fn at_least(length: Duration) -> Self {
        Self::counted(length.as_millis().div_ceil(1000), u64::div_ceil)
    }

    /// Never more than `length`, from a second on: how long something is still there.
    pub fn at_most(length: Duration) -> Self {
        Self::counted(length.as_millis() / 1000, |seconds, unit| seconds / unit)
    }

    /// The nearest: how long something works that has only just begun. A moment later it still reads as it is configured.
    pub fn about(length: Duration) -> Self {
        Self::counted((length.as_millis() + 500) / 1000, |seconds, unit| (seconds + unit / 2) / unit)
    }

    /// Seconds, however many: for a sentence whose number a script counts down.
    pub fn in_seconds(seconds: u64) -> Self {
        Self { count: seconds.max(1), unit: Unit::Second }
    }

    /// What it says, in seconds.
    pub const fn seconds(self) -> u64 {
        self.count.saturating_mul(self.unit.seconds())
    }

    /// `30 seconds`, `1 Minute`: a noun that stands alone, in German in the nominative and accusative.
    pub fn say(self, texts: &Texts, language: Language) -> String {
        texts.say(language, self.unit.key(), &[("count", self.count.into())])
    }

    fn counted(seconds: u128, rounded: fn(u64, u64) -> u64) -> Self {
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX / 2).clamp(1, u64::MAX / 2);
        for (unit, larger) in [(Unit::Second, Unit::Minute), (Unit::Minute, Unit::Hour), (Unit::Hour, Unit::Day)] {
            // Between one and two minutes nobody counts single seconds.
            let step = if unit == Unit::Second && seconds > larger.seconds() { 10 } else { unit.seconds() };
            let length = rounded(seconds, step).saturating_mul(step);
            if length < 2 * larger.seconds() && length != larger.seconds() {
                return Self { count: (length / unit.seconds()).max(1), unit };
            }
            if length == larger.seconds() {
                return Self { count: 1, unit: larger };
            }
        }
        Self { count: rounded(seconds, Unit::Day.seconds()), unit: Unit::Day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_and_one_unit_in_every_language() {
        let texts = Texts::built_in();
        let german = Language::from_tag("de").unwrap();
        let said = |span: Span| (span.say(&texts, Language::ENGLISH), span.say(&texts, german));
        for (seconds, english, in_german) in [
            (0, "1 second", "1 Sekunde"),
            (1, "1 second", "1 Sekunde"),
            (30, "30 seconds", "30 Sekunden"),
            (60, "1 minute", "1 Minute"),
            (90, "90 seconds", "90 Sekunden"),
            (120, "2 minutes", "2 Minuten"),
            (900, "15 minutes", "15 Minuten"),
            (3_600, "1 hour", "1 Stunde"),
            (5_400, "90 minutes", "90 Minuten"),
            (7_200, "2 hours", "2 Stunden"),
            (86_400, "1 day", "1 Tag"),
            (129_600, "36 hours", "36 Stunden"),
            (172_800, "2 days", "2 Tage"),
            (30 * 86_400, "30 days", "30 Tage"),
        ] {
            let length = Duration::from_secs(seconds);
            for span in [Span::about(length), Span::at_least(length), Span::at_most(length)] {
                assert_eq!(said(span), (english.to_owned(), in_german.to_owned()), "{seconds}");
            }
        }
    }

    #[test]
    fn it_is_rounded_to_the_side_that_keeps_the_promise() {
        for (milliseconds, least, most, about) in [
            (29_400, 30, 29, 29),
            (59_900, 60, 59, 60),
            (61_000, 70, 60, 60),
            (119_960, 120, 110, 120),
            (299_000, 300, 240, 300),
            (241_000, 300, 240, 240),
            (899_999, 900, 840, 900),
            (3_599_000, 3_600, 3_540, 3_600),
            (7_199_000, 7_200, 7_140, 7_200),
            (171_000_000, 172_800, 169_200, 172_800),
            (863_999_000, 864_000, 777_600, 864_000),
        ] {
            let length = Duration::from_millis(milliseconds);
            let said = [Span::at_least(length), Span::at_most(length), Span::about(length)].map(Span::seconds);
            assert_eq!(said, [least, most, about], "{milliseconds}");
        }
    }

    #[test]
    fn no_length_is_too_long() {
        for span in [Span::at_least(Duration::MAX), Span::at_most(Duration::MAX), Span::about(Duration::MAX)] {
            assert!(span.seconds() > 1 << 62, "{span:?}");
        }
        assert_eq!(Span::in_seconds(300).say(&Texts::built_in(), Language::ENGLISH), "300 seconds");
    }
}
