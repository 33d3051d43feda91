//! What a SIM stores: it is nobody's, and a full one takes neither messages nor reports (3GPP TS 27.005, 3.5.4). Status reports among it are
//! kept first, to be looked at.

use std::time::Duration;

use super::at_session::Trouble;
use super::init::{Fault, Init, LONG, SHORT, value};
use crate::config::modem::Mode;
use crate::dispatch::at::unsolicited::Unsolicited;
use crate::dispatch::sms::report::StatusReport;

/// A listing may be cut, and messages may come in meanwhile.
const ROUNDS: u32 = 8;
/// So long one after the other is deleted; then there is room, and the rest is for the next time.
const ENOUGH: Duration = Duration::from_secs(60);
/// More places than any SIM has, and as many as most modems.
const MOST_PLACES: u16 = 255;

impl Init<'_> {
    /// Deletes everything that is stored: at once, or one by one where a modem does not know how to (before 3GPP TS 27.005 had the second
    /// number), or takes the first number alone.
    pub fn empty(&mut self) -> Result<(), Fault> {
        self.list()?;
        let at_once = match self.session.command(self.inbox, "AT+CMGD=1,4", LONG) {
            Ok(_) => true,
            // It is at it.
            Err(Trouble::Silent) => return Ok(()),
            Err(Trouble::Refused(_)) => false,
            Err(trouble) => return Err(trouble.into()),
        };
        match self.used()? {
            Some((0, _)) => Ok(()),
            None if at_once => Ok(()),
            _ => self.one_by_one(),
        }
    }

    fn one_by_one(&mut self) -> Result<(), Fault> {
        let begun = self.inbox.now();
        for _ in 0..ROUNDS {
            let (places, listed) = match self.list()? {
                Some(places) => (places, true),
                None => (self.possible()?, false),
            };
            let mut deleted = 0_u32;
            for place in places {
                match self.session.command(self.inbox, &format!("AT+CMGD={place}"), SHORT) {
                    Ok(_) => deleted += 1,
                    Err(Trouble::Refused(_)) => {}
                    Err(Trouble::Silent) => return Ok(()),
                    Err(trouble) => return Err(trouble.into()),
                }
                if self.inbox.now().since(begun) >= ENOUGH {
                    return Ok(());
                }
            }
            if !listed || deleted == 0 || self.used()?.is_none_or(|(used, _)| used == 0) {
                break;
            }
        }
        Ok(())
    }

    /// Where something is stored, after the reports among it are kept; nothing where that cannot be asked for. In text mode it is not asked for:
    /// the texts of strangers would stand in the answer, and one that reads `OK` would end it.
    fn list(&mut self) -> Result<Option<Vec<u16>>, Fault> {
        if self.modem.mode == Mode::Text {
            return Ok(None);
        }
        let Some(lines) = self.try_one("AT+CMGL=4")? else { return Ok(None) };
        let pdus = lines.iter().filter(|line| !line.starts_with('+'));
        for pdu in pdus.filter(|line| self.modem.reports && StatusReport::from_pdu(line).is_some()) {
            self.session.keep(Unsolicited::Report(pdu.clone()));
        }
        let place = |line: &String| line.strip_prefix("+CMGL:")?.split(',').next()?.trim().parse().ok();
        Ok(Some(lines.iter().filter_map(place).collect()))
    }

    /// Every place there is: as the modem says, else by their number, counted from 0 or 1.
    fn possible(&mut self) -> Result<Vec<u16>, Fault> {
        let lines = self.try_one("AT+CMGD=?")?.unwrap_or_default();
        let places = value(&lines, "+CMGD:").map(places).unwrap_or_default();
        if !places.is_empty() {
            return Ok(places);
        }
        Ok(self.used()?.map(|(_, all)| (0..=all.min(MOST_PLACES)).collect()).unwrap_or_default())
    }

    /// How many places are used of how many.
    fn used(&mut self) -> Result<Option<(u16, u16)>, Fault> {
        let lines = self.try_one("AT+CPMS?")?.unwrap_or_default();
        let mut fields = value(&lines, "+CPMS:").unwrap_or_default().split(',').skip(1).map(|field| field.trim().parse().ok());
        Ok(fields.next().flatten().zip(fields.next().flatten()))
    }
}

/// The first list of `(1,3,5-7),(0-4)`; at most 255 of it. Nothing where it is none.
pub fn places(text: &str) -> Vec<u16> {
    let first = text.trim().trim_start_matches('(').split(')').next().unwrap_or_default();
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse::<u16>().ok()?..=to.trim().parse::<u16>().ok()?)
    };
    first.split(',').filter_map(range).flatten().take(MOST_PLACES.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_a_store_are_read() {
        let table: [(&str, &[u16]); 9] = [
            ("(1,3,5-7),(0-4)", &[1, 3, 5, 6, 7]),
            ("(1-3)", &[1, 2, 3]),
            (" (0 - 2) , (0-4)", &[0, 1, 2]),
            ("1,2", &[1, 2]),
            ("(),(0-4)", &[]),
            ("", &[]),
            ("(7-3)", &[]),
            ("(x,4,70000)", &[4]),
            ("(\"SM\",2)", &[2]),
        ];
        for (text, expected) in table {
            assert_eq!(places(text), expected, "{text}");
        }
        assert_eq!(places("(0-65535,0-65535)").len(), 255);
    }
}
