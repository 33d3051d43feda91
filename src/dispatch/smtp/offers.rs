//! What a relay says in its answer to EHLO that it can do (RFC 5321 section 4.1.1.1).

use super::reply::Reply;

#[derive(Default, Debug)]
pub(super) struct Offers {
    pub starttls: bool,
    pub smtputf8: bool,
    /// In capitals.
    pub mechanisms: Vec<String>,
}

impl Offers {
    /// The first line is the relay's name. Keywords in any case; `AUTH=` is what old clients wanted to see.
    pub fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split(|letter: char| letter.is_whitespace() || letter == '=').filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.smtputf8 = true,
                Some("AUTH") => offers.mechanisms.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        offers
    }

    pub fn has(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|offered| offered == mechanism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_known_in_any_case_and_form() {
        let offers = |lines: &[&str]| {
            let lines = std::iter::once(&"relay").chain(lines).map(|line| (*line).to_owned()).collect();
            Offers::of(&Reply { code: 250, lines })
        };
        for lines in [
            &["STARTTLS", "AUTH PLAIN LOGIN", "SMTPUTF8"][..],
            &["starttls", "Auth plain login", "smtputf8"],
            &["AUTH=PLAIN LOGIN", "StartTls", "SmtpUtf8"],
            &["AUTH PLAIN", "AUTH=LOGIN PLAIN", "STARTTLS ", "SMTPUTF8 x"],
            &["AUTH\tPLAIN\tLOGIN", "STARTTLS", "SMTPUTF8", ""],
        ] {
            let offers = offers(lines);
            assert!(offers.starttls && offers.smtputf8 && offers.has("PLAIN") && offers.has("LOGIN"), "{lines:?}: {offers:?}");
        }
        let none = offers(&["XSTARTTLS", "AUTHX PLAIN", "X-AUTH=LOGIN", "SIZE 100", ""]);
        assert!(!none.starttls && !none.smtputf8 && none.mechanisms.is_empty(), "{none:?}");
        let first = Offers::of(&Reply { code: 250, lines: vec!["STARTTLS".into()] });
        assert!(!first.starttls, "the first line is a name");
    }
}
