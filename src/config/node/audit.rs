//! `[audit]`: how long the journal is kept.

use std::time::Duration;

use crate::config::document::Section;

/// `[audit]`: of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Audit {
    /// What is older is removed. Default: nothing is.
    pub keep: Option<Duration>,
}

impl Audit {
    pub(in crate::config) fn read(section: Section<'_>) -> Self {
        section.later(&["sinks", "when_full"]);
        let keep = section.optional("keep").and_then(|field| field.duration(A_DAY..=LONGEST));
        section.finish();
        Self { keep }
    }
}

/// What happened yesterday is asked about today.
const A_DAY: Duration = Duration::from_secs(86_400);
/// A hundred years.
const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{messages, parsed, with};

    #[test]
    fn the_journal_is_kept_for_a_day_at_least_and_for_good_where_nothing_is_said() {
        let text = |keys: &str| with("[[listener]]", &format!("[audit]\n{keys}\n[[listener]]"));
        for (keys, keep) in [("", None), ("keep = \"1d\"", Some(A_DAY)), ("keep = \"400d\"", Some(400 * A_DAY))] {
            assert_eq!(parsed(&text(keys)).unwrap().audit, Audit { keep }, "{keys}");
        }
        for keys in ["keep = \"23h\"", "keep = 400", "keep = \"ever\"", "keep = \"0s\""] {
            assert!(messages(&text(keys))[0].contains("keep"), "{keys}");
        }
        assert!(messages(&text("sinks = []"))[0].contains("sinks"));
    }
}
