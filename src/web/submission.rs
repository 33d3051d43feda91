//! A form that is sent twice is one attempt: a double click, or a browser that sends it again because the answer was lost. The first copy is
//! worked on to its end even if its client goes away, and every further copy gets the same answer.
//!
//! Copies are recognised by a keyed hash of where the form was posted, the cookie that its sealed field is bound to, and the body with that
//! field, which is sealed anew for every page shown. A form typed again on a fresh page is therefore another attempt, and without the
//! cookie no copy is recognised.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use tokio::sync::watch;

use super::form::{self, FormError};
use super::page::{Post, PostedForm};
use super::{Page, Site, Visit, cookie};
use crate::auth::Declined;
use crate::base::{Keys, Secret, Time, TraceId};

/// What became of a form.
type Answer = Result<Page, FormError>;
type Waiting = watch::Receiver<Option<Answer>>;
/// Equal for copies of one form.
type Mark = [u8; 32];

/// An answer is kept so long for further copies.
const KEPT: Duration = Duration::from_secs(10);
/// So many forms are remembered, with pages of a few kilobytes each. Beyond it the oldest answer is forgotten; where all are still being
/// worked on, a further form is worked on without being remembered.
const MOST: usize = 2048;

/// The forms that are being worked on or were answered lately, of all cores. Cheap to clone.
#[derive(Clone, Default)]
pub struct Submissions(Arc<Mutex<Forms>>);

#[derive(Default)]
struct Forms {
    forms: HashMap<Mark, Waiting>,
    /// Those that were answered, oldest first, each with the time at which its answer is forgotten.
    answered: VecDeque<(Time, Mark)>,
}

impl Forms {
    fn forget_old(&mut self, now: Time) {
        while self.answered.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, mark)) = self.answered.pop_front() {
            self.forms.remove(&mark);
        }
    }
}

/// What a form is to those that came before it.
enum Copy {
    First(First, Waiting),
    Further(Waiting),
    /// There is no room to remember it.
    Unknown,
}

/// The first copy of a form. One that is dropped without an answer is forgotten, so that the next copy is a first one again.
struct First {
    submissions: Submissions,
    mark: Mark,
    answer: watch::Sender<Option<Answer>>,
    is_kept: bool,
}

impl Submissions {
    /// Forgets answers whose time is over. Called about once a minute; in between, each form does it for those before.
    pub fn forget_old(&self, now: Time) {
        self.lock().forget_old(now);
    }

    fn begin(&self, mark: Mark, now: Time) -> Copy {
        let mut forms = self.lock();
        forms.forget_old(now);
        if let Some(waiting) = forms.forms.get(&mark) {
            return Copy::Further(waiting.clone());
        }
        if forms.forms.len() >= MOST {
            forms.forget_oldest();
        }
        if forms.forms.len() >= MOST {
            return Copy::Unknown;
        }
        let (answer, waiting) = watch::channel(None);
        forms.forms.insert(mark, waiting.clone());
        Copy::First(First { submissions: self.clone(), mark, answer, is_kept: false }, waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Forms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl First {
    /// Copies that wait get the answer now, later ones until it is forgotten. An error of ours (5xx) decided nothing: it is not kept, so
    /// that the form can be sent again.
    fn answer(mut self, answer: Answer, now: Time) {
        self.is_kept = answer.as_ref().is_ok_and(|page| !page.status.is_server_error());
        if self.is_kept {
            self.submissions.lock().answered.push_back((now.plus(KEPT), self.mark));
        }
        self.answer.send_replace(Some(answer));
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if !self.is_kept {
            self.submissions.lock().forms.remove(&self.mark);
        }
    }
}

impl Site {
    /// Answers a form that was posted to a page: once, however often it comes until ten seconds after its answer.
    pub async fn submit(&self, posted: &PostedForm, visit: &Visit<'_>, body: Bytes) -> Answer {
        let answer = posted.answer;
        let Some(mark) = mark(&self.keys, posted, visit, &body, self.clock.now()) else {
            return answer(self, visit, &body).await;
        };
        let mut waiting = match self.submissions.begin(mark, self.clock.now()) {
            Copy::Unknown => return answer(self, visit, &body).await,
            Copy::Further(waiting) => waiting,
            Copy::First(first, waiting) => {
                self.work(first, answer, Kept::of(visit), body);
                waiting
            }
        };
        let answered = waiting.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answered.unwrap_or_else(|| {
            let trace = TraceId::new(self.random.as_ref());
            tracing::error!(%trace, "a form was not worked on to its end");
            Ok(self.declined(visit, visit.language(&self.look), (Declined::Broken, trace), "/"))
        })
    }

    /// Works on a form to its end, whether or not its client still waits.
    fn work(&self, first: First, answer: Post, kept: Kept, body: Bytes) {
        let site = self.clone();
        self.gatekeeper.finish(async move {
            let page = answer(&site, &kept.visit(), &body).await;
            first.answer(page, site.clock.now());
        });
    }
}

/// A visit that outlives its request.
struct Kept {
    application: Arc<str>,
    host: Arc<str>,
    address: std::net::IpAddr,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
}

impl Kept {
    fn of(visit: &Visit<'_>) -> Self {
        Self {
            application: Arc::clone(visit.application),
            host: Arc::clone(visit.host),
            address: visit.address,
            path: visit.path.to_owned(),
            query: visit.query.map(str::to_owned),
            headers: visit.headers.clone(),
        }
    }

    fn visit(&self) -> Visit<'_> {
        let Self { application, host, address, path, query, headers } = self;
        Visit { application, host, address: *address, path, query: query.as_deref(), headers }
    }
}

/// The mark of a form whose field was sealed for this page and this browser within the hour. Others have none: they begin nothing.
fn mark(keys: &Keys, posted: &PostedForm, visit: &Visit<'_>, body: &[u8], now: Time) -> Option<Mark> {
    let bound = cookie::find(visit.headers, posted.cookie)?;
    let Field { csrf } = form::read(body).ok()?;
    if !(posted.opens)(keys, bound, &csrf, now) {
        return None;
    }
    let query = visit.query.unwrap_or_default();
    let mut parts = Secret::new(Vec::with_capacity(body.len() + query.len() + 512));
    parts.with(|parts: &mut Vec<u8>| {
        for part in
            [visit.application.as_bytes(), visit.host.as_bytes(), visit.path.as_bytes(), query.as_bytes(), bound.as_bytes()]
        {
            parts.extend_from_slice(&part.len().to_be_bytes());
            parts.extend_from_slice(part);
        }
        parts.extend_from_slice(body);
    });
    Some(keys.mac("submission", parts.expose()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Field {
    csrf: String,
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::base::Language;

    fn page(status: StatusCode) -> Answer {
        Ok(Page::html(status, Language::ENGLISH, String::new()))
    }

    fn at(second: u64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn mark(number: usize) -> Mark {
        let mut mark = [0; 32];
        mark[..8].copy_from_slice(&number.to_be_bytes());
        mark
    }

    fn first(submissions: &Submissions, number: usize, now: Time) -> Option<First> {
        match submissions.begin(mark(number), now) {
            Copy::First(first, _) => Some(first),
            Copy::Further(_) | Copy::Unknown => None,
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_one_that_decided_nothing_is_not() {
        let forms = Submissions::default();
        for (number, (status, is_kept)) in [
            (StatusCode::SEE_OTHER, true),
            (StatusCode::FORBIDDEN, true),
            (StatusCode::TOO_MANY_REQUESTS, true),
            (StatusCode::SERVICE_UNAVAILABLE, false),
            (StatusCode::INTERNAL_SERVER_ERROR, false),
        ]
        .into_iter()
        .enumerate()
        {
            let began = first(&forms, number, at(0)).unwrap();
            let Copy::Further(waiting) = forms.begin(mark(number), at(0)) else { panic!("{status}: not recognised") };
            began.answer(page(status), at(100));
            assert_eq!(waiting.borrow().as_ref().unwrap().as_ref().unwrap().status, status);
            let is_known = first(&forms, number, at(109)).is_none();
            assert_eq!(is_known, is_kept, "{status}");
            assert!(first(&forms, number, at(110)).is_some(), "{status}");
        }
        forms.forget_old(at(1000));
        assert!(forms.lock().forms.is_empty() && forms.lock().answered.is_empty());
    }

    #[test]
    fn a_form_whose_work_came_to_nothing_is_a_first_one_again_and_its_copies_hear_of_it() {
        let forms = Submissions::default();
        let began = first(&forms, 1, at(0)).unwrap();
        let Copy::Further(waiting) = forms.begin(mark(1), at(0)) else { panic!("not recognised") };
        drop(began);
        assert!(waiting.has_changed().is_err() && waiting.borrow().is_none());
        assert!(first(&forms, 1, at(0)).is_some());
    }

    #[test]
    fn there_is_a_bound_and_the_oldest_answer_goes_first() {
        let forms = Submissions::default();
        let mut working: Vec<First> = (0..MOST).map(|number| first(&forms, number, at(0)).unwrap()).collect();
        assert!(matches!(forms.begin(mark(MOST), at(0)), Copy::Unknown), "all are being worked on");
        working.remove(5).answer(page(StatusCode::OK), at(0));
        working.remove(0).answer(page(StatusCode::OK), at(0));
        let _more = first(&forms, MOST, at(0)).unwrap();
        assert!(matches!(forms.begin(mark(0), at(0)), Copy::Further(_)), "the newer answer is still there");
        assert_eq!(forms.lock().forms.len(), MOST);
        assert!(first(&forms, 5, at(0)).is_some(), "the oldest answer is forgotten");
    }
}
