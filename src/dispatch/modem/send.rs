//! One message through a modem: its parts in their order, once more where that can help, and what its failure means for the message and
//! for the modem.

use std::time::Duration;

use super::at_session::{Late, Trouble};
use super::inbox::ENDED;
use super::init::{Fault, Init, value};
use super::status::Status;
use crate::base::{Secret, Time};
use crate::config::modem::Mode;
use crate::dispatch::at::refusal::{Class, Refusal};
use crate::dispatch::at::unsolicited::TAKEN;
use crate::dispatch::sms::pdu::Submit;
use crate::dispatch::sms::recipient::Recipient;
use crate::dispatch::{Failure, FailureKind, Message};

/// A message that was taken: what the modem called its parts, where it said so.
pub(super) struct Taken {
    pub to: Recipient,
    pub parts: Vec<Option<u8>>,
}

/// A message that was not.
pub(super) struct Miss {
    pub failure: Failure,
    /// What it means for the modem.
    pub modem: Verdict,
}

pub(super) enum Verdict {
    /// It is not to blame.
    Well,
    /// One more like this, or two, and it goes into quarantine.
    Strike,
    /// The same for a SIM that may not send; for good if the next number is refused too.
    Barred(Fault),
    Fault(Fault),
}

/// One part as it is entered.
struct Entry {
    before: Option<String>,
    command: String,
    text: Secret<String>,
}

/// Sends through a modem that is set up.
pub(super) struct Sender<'a> {
    pub init: Init<'a>,
    pub reports: bool,
    /// Ties parts together; another one each time.
    pub reference: u8,
    /// Whether anybody still waits for it: somebody may have found another way meanwhile.
    pub wanted: &'a dyn Fn() -> bool,
}

impl Sender<'_> {
    pub fn deliver(&mut self, message: &Message, now: Time) -> Result<Taken, Miss> {
        let Some(to) = Recipient::parse(&message.to) else {
            return Err(miss(FailureKind::Final, "not a number in international form", Verdict::Well));
        };
        let validity = message.expires.since(now);
        let submit = Submit {
            to: &to,
            text: message.text.expose(),
            flash: message.flash,
            replaces: message.resent,
            validity,
            report: self.reports,
            reference: self.reference,
        };
        let entries = match self.init.modem.mode {
            Mode::Pdu => in_pdus(&submit),
            Mode::Text => in_text(&submit),
        };
        let (mut parts, entries) = (Vec::new(), entries?);
        self.init.session.begin_message();
        let sent = self.parts(message, &entries, &mut parts);
        self.init.session.end_message();
        sent.map(|()| Taken { to, parts })
    }

    fn parts(&mut self, message: &Message, entries: &[Entry], parts: &mut Vec<Option<u8>>) -> Result<(), Miss> {
        let (all, reports) = (entries.len(), self.reports);
        for (place, entry) in entries.iter().enumerate() {
            let begin = |status: &Status, now| status.ledger().begin(&message.id, (place, all), reports, now);
            parts.push(self.part(entry, &begin)?);
        }
        Ok(())
    }

    /// Once, and once more where the modem may be brought to do it.
    fn part(&mut self, entry: &Entry, begin: &Begin<'_>) -> Result<Option<u8>, Miss> {
        let first = match self.enter(entry, begin) {
            Ok(reference) => return Ok(reference),
            Err(trouble) => trouble,
        };
        let class = match &first {
            (Trouble::Refused(refusal), _) => refusal.class(),
            // It never asked for the text.
            (Trouble::Silent, false) => Class::Modem,
            _ => return self.conclude(first),
        };
        let mended = match class {
            Class::Modem => self.init.again(),
            Class::Storage => self.init.empty(),
            Class::Centre if self.init.modem.smsc.is_some() => self.init.centre().map(drop),
            _ => return self.conclude(first),
        };
        if let Err(fault) = mended {
            let why = words(&first.0);
            return Err(miss(FailureKind::RetryHere, why, Verdict::Fault(fault)));
        }
        if !(self.wanted)() {
            return Err(miss(FailureKind::RetryElsewhere, words(&first.0), Verdict::Strike));
        }
        self.init.inbox.status.change(|standing| standing.retransmissions += 1);
        match self.enter(entry, begin) {
            Ok(reference) => Ok(reference),
            Err((Trouble::Refused(refusal), _)) if matches!(refusal.class(), Class::Modem | Class::Storage) => {
                let fault = Fault::Sick(format!("the modem refuses again and again: {refusal}"));
                Err(miss(FailureKind::RetryHere, refusal.to_string(), Verdict::Fault(fault)))
            }
            Err(second) => self.conclude(second),
        }
    }

    fn enter(&mut self, entry: &Entry, begin: &Begin<'_>) -> Result<Option<u8>, (Trouble, bool)> {
        let Init { session, inbox, .. } = &mut self.init;
        if let Some(before) = &entry.before {
            session.command(inbox, before, Duration::from_secs(5)).map_err(|trouble| (trouble, false))?;
        }
        begin(&inbox.status, inbox.now());
        let answer = session.message(inbox, &entry.command, entry.text.expose());
        let number = |lines: &[String]| value(lines, TAKEN).and_then(|number| number.split(',').next()?.trim().parse().ok());
        let answer = answer.map(|lines| number(&lines));
        match &answer {
            Ok(number) => inbox.status.ledger().taken(*number),
            // It may still say so.
            Err((_, true)) => {}
            Err((_, false)) => inbox.status.ledger().over(),
        }
        answer
    }

    /// What a failure means that is not tried again here. It is none where it turns out that the message was taken after all.
    fn conclude(&mut self, (trouble, given): (Trouble, bool)) -> Result<Option<u8>, Miss> {
        let why = words(&trouble);
        let refusal = match trouble {
            Trouble::Refused(refusal) => refusal,
            Trouble::Silent => {
                let modem = self.init.wake().map_or_else(Verdict::Fault, |()| Verdict::Strike);
                let late = self.init.session.late().filter(|_| given);
                let mut ledger = self.init.inbox.status.ledger();
                match late {
                    Some(Late::Taken(number)) => {
                        ledger.taken(number);
                        return Ok(number);
                    }
                    _ => ledger.over(),
                }
                return Err(match late {
                    Some(Late::Refused(refusal)) => miss_of(refusal, refusal.to_string()),
                    // Perhaps it went out, and another modem sends it twice: better than never.
                    _ if given => miss(FailureKind::Unsure, UNSAID, modem),
                    _ => miss(FailureKind::RetryHere, why, modem),
                });
            }
            Trouble::Gone(_) | Trouble::Stopped => {
                let kind = if given { FailureKind::Unsure } else { FailureKind::RetryHere };
                return Err(miss(kind, why, Verdict::Fault(trouble.into())));
            }
        };
        Err(miss_of(refusal, why))
    }
}

/// Writes down that a part is with the modem.
type Begin<'a> = dyn Fn(&Status, Time) + 'a;

const UNSAID: &str = "the modem did not say whether it sent the message";

fn miss_of(refusal: Refusal, why: String) -> Miss {
    match refusal.class() {
        Class::Network | Class::Unknown | Class::Modem | Class::Storage => miss(FailureKind::RetryHere, why, Verdict::Strike),
        Class::Barred => {
            let fault = Fault::Barred(format!("the network does not let this SIM send ({refusal}): look at credit and contract"));
            miss(FailureKind::RetryElsewhere, why, Verdict::Barred(fault))
        }
        Class::Sim => miss(FailureKind::RetryElsewhere, why, Verdict::Fault(Trouble::Refused(refusal).into())),
        Class::Centre => {
            let fault = Fault::Out("the service centre is unknown: set `smsc` to the operator's".to_owned());
            miss(FailureKind::RetryElsewhere, why, Verdict::Fault(fault))
        }
        // Another modem would be told the same, and a gateway would not: a code must not be lost for that.
        Class::Ours => miss(FailureKind::RetryElsewhere, why, Verdict::Well),
        Class::Destination => miss(FailureKind::Final, why, Verdict::Well),
    }
}

fn miss(kind: FailureKind, why: impl Into<String>, modem: Verdict) -> Miss {
    Miss { failure: Failure { kind, why: why.into() }, modem }
}

fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Refused(refusal) => refusal.to_string(),
        Trouble::Silent => "the modem does not answer".to_owned(),
        Trouble::Gone(why) => format!("the line to the modem broke: {why}"),
        Trouble::Stopped => ENDED.to_owned(),
    }
}

fn in_pdus(submit: &Submit<'_>) -> Result<Vec<Entry>, Miss> {
    let parts = submit.parts().map_err(|error| miss(FailureKind::Final, error.to_string(), Verdict::Well))?;
    // A modem that lost its power in between would take the message for plain text.
    let before = || Some("AT+CMGF=0".to_owned());
    let entry = |part: crate::dispatch::sms::pdu::Part| Entry {
        before: before(),
        command: format!("AT+CMGS={}", part.octets),
        text: part.pdu,
    };
    Ok(parts.into_iter().map(entry).collect())
}

const MOST_IN_TEXT: usize = 160;

/// Letters that every modem knows; one message.
fn in_text(submit: &Submit<'_>) -> Result<Vec<Entry>, Miss> {
    let text = Secret::new(submit.text.chars().map(plain).collect::<String>());
    if text.expose().len() > MOST_IN_TEXT {
        return Err(miss(FailureKind::Final, "the text is too long for one message in text mode", Verdict::Well));
    }
    let first = 0x11 | if submit.report { 0x20 } else { 0 };
    let validity = crate::dispatch::sms::pdu::relative_validity(submit.validity);
    let (identifier, coding) = (if submit.replaces { 0x41 } else { 0 }, if submit.flash { 0x10 } else { 0 });
    let before = Some(format!("AT+CSMP={first},{validity},{identifier},{coding}"));
    let command = format!("AT+CMGS=\"{}\",145", submit.to.written());
    Ok(vec![Entry { before, command, text }])
}

/// ASCII; nothing that would end the message or give it up.
fn plain(letter: char) -> char {
    match letter {
        '\n' | ' '..='~' => letter,
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ä' | 'æ' => 'a',
        'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ä' | 'Æ' => 'A',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'È' | 'É' | 'Ê' | 'Ë' => 'E',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' | 'Ø' => 'O',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'Ù' | 'Ú' | 'Û' | 'Ü' => 'U',
        'ß' => 's',
        'ñ' => 'n',
        'Ñ' => 'N',
        'ç' => 'c',
        'Ç' => 'C',
        _ if letter.is_whitespace() => ' ',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_where_to_go_on() {
        let table = [
            (Refusal::Cms(42), FailureKind::RetryHere),
            (Refusal::Cms(331), FailureKind::RetryHere),
            (Refusal::Cme(30), FailureKind::RetryHere),
            (Refusal::Cme(32), FailureKind::RetryHere),
            (Refusal::Plain, FailureKind::RetryHere),
            (Refusal::Cms(310), FailureKind::RetryElsewhere),
            (Refusal::Cms(8), FailureKind::RetryElsewhere),
            (Refusal::Cms(28), FailureKind::Final),
            (Refusal::Cms(304), FailureKind::RetryElsewhere),
            (Refusal::Cms(330), FailureKind::RetryElsewhere),
            (Refusal::Cms(777), FailureKind::RetryHere),
        ];
        for (refusal, kind) in table {
            assert_eq!(miss_of(refusal, String::new()).failure.kind, kind, "{refusal}");
        }
    }

    #[test]
    fn text_mode_gets_no_letter_that_ends_a_message() {
        let text: String = "Grüße\u{1a}\u{1b}\r\0€😀\nx".chars().map(plain).collect();
        assert_eq!(text, "Grusse?? ???\nx".replace("ss", "s"));
    }
}
