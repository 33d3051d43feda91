//! What waits for a modem: passcodes first, then by age. What nobody waits for any more, or what is past its life, is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::base::Time;
use crate::dispatch::{Failure, FailureKind, Message, Purpose, Receipt};

/// One message and who waits for the answer.
pub(super) struct Job {
    pub message: Message,
    pub since: Time,
    answer: oneshot::Sender<Result<Receipt, Failure>>,
    counted: Counted,
}

/// Counts a job as long as it lives, wherever it is.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Job {
    pub fn new(message: Message, since: Time, counted: Counted) -> (Self, oneshot::Receiver<Result<Receipt, Failure>>) {
        let (answer, answered) = oneshot::channel();
        (Self { message, since, answer, counted }, answered)
    }

    pub fn answer(self, answer: Result<Receipt, Failure>) {
        let Self { answer: asked, counted, .. } = self;
        // First, so that who is answered does not find it waiting any more.
        drop(counted);
        // Who asked may be gone.
        drop(asked.send(answer));
    }

    pub fn fail(self, kind: FailureKind, why: impl Into<String>) {
        self.answer(Err(Failure { kind, why: why.into() }));
    }

    pub fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }
}

/// Bounded by who puts in: [`super::MOST_WAITING`].
#[derive(Default)]
pub(super) struct Queue {
    jobs: BTreeMap<(Purpose, u64), Job>,
    number: u64,
}

impl Queue {
    pub fn put(&mut self, job: Job) {
        self.number = self.number.wrapping_add(1);
        self.jobs.insert((job.message.purpose, self.number), job);
    }

    /// The next to send, after what need not be sent is dropped.
    pub fn next(&mut self, now: Time) -> Option<Job> {
        self.clean(now);
        self.jobs.pop_first().map(|(_, job)| job)
    }

    pub fn clean(&mut self, now: Time) {
        let past = |_: &(Purpose, u64), job: &mut Job| !job.is_wanted() || job.message.expires <= now;
        for (_, job) in self.jobs.extract_if(.., past) {
            job.fail(FailureKind::RetryElsewhere, "the code expired while the message waited for the modem");
        }
    }

    pub fn oldest(&self) -> Option<Time> {
        self.jobs.values().map(|job| job.since).min()
    }

    /// Answers everybody.
    pub fn fail_all(&mut self, kind: FailureKind, why: &str) {
        while let Some((_, job)) = self.jobs.pop_first() {
            job.fail(kind, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::{Channel, Language, Secret, UserId};

    const NOW: Time = Time::from_millis(1_700_000_000_000);

    fn message(id: &str, purpose: Purpose, seconds: u64) -> Message {
        Message {
            id: id.to_owned(),
            purpose,
            channel: Channel::Sms,
            to: "+4512345678".to_owned(),
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            subject: String::new(),
            text: Secret::new("text".to_owned()),
            passcode: Secret::new("482913".to_owned()),
            user: UserId::new("people", "anna"),
            expires: NOW.plus(Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn passcodes_come_first_and_the_oldest_of_them() {
        let (count, mut queue, mut kept) = (Arc::default(), Queue::default(), Vec::new());
        let mut put = |id: &str, purpose, seconds| {
            let (job, answered) = Job::new(message(id, purpose, seconds), NOW, Counted::new(&count));
            queue.put(job);
            kept.push(answered);
        };
        put("notice", Purpose::Notice, 300);
        put("test", Purpose::Test, 300);
        put("late", Purpose::Passcode, 10);
        put("given-up", Purpose::Passcode, 300);
        put("first", Purpose::Passcode, 300);
        put("second", Purpose::Passcode, 200);
        kept.remove(3);
        let later = NOW.plus(Duration::from_secs(10));
        let mut order = Vec::new();
        while let Some(job) = queue.next(later) {
            order.push(job.message.id.clone());
        }
        assert_eq!(order, ["first", "second", "test", "notice"]);
        let late = kept[2].try_recv().unwrap().unwrap_err();
        assert!(late.kind == FailureKind::RetryElsewhere && late.why.contains("expired"), "{late:?}");
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}
