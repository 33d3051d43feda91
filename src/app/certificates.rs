//! The certificates that the node depends on, watched from thirty days before their end: those of its listeners, those that it shows servers
//! of applications, and those that servers of applications and directories showed in their last handshake.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::handler::Plan;
use crate::base::tls::{CertificateFacts, Standing};
use crate::base::{Clock, Time};
use crate::proxy::ClientCertificate;
use crate::server::Reloader;
use crate::server::tls::Loaded;

/// Where they are found. Cheap to clone.
#[derive(Clone)]
pub struct Certificates {
    pub reloader: Reloader,
    pub plans: watch::Receiver<Arc<Plan>>,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Shown to browsers.
    Listener,
    /// Sent along with one that is shown to browsers.
    Intermediate,
    /// Shown to servers that ask who we are.
    Client,
    /// Shown by a server of an application.
    Upstream,
    /// Shown by a server of a directory.
    Directory,
}

/// One certificate at the time of a look.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CertificateView {
    pub purpose: Purpose,
    /// The listener's address, or the name of the application or directory.
    pub of: String,
    /// The file it was read from, or the server that showed it.
    pub source: String,
    /// The names it is for.
    pub holder: String,
    pub from: Time,
    pub until: Time,
    /// Good, or why somebody must act, as the end of a sentence.
    pub words: String,
    pub needs_attention: bool,
    /// It serves nobody any more, or not yet.
    pub is_useless: bool,
}

impl Purpose {
    /// As metrics name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Intermediate => "intermediate",
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Directory => "directory",
        }
    }
}

impl Certificates {
    /// All of them, in the order of the configuration.
    pub fn views(&self, now: Time) -> Vec<CertificateView> {
        let view = |purpose, of: String, source: String, facts: &CertificateFacts| {
            let standing = facts.standing(now);
            CertificateView {
                purpose,
                of,
                source,
                holder: facts.holder(),
                from: facts.from,
                until: facts.until,
                words: facts.words(now),
                needs_attention: standing != Standing::Good,
                is_useless: matches!(standing, Standing::Expired | Standing::NotYet),
            }
        };
        let mut views = Vec::new();
        for (address, loaded) in self.reloader.certificates() {
            let chain = loaded.chain.display().to_string();
            views.push(view(Purpose::Listener, address.to_string(), chain.clone(), &loaded.own));
            // One that outlives the own certificate will be replaced with it; of the others the first to end counts.
            let early = loaded.others.iter().filter(|other| other.until < loaded.own.until);
            let early = early.min_by_key(|other| other.until);
            views.extend(early.map(|other| view(Purpose::Intermediate, address.to_string(), chain.clone(), other)));
        }
        let plan = Arc::clone(&self.plans.borrow());
        for (application, certificate) in plan.applications.client_certificates() {
            let chain = certificate.chain.display().to_string();
            views.push(view(Purpose::Client, application.to_string(), chain, &certificate.facts));
        }
        for shown in plan.applications.server_certificates() {
            views.push(view(Purpose::Upstream, shown.application.to_string(), shown.server, &shown.facts));
        }
        for place in plan.site.gatekeeper.operations().people().places() {
            let name = place.directory.name();
            let shown = place.directory.certificates().into_iter();
            views.extend(shown.map(|(server, facts)| view(Purpose::Directory, name.to_owned(), server, &facts)));
        }
        views
    }

    /// Says in the log what needs attention: at the start, or when it is first seen, and once a day from then on. Until `stop`.
    pub async fn report(self, clock: Clock, stop: CancellationToken) {
        let mut reminders = Reminders::default();
        loop {
            let now = clock.now();
            reminders.due(self.views(now), now).iter().for_each(CertificateView::log);
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(LOOK) => {}
            }
        }
    }
}

/// When each certificate was reported last; bounded by the configuration.
#[derive(Default)]
struct Reminders(HashMap<Key, Time>);

/// One certificate: another one in its place is another key.
type Key = (Purpose, String, String, Time);

impl Reminders {
    /// Those that are to be reported now.
    fn due(&mut self, views: Vec<CertificateView>, now: Time) -> Vec<CertificateView> {
        let views: Vec<_> = views.into_iter().filter(|view| view.needs_attention).collect();
        self.0.retain(|key, _| views.iter().any(|view| view.key() == *key));
        let due = views.into_iter().filter(|view| {
            let is_due = self.0.get(&view.key()).is_none_or(|at| now.since(*at) >= DAILY);
            if is_due {
                self.0.insert(view.key(), now);
            }
            is_due
        });
        due.collect()
    }
}

impl CertificateView {
    fn key(&self) -> Key {
        (self.purpose, self.of.clone(), self.source.clone(), self.until)
    }

    /// A sentence: which certificate it is, how it stands, and what to do where somebody must act.
    pub fn sentence(&self) -> String {
        let Self { of, source, holder, words, .. } = self;
        let what = match self.purpose {
            Purpose::Listener => format!("the certificate of listener {of} ({source}, for {holder})"),
            Purpose::Intermediate => format!("the certificate of {holder}, which listener {of} sends along ({source}),"),
            Purpose::Client => format!("the certificate that application {of} shows its servers ({source}, for {holder})"),
            Purpose::Upstream => format!("the certificate that {source} of application {of} shows (for {holder})"),
            Purpose::Directory => format!("the certificate that {source} of directory {of} shows (for {holder})"),
        };
        if self.needs_attention { format!("{what} {words}: {}", self.remedy()) } else { format!("{what} {words}") }
    }

    fn remedy(&self) -> String {
        let remedy = match self.purpose {
            Purpose::Upstream | Purpose::Directory => return "renew it on that server".to_owned(),
            Purpose::Intermediate => "put the issuer's current chain into the file, then run `doorward reload`",
            Purpose::Listener | Purpose::Client => "renew it, then run `doorward reload`",
        };
        match self.renewed() {
            Some(until) => format!("the file already contains one that is valid until {until}: run `doorward reload`"),
            None => remedy.to_owned(),
        }
    }

    /// Until when the file's certificate is good, where that is later: it was renewed, and nobody has told the node.
    fn renewed(&self) -> Option<Time> {
        let until = Loaded::read(Path::new(&self.source))?.own.until;
        (self.purpose != Purpose::Intermediate && until > self.until).then_some(until)
    }

    fn log(&self) {
        let (of, source, until) = (&self.of, &self.source, self.until);
        if self.is_useless {
            tracing::error!(certificate.of = of, certificate.source = source, certificate.until = %until, "{}", self.sentence());
        } else {
            tracing::warn!(certificate.of = of, certificate.source = source, certificate.until = %until, "{}", self.sentence());
        }
    }
}

/// What a reload changes in the certificates of listeners, a sentence each.
pub fn of_listeners(before: &[(SocketAddr, Loaded)], after: &[(SocketAddr, Loaded)], now: Time) -> Vec<String> {
    let new = after.iter().filter(|listed| !before.contains(listed));
    new.map(|(address, loaded)| format!("listener {address}: {}", new_one(&loaded.chain, &loaded.own, now))).collect()
}

/// The same for those that are shown to servers of applications.
pub fn of_clients(before: &[Shown], after: &[Shown], now: Time) -> Vec<String> {
    let new = after.iter().filter(|listed| !before.contains(listed));
    new.map(|(name, it)| format!("application {name}: {}", new_one(&it.chain, &it.facts, now))).collect()
}

type Shown = (Arc<str>, ClientCertificate);

fn new_one(chain: &Path, facts: &CertificateFacts, now: Time) -> String {
    let word = if facts.standing(now) == Standing::Good { "" } else { "ATTENTION, " };
    format!("{word}the new certificate in {} is for {} and {}", chain.display(), facts.holder(), facts.words(now))
}

const DAILY: Duration = Duration::from_secs(24 * 3600);
/// Between two looks: servers of applications and directories show theirs at any time.
const LOOK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn view(source: &str, needs_attention: bool) -> CertificateView {
        CertificateView {
            purpose: Purpose::Listener,
            of: "[::]:443".into(),
            source: source.into(),
            holder: "mail.example.com".into(),
            from: Time::default(),
            until: Time::from_millis(5),
            words: "expires in 12 days, at some time".into(),
            needs_attention,
            is_useless: false,
        }
    }

    #[test]
    fn a_certificate_is_reported_at_once_and_once_a_day() {
        let hour = |number: u64| Time::from_millis(number * 3_600_000);
        let mut reminders = Reminders::default();
        let mut due = |sources: &[&str], hours| {
            let views = sources.iter().map(|source| view(source, true)).chain([view("good", false)]).collect();
            reminders.due(views, hour(hours)).into_iter().map(|view| view.source).collect::<Vec<_>>()
        };
        assert_eq!(due(&["a"], 1), ["a"]);
        assert!(due(&["a"], 24).is_empty());
        assert_eq!(due(&["a", "b"], 24), ["b"], "shown for the first time");
        assert_eq!(due(&["a", "b"], 25), ["a"]);
        // Renewed, and another one in its place is told at once.
        assert!(due(&["b"], 26).is_empty());
        assert_eq!(due(&["a", "b"], 27), ["a"]);
    }

    #[test]
    fn a_sentence_names_the_certificate_and_says_what_to_do() {
        let said = view("/nowhere/mail.pem", true).sentence();
        let expected = "the certificate of listener [::]:443 (/nowhere/mail.pem, for mail.example.com) expires in 12 days, at some time: \
                        renew it, then run `doorward reload`";
        assert_eq!(said, expected);
        let upstream = CertificateView { purpose: Purpose::Upstream, of: "mail".into(), ..view("https://ex1:443", true) };
        assert!(upstream.sentence().ends_with(": renew it on that server"), "{}", upstream.sentence());
    }
}
