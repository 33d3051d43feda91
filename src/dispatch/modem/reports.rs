//! What a modem says by itself, and what becomes of it: reports go to the dispatcher, everything else is cleared away.

use std::sync::Arc;
use std::time::Duration;

use super::at_session::{AtSession, Trouble};
use super::init::{Fault, value};
use super::worker::Worker;
use crate::dispatch::address::number::mask_number;
use crate::dispatch::at::unsolicited::Unsolicited;
use crate::dispatch::sms::report::{Outcome, StatusReport, sender};
use crate::dispatch::{Delivery, Report};

const RESTARTED: &str = "the modem started anew";

impl Worker {
    pub(super) fn handle_unsolicited(&mut self, session: &mut AtSession, event: &Unsolicited) -> Result<(), Fault> {
        match event {
            Unsolicited::Report(pdu) => self.report(StatusReport::from_pdu(pdu)),
            Unsolicited::ReportInText(values) => self.report(StatusReport::from_text(values)),
            Unsolicited::StoredReport(place) => {
                let lines = self.stored(session, place)?;
                self.report(lines.last().and_then(|pdu| StatusReport::from_pdu(pdu)));
            }
            Unsolicited::Stored(place) => {
                let lines = self.stored(session, place)?;
                let from = lines.last().and_then(|pdu| sender(pdu)).unwrap_or_default();
                let from = mask_number(&from);
                tracing::info!(modem = &*self.name, from, "modem {}: a message came in from {from} and was deleted", self.name);
            }
            Unsolicited::Ring => {
                tracing::info!(modem = &*self.name, "modem {}: somebody called and was hung up on", self.name);
                for command in ["AT+CHUP", "ATH"] {
                    match session.command(&mut self.inbox, command, Duration::from_secs(5)) {
                        Ok(_) => break,
                        Err(Trouble::Refused(_) | Trouble::Silent) => {}
                        Err(trouble) => return Err(trouble.into()),
                    }
                }
            }
            Unsolicited::Restarted => return Err(Fault::Lost(RESTARTED.to_owned())),
        }
        Ok(())
    }

    /// Reads what is stored there and deletes it. `place` is a number.
    fn stored(&mut self, session: &mut AtSession, place: &str) -> Result<Vec<String>, Fault> {
        let limit = Duration::from_secs(10);
        let lines = match session.command(&mut self.inbox, &format!("AT+CMGR={place}"), limit) {
            Ok(lines) => lines,
            Err(Trouble::Refused(_) | Trouble::Silent) => Vec::new(),
            Err(trouble) => return Err(trouble.into()),
        };
        match session.command(&mut self.inbox, &format!("AT+CMGD={place}"), limit) {
            Ok(_) | Err(Trouble::Refused(_) | Trouble::Silent) => {}
            Err(trouble) => return Err(trouble.into()),
        }
        // A text in text mode is not what we look for.
        Ok(if value(&lines, "+CMGR:").is_some() { lines } else { Vec::new() })
    }

    fn report(&mut self, report: Option<StatusReport>) {
        let Some(report) = report else {
            tracing::info!(modem = &*self.name, "modem {}: a status report cannot be read", self.name);
            return;
        };
        let delivery = match report.outcome {
            Outcome::Pending => return,
            Outcome::Delivered => Delivery::Delivered,
            Outcome::Failed => Delivery::Failed(report.words()),
        };
        match self.awaited.name(&report, self.inbox.now()) {
            Some((reference, took)) => {
                if let Some(took) = took {
                    self.inbox.status.note_report(took);
                }
                self.reports.report(Report { transmitter: Arc::clone(&self.name), reference, delivery });
            }
            None => tracing::debug!(modem = &*self.name, "modem {}: a report names nobody: {}", self.name, report.words()),
        }
    }
}
