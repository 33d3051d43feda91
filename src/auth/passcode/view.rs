//! What a page shows of a passcode that was sent, and by which ways it can be sent from here.

use super::Sent;
use super::issue::Passcodes;
use crate::auth::flow::Pending;
use crate::auth::services::CouldNotTell;
use crate::auth::view::{Offer, PasscodeView};
use crate::base::{Channel, Time};
use crate::dispatch::{Progress, Way};

/// Where the passcode can go from here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::auth) struct Offers {
    /// By which way a new passcode is sent: the one that is under way.
    pub again: Option<Way>,
    /// The other ways, those that were not tried yet first; each half in the order of the policy.
    pub others: Vec<Offer>,
    /// Every rule that was tried, in order.
    pub tried: Vec<usize>,
}

impl Passcodes {
    pub async fn view(&self, pending: &Pending, sent: &Sent, now: Time) -> Result<PasscodeView, CouldNotTell> {
        let alphabet = self.rules.passcode_policy(&pending.terms.passcode)?.alphabet;
        let progress = self.progress(pending, sent, now).await?;
        let Offers { again, others, .. } = self.offers(pending, sent, &progress);
        let none_left = sent.resends_left == 0;
        Ok(PasscodeView {
            alphabet,
            again: again.filter(|_| !none_left),
            others: if none_left { Vec::new() } else { others },
            progress,
            label: sent.label.clone(),
            resend: sent.resend_from().map(|from| (from, sent.resends_left)),
            lives_until: sent.lives_until,
        })
    }

    /// How far the passcode is. One that was asked for a moment ago is perhaps not on record yet: it is on its way there.
    pub async fn progress(&self, pending: &Pending, sent: &Sent, now: Time) -> Result<Progress, CouldNotTell> {
        if let Some(progress) = self.rules.dispatcher.progress_on_record(&sent.message).await? {
            return Ok(progress);
        }
        let ways = self.ways(pending);
        let first = ways.into_iter().find(|way| way.rule >= sent.begun).filter(|_| now.since(sent.sent) < HANDED_OVER);
        Ok(first.map_or(Progress::Failed, |way| Progress::Sending {
            channel: way.channel,
            to: way.to,
            before: None,
            again: None,
        }))
    }

    /// What the policy still offers this user, after what was tried.
    pub fn offers(&self, pending: &Pending, sent: &Sent, progress: &Progress) -> Offers {
        offers(self.ways(pending), sent, progress)
    }

    fn ways(&self, pending: &Pending) -> Vec<Way> {
        self.rules.dispatcher.ways(&pending.terms.dispatch, &self.rules.addresses(pending.user()))
    }
}

fn offers(ways: Vec<Way>, sent: &Sent, progress: &Progress) -> Offers {
    let rule_of =
        |end: Option<(Channel, &str)>| ways.iter().find(|way| Some((way.channel, way.to.as_str())) == end).map(|way| way.rule);
    let here = rule_of(progress.way());
    // A message walks on from rule to rule. Where every way failed, it has walked to the last.
    let last = if progress.has_tried_all() { usize::MAX } else { here.unwrap_or(sent.begun) };
    let before = rule_of(progress.before().map(|before| (before.channel, before.to.as_str())));
    let is_tried = |rule: usize| sent.tried.contains(&rule) || (sent.begun..=last).contains(&rule) || before == Some(rule);
    let tried = ways.iter().map(|way| way.rule).filter(|rule| is_tried(*rule)).collect();
    let mut others: Vec<Offer> = ways.iter().cloned().map(|way| Offer { is_tried: is_tried(way.rule), way }).collect();
    others.sort_by_key(|offer| offer.is_tried);
    let again = others.iter().position(|offer| Some(offer.way.rule) == here).unwrap_or_default();
    let again = (again < others.len()).then(|| others.remove(again).way);
    others.truncate(MOST_OTHERS);
    Offers { again, others, tried }
}

/// By then a message is on record, or never will be.
const HANDED_OVER: std::time::Duration = std::time::Duration::from_secs(10);
/// So many further ways are offered.
const MOST_OTHERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::passcode::Issued;
    use crate::auth::passcode::code::Sealed;
    use crate::base::Channel::{Mail, Push, Sms, Voice};
    use crate::dispatch::{Before, Fate};

    fn ways() -> Vec<Way> {
        let ways = [Sms, Voice, Mail, Push].into_iter().enumerate();
        ways.map(|(rule, channel)| Way { rule, channel, to: channel.name().to_owned() }).collect()
    }

    fn sent(begun: usize, tried: &[usize]) -> Sent {
        let issued = Issued { sealed: Sealed::from_bytes([1; 32]), message: "m1".into(), lives_until: Time::from_millis(1) };
        Sent::new("K7".into(), issued, Time::default()).by_rule(begun, tried.to_vec())
    }

    fn sending(channel: Channel, before: Option<(Channel, Fate)>, again: Option<Fate>) -> Progress {
        let before = before.map(|(channel, fate)| Before { channel, to: channel.name().to_owned(), fate });
        Progress::Sending { channel, to: channel.name().to_owned(), before, again }
    }

    #[test]
    fn ways_that_were_not_tried_come_first_in_the_order_of_the_policy() {
        let not_sent = Fate::NotSent;
        let table = [
            ("at first", sent(0, &[]), sending(Sms, None, None), Some(0), vec![1, 2, 3]),
            ("failed over once", sent(0, &[]), sending(Voice, Some((Sms, not_sent)), None), Some(1), vec![2, 3, 0]),
            ("failed over twice", sent(0, &[]), sending(Mail, Some((Voice, not_sent)), None), Some(2), vec![3, 0, 1]),
            ("mail was chosen", sent(2, &[0]), sending(Mail, None, None), Some(2), vec![1, 3, 0]),
            ("mail was chosen, and failed", sent(2, &[0]), sending(Push, Some((Mail, not_sent)), None), Some(3), vec![1, 0, 2]),
            ("tried again after all", sent(0, &[]), sending(Sms, None, Some(not_sent)), Some(0), vec![1, 2, 3]),
            ("nothing worked", sent(0, &[]), Progress::Failed, Some(0), vec![1, 2, 3]),
            ("nothing worked from mail on", sent(2, &[]), Progress::Failed, Some(0), vec![1, 2, 3]),
            ("a way that the policy has no more", sent(9, &[]), Progress::Failed, Some(0), vec![1, 2, 3]),
        ];
        for (what, sent, progress, again, others) in table {
            let offers = offers(ways(), &sent, &progress);
            let found: Vec<usize> = offers.others.iter().map(|offer| offer.way.rule).collect();
            assert_eq!((offers.again.map(|way| way.rule), found), (again, others), "{what}");
        }
        assert_eq!(offers(Vec::new(), &sent(0, &[]), &Progress::Failed), Offers::default());
    }

    #[test]
    fn what_was_tried_is_known_by_the_rules_that_the_message_walked() {
        let tried = |sent, progress| offers(ways(), &sent, &progress).tried;
        assert_eq!(tried(sent(0, &[]), sending(Sms, None, None)), [0]);
        assert_eq!(tried(sent(0, &[]), sending(Mail, Some((Voice, Fate::NotSent)), None)), [0, 1, 2]);
        assert_eq!(tried(sent(2, &[0]), sending(Mail, None, None)), [0, 2]);
        assert_eq!(tried(sent(1, &[]), Progress::Failed), [1, 2, 3]);
        assert_eq!(tried(sent(0, &[]), sending(Sms, None, Some(Fate::NotSent))), [0, 1, 2, 3]);
    }
}
