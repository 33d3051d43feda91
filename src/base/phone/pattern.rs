//! Matches digits against the patterns of the numbering plans: `d` is a digit, `[2-57]` some digits, `(…|…)` alternatives, `$` the
//! end, `?`, `{3}` and `{2,5}` say how often, and `<…>` marks the part that is wanted. The patterns are ours, and digits are few:
//! trying everything is fast enough.

use std::cell::Cell;

/// How far a pattern matched, and where the part between `<` and `>` lies in the digits.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub end: usize,
    pub wanted: Option<(usize, usize)>,
}

/// Whether the pattern matches all digits.
pub(super) fn is_whole(pattern: &str, digits: &str) -> bool {
    let text = Text::new(digits);
    text.alternatives(pattern.as_bytes(), BEGIN, &|at| at.end == digits.len())
}

/// How many digits the pattern matches before it fails or ends.
pub(super) fn reach(pattern: &str, digits: &str) -> usize {
    let text = Text::new(digits);
    text.alternatives(pattern.as_bytes(), BEGIN, &|at| at.end == digits.len());
    text.reached.get()
}

/// The first way in which the pattern matches the beginning of the digits.
pub(super) fn beginning(pattern: &str, digits: &str) -> Option<At> {
    let found = Cell::new(None);
    let first = |at: At| {
        found.set(Some(at));
        true
    };
    Text::new(digits).alternatives(pattern.as_bytes(), BEGIN, &first);
    found.get().filter(|_| !pattern.is_empty())
}

/// After how many digits the pattern can end, in all ways.
pub(super) fn ends(pattern: &str, digits: &str) -> Vec<usize> {
    let found = Cell::new(Vec::new());
    let every = |at: At| {
        let mut ends = found.take();
        ends.push(at.end);
        found.set(ends);
        false
    };
    Text::new(digits).alternatives(pattern.as_bytes(), BEGIN, &every);
    found.into_inner()
}

const BEGIN: At = At { end: 0, wanted: None };

/// What is matched, and the furthest digit that was.
struct Text<'a> {
    digits: &'a [u8],
    reached: Cell<usize>,
}

/// What follows: asked with each place that is reached, until it says that this one will do.
type Next<'n> = dyn Fn(At) -> bool + 'n;

impl<'a> Text<'a> {
    fn new(digits: &'a str) -> Self {
        Self { digits: digits.as_bytes(), reached: Cell::new(0) }
    }

    fn alternatives(&self, pattern: &[u8], at: At, next: &Next<'_>) -> bool {
        let mut rest = pattern;
        loop {
            let bar = bar(rest);
            if self.sequence(rest.get(..bar).unwrap_or_default(), at, next) {
                return true;
            }
            match rest.get(bar + 1..) {
                Some(others) => rest = others,
                None => return false,
            }
        }
    }

    fn sequence(&self, pattern: &[u8], at: At, next: &Next<'_>) -> bool {
        if pattern.is_empty() {
            return next(at);
        }
        let (atom, rest) = pattern.split_at(atom_length(pattern));
        let (least, most, rest) = times(rest);
        self.repeat(atom, (least, most), at, &|at| self.sequence(rest, at, next))
    }

    /// As often as it goes, then less often.
    fn repeat(&self, atom: &[u8], (least, most): (u8, u8), at: At, next: &Next<'_>) -> bool {
        let again = |after: At| {
            let moved = after.end > at.end || least > 0;
            moved && self.repeat(atom, (least.saturating_sub(1), most.saturating_sub(1)), after, next)
        };
        (most > 0 && self.atom(atom, at, &again)) || (least == 0 && next(at))
    }

    fn atom(&self, atom: &[u8], at: At, next: &Next<'_>) -> bool {
        let inner = atom.get(1..atom.len().saturating_sub(1)).unwrap_or_default();
        match atom.first() {
            Some(b'(') => self.alternatives(inner, at, next),
            Some(b'<') => self.alternatives(inner, at, &|after| next(At { wanted: Some((at.end, after.end)), ..after })),
            Some(b'$') => at.end == self.digits.len() && next(at),
            _ => {
                let fits = self.digits.get(at.end).is_some_and(|digit| holds(atom, *digit));
                if fits {
                    self.reached.set(self.reached.get().max(at.end + 1));
                }
                fits && next(At { end: at.end + 1, ..at })
            }
        }
    }
}

/// Whether a digit is one of `d`, `7` or `[2-57]`.
fn holds(atom: &[u8], digit: u8) -> bool {
    match atom {
        [b'd'] => digit.is_ascii_digit(),
        [b'[', class @ .., b']'] => {
            digit.is_ascii_digit() && class.contains(&digit)
                || class.windows(3).any(|three| matches!(three, [from, b'-', to] if (*from..=*to).contains(&digit)))
        }
        [only] => *only == digit,
        _ => false,
    }
}

/// How many bytes the first part of a pattern has: a digit, a class, or a group with what is in it.
fn atom_length(pattern: &[u8]) -> usize {
    match pattern.first() {
        Some(b'[') => pattern.iter().position(|byte| *byte == b']').map_or(pattern.len(), |end| end + 1),
        Some(b'(' | b'<') => {
            let mut depth = 0_usize;
            let closes = |byte: &u8| {
                match byte {
                    b'(' | b'<' => depth += 1,
                    b')' | b'>' => depth -= 1,
                    _ => {}
                }
                depth == 0
            };
            pattern.iter().position(closes).map_or(pattern.len(), |end| end + 1)
        }
        _ => 1,
    }
}

/// Where the first alternative ends.
fn bar(pattern: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = pattern.get(at..).filter(|rest| rest.first().is_some_and(|byte| *byte != b'|')) {
        at += atom_length(rest);
    }
    at
}

/// How often the part before may come, and what follows.
fn times(rest: &[u8]) -> (u8, u8, &[u8]) {
    match rest {
        [b'?', rest @ ..] => (0, 1, rest),
        [b'{', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'}').unwrap_or(rest.len());
            let (written, rest) = (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
            let mut counts = written.split(|byte| *byte == b',').map(count);
            let least = counts.next().unwrap_or(1);
            (least, counts.next().unwrap_or(least), rest)
        }
        rest => (1, 1, rest),
    }
}

fn count(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |number: u8, digit| number.saturating_mul(10).saturating_add(digit & 0xf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_all_digits_or_not() {
        let table = [
            ("", "", true),
            ("12", "12", true),
            ("12", "123", false),
            ("[2-57]d", "59", true),
            ("[2-57]d", "69", false),
            ("[2-57]d", "-9", false),
            ("1d{2,3}", "112", true),
            ("1d{2,3}", "1123", true),
            ("1d{2,3}", "11234", false),
            ("(1|2(3|45)?)6{2}", "2456 6".trim(), false),
            ("(1|2(3|45)?)6{2}", "24566", true),
            ("(1|2(3|45)?)6{2}", "266", true),
            ("(1|2(3|45)?)6{2}", "2366", true),
            ("1|23", "23", true),
            ("(1[2-4]?){2}5", "1315", true),
            ("(1?){3}2", "112", true),
            ("d{0,4}1", "11", true),
        ];
        for (pattern, digits, expected) in table {
            assert_eq!(is_whole(pattern, digits), expected, "{pattern} {digits}");
        }
    }

    #[test]
    fn a_beginning_is_the_first_that_matches_with_what_is_wanted_in_it() {
        let found = |pattern, digits| beginning(pattern, digits).map(|at| (at.end, at.wanted));
        assert_eq!(found("0|80?", "80291"), Some((2, None)));
        assert_eq!(found("<[457]d{2}>$|1", "412"), Some((3, Some((0, 3)))));
        assert_eq!(found("<[457]d{2}>$|1", "1412"), Some((1, None)));
        assert_eq!(found("0?(<11|22>15)?", "0111523"), Some((5, Some((1, 3)))));
        assert_eq!(found("0?(<11|22>15)?", "0112345"), Some((1, None)));
        assert_eq!((found("0", "12"), found("", "12")), (None, None));
        assert_eq!(ends("00(30|[126-9]?)", "00145"), [3, 2]);
        assert_eq!((reach("2[0-3]4", "2199"), reach("9|219", "2199"), reach("9", "2199")), (2, 3, 0));
    }
}
