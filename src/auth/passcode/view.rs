//! What a page shows of a passcode that was sent.

use super::Sent;
use super::issue::Passcodes;
use crate::auth::flow::Pending;
use crate::auth::services::CouldNotTell;
use crate::auth::view::PasscodeView;
use crate::base::Time;
use crate::dispatch::{Progress, Way};

impl Passcodes {
    pub async fn view(&self, pending: &Pending, sent: &Sent, now: Time) -> Result<PasscodeView, CouldNotTell> {
        let alphabet = self.rules.passcode_policy(&pending.terms.passcode)?.alphabet;
        let progress = self.progress(pending, sent, now).await?;
        Ok(PasscodeView {
            alphabet,
            others: self.others(pending, sent, &progress),
            progress,
            label: sent.label.clone(),
            resend: sent.resend_from().map(|from| (from, sent.resends_left)),
            lives_until: sent.lives_until,
        })
    }

    /// How far the passcode is. One that was asked for a moment ago is perhaps not on record yet: it is on its way there.
    pub async fn progress(&self, pending: &Pending, sent: &Sent, now: Time) -> Result<Progress, CouldNotTell> {
        let dispatcher = &self.rules.dispatcher;
        if let Some(progress) = dispatcher.progress_on_record(&sent.message).await? {
            return Ok(progress);
        }
        let ways = dispatcher.ways(&pending.terms.dispatch, &self.rules.addresses(pending.user()));
        let first = ways.into_iter().next().filter(|_| now.since(sent.sent) < HANDED_OVER);
        Ok(first.map_or(Progress::Failed, |way| Progress::Sending {
            channel: way.channel,
            to: way.to,
            before: None,
            again: None,
        }))
    }

    /// What the policy still offers this person beside the way under way.
    pub fn others(&self, pending: &Pending, sent: &Sent, progress: &Progress) -> Vec<Way> {
        if sent.resends_left == 0 {
            return Vec::new();
        }
        let here = match progress {
            Progress::Sending { channel, to, .. }
            | Progress::Sent { channel, to, .. }
            | Progress::Delivered { channel, to, .. } => Some((*channel, to.as_str())),
            // The same way may be tried again.
            Progress::Unsure { .. } | Progress::Failed => None,
        };
        let ways = self.rules.dispatcher.ways(&pending.terms.dispatch, &self.rules.addresses(pending.user()));
        ways.into_iter().filter(|way| Some((way.channel, way.to.as_str())) != here).take(MOST_OTHERS).collect()
    }
}

/// By then a message is on record, or never will be.
const HANDED_OVER: std::time::Duration = std::time::Duration::from_secs(10);
/// So many further ways are offered.
const MOST_OTHERS: usize = 4;
