//! The final check of a user whose last factor is right: a code may be on its way for minutes, and a user who is disabled, taken out of the
//! group or given another password meanwhile would get a session that lives until those who are signed in are looked at. As with them, a
//! directory that does not answer keeps no user out.

use std::sync::Arc;
use std::time::Duration;

use super::change::Why;
use crate::audit::What;
use crate::audit::reason::AccessLoss;
use crate::auth::rules::Rules;
use crate::auth::services::Services;
use crate::auth::{Attempt, Declined};
use crate::base::{Time, TraceId};
use crate::directory::account_status::{AccountStatus, Restriction};
use crate::directory::{DirectoryError, User};

/// What it showed.
pub(in crate::auth) enum Finding {
    /// Still as when the password was right, or that was a moment ago.
    Same,
    /// The person has lost access.
    Lost(AccessLoss),
    Unanswered(DirectoryError),
}

/// Asks the directory once more before a grant is used.
#[derive(Clone)]
pub(in crate::auth) struct FinalCheck {
    pub services: Services,
    pub rules: Arc<Rules>,
}

impl FinalCheck {
    /// `vouched`: when the directory was asked last. `why`: what a new password is asked for in this flow, which is then no reason to
    /// keep anybody out.
    pub(in crate::auth) async fn look(&self, user: &User, why: Option<Why>, vouched: Time) -> Finding {
        if self.services.clock.now().since(vouched) < A_MOMENT {
            return Finding::Same;
        }
        match self.rules.people.status(&user.id).await {
            Ok(status) => lost(user, &status, why).map_or(Finding::Same, Finding::Lost),
            Err(error) => Finding::Unanswered(error),
        }
    }

    /// Journals what the check showed; the category to tell a user that it keeps out.
    pub(in crate::auth) async fn note(&self, at: &Attempt, trace: TraceId, user: &User, finding: Finding) -> Option<Declined> {
        match finding {
            Finding::Same => None,
            Finding::Lost(loss) => {
                tracing::info!(%trace, user.id = %user.id, reason = loss.word(), "somebody lost access between password and session");
                self.services.note(at, trace, Some(&user.id), What::RecheckRefused { reason: loss }).await;
                Some(Declined::HelpDesk)
            }
            Finding::Unanswered(error) => {
                tracing::warn!(%error, %trace, user.id = %user.id, "nobody knows whether somebody still may sign in; the sign-in goes on");
                self.services.note(at, trace, Some(&user.id), What::RecheckFailed { detail: error.to_string() }).await;
                None
            }
        }
    }
}

fn lost(user: &User, status: &AccountStatus, why: Option<Why>) -> Option<AccessLoss> {
    let is_asked_for = matches!(why, Some(Why::MustChange | Why::Expired));
    let counts =
        |restriction: &&Restriction| restriction.ends_sessions() && !(is_asked_for && **restriction == Restriction::MustChange);
    if let Some(restriction) = status.restrictions.iter().find(counts) {
        return Some(loss(*restriction));
    }
    let (now, then) = (status.password.as_ref()?, user.password_mark.as_ref()?);
    now.is_after(then).then_some(AccessLoss::PasswordChanged)
}

/// What a restriction means to a user who signs in, or is signed in.
pub(in crate::auth) const fn loss(restriction: Restriction) -> AccessLoss {
    match restriction {
        Restriction::Gone => AccessLoss::AccountGone,
        Restriction::NotMember => AccessLoss::NotMember,
        Restriction::Disabled => AccessLoss::Disabled,
        Restriction::AccountExpired => AccessLoss::AccountExpired,
        Restriction::MustChange => AccessLoss::MustChange,
        Restriction::PasswordExpired => AccessLoss::PasswordExpired,
        Restriction::Locked => AccessLoss::Locked,
        Restriction::Privileged => AccessLoss::Privileged,
    }
}

/// What the directory said so lately need not be asked again.
const A_MOMENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::PasswordMark;

    #[test]
    fn what_ends_a_session_keeps_one_from_beginning() {
        use Restriction::{Disabled, Locked, MustChange, NotMember, PasswordExpired};
        let set_at = |second: u64| Some(PasswordMark::SetAt(Time::from_millis(second * 1000)));
        let expiring = Why::Expiring(Time::from_millis(9));
        let table = [
            (vec![], set_at(1), None, None),
            (vec![], None, None, None),
            (vec![], set_at(2), None, Some(AccessLoss::PasswordChanged)),
            // A server that has not heard of the newer password yet.
            (vec![], set_at(0), None, None),
            (vec![Disabled], set_at(2), None, Some(AccessLoss::Disabled)),
            (vec![NotMember], set_at(1), Some(Why::MustChange), Some(AccessLoss::NotMember)),
            (vec![Locked, PasswordExpired], set_at(1), None, None),
            (vec![MustChange], None, None, Some(AccessLoss::MustChange)),
            (vec![MustChange], None, Some(expiring), Some(AccessLoss::MustChange)),
            (vec![MustChange], None, Some(Why::MustChange), None),
            (vec![MustChange, Disabled], None, Some(Why::Expired), Some(AccessLoss::Disabled)),
        ];
        for (row, (restrictions, password, why, expected)) in table.into_iter().enumerate() {
            let user = User { password_mark: set_at(1), ..User::bare("alice") };
            let status = AccountStatus { restrictions, password, expires: None };
            assert_eq!(lost(&user, &status, why), expected, "row {row}");
        }
    }
}
