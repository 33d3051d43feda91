//! The states of a flow: what each verdict makes of them.

use std::time::Duration;

use super::change::{AfterChange, Unchanged, Why};
use super::grant::{AfterPassword, PasswordRight};
use super::*;
use crate::auth::passcode::Issued;
use crate::auth::passcode::code::Sealed;
use crate::auth::policy::Decision;
use crate::base::{Secret, Time};
use crate::directory::{Bar, Changed, Complaint, Verdict as Said};

fn at(second: u64) -> Time {
    Time::from_millis(second * 1000)
}

fn sent() -> Sent {
    let issued = Issued { sealed: Sealed::from_bytes([1; 32]), message: "m1".into(), lives_until: at(300) };
    Sent::new("K7".into(), issued, at(0))
}

fn terms() -> Terms {
    Terms { dispatch: "standard".into(), passcode: "standard".into() }
}

fn right(said: Said) -> PasswordRight {
    PasswordRight::new(User::bare("alice"), said, at(0)).unwrap()
}

/// A flow that waits for a passcode under this plan.
fn pending_by(plan: Vec<Vec<Factor>>, said: Said) -> Pending {
    let decision = Decision::Challenge { plan: Plan::new(plan), terms: terms() };
    let AfterPassword::Challenge(outstanding) = right(said).decided(decision, || Some("sealed".into())) else {
        panic!("not challenged")
    };
    outstanding.asking(Challenge::Passcode(Box::new(sent())), 3)
}

fn pending() -> Pending {
    pending_by(vec![vec![Factor::Passcode]], Said::Correct)
}

fn admit() -> Decision {
    Decision::Admit { only_from: Some(vec!["10.0.0.0/8".parse().unwrap()]) }
}

fn changing(said: Said) -> Changing {
    let AfterPassword::Change(changing) = right(said).decided(admit(), || None) else { panic!("admitted") };
    changing
}

fn expiring() -> Changing {
    let right = right(Said::Correct).warned(at(9));
    let AfterPassword::Change(changing) = right.decided(admit(), || None) else { panic!("admitted") };
    changing
}

fn browser() -> Door {
    Door::Browser {
        application: "mail".into(),
        host: "mail.example".into(),
        cookie: Secret::new("c".into()),
        known: None,
        agent: None,
    }
}

fn radius() -> Door {
    Door::Radius { client: "vpn".into(), policy: "strict".into(), state: Secret::new("s".into()) }
}

#[test]
fn only_the_right_verdict_admits_and_the_last_wrong_one_ends_it() {
    let Next::Admit(grant) = pending().submitted(Verdict::Right, 0) else { panic!("not admitted") };
    assert_eq!(grant.factors(), [Factor::Password, Factor::Passcode]);
    assert!(matches!(pending().submitted(Verdict::Wrong, 0), Next::Over));
    for verdict in [Verdict::Wrong, Verdict::Earlier, Verdict::Expired] {
        assert!(matches!(pending().submitted(verdict, 1), Next::Again(_)), "{verdict:?}");
    }
    for verdict in [Verdict::Earlier, Verdict::Expired] {
        assert!(matches!(pending().submitted(verdict, 0), Next::Again(_)), "{verdict:?}");
    }
}

#[test]
fn what_the_plan_still_asks_for_is_outstanding_and_no_grant() {
    use Factor::{Passcode, Password};
    for (plan, met) in [
        (vec![vec![Passcode]], true),
        (vec![vec![Password, Passcode]], true),
        (vec![vec![Passcode, Password]], true),
        (vec![vec![], vec![Passcode]], true),
        (vec![], false),
    ] {
        match pending_by(plan.clone(), Said::Correct).submitted(Verdict::Right, 3) {
            Next::Admit(_) => assert!(met, "{plan:?}"),
            Next::Further(outstanding) => {
                assert!(!met, "{plan:?}");
                assert_eq!(outstanding.proven.factors(), [Password, Passcode]);
            }
            other => panic!("{plan:?}: {other:?}"),
        }
    }
}

#[test]
fn an_earlier_passcode_is_recognised_once() {
    let second = Issued { sealed: Sealed::from_bytes([2; 32]), message: "m2".into(), lives_until: at(400) };
    let state = pending().asking(Challenge::Passcode(Box::new(sent().resent(second, Some(at(30)), at(30)).unwrap())));
    let first = |sealed: &Sealed| *sealed == Sealed::from_bytes([1; 32]);
    let judged = |state: &Pending| {
        let Challenge::Passcode(sent) = &state.asked;
        sent.judge(first, at(40))
    };
    assert_eq!(judged(&state), Verdict::Earlier);
    let Next::Again(state) = state.submitted(Verdict::Earlier, 2) else { panic!("not again") };
    assert_eq!(state.last, Some(Answered::Earlier));
    assert_eq!(judged(&state), Verdict::Wrong);
    assert_eq!(state.clone().asking(state.asked).last, None);
}

#[test]
fn a_wrong_password_is_no_beginning() {
    for said in [Said::Wrong, Said::Locked, Said::Barred(Bar::Disabled), Said::Barred(Bar::Hours)] {
        assert!(PasswordRight::new(User::bare("alice"), said, at(0)).is_none(), "{said:?}");
    }
}

#[test]
fn a_password_that_is_to_be_changed_is_no_grant_before_it_is() {
    let left = Duration::from_secs(60);
    for said in [Said::Correct, Said::Expiring(left)] {
        assert!(matches!(right(said).decided(admit(), || None), AfterPassword::Admit(_)), "{said:?}");
    }
    assert_eq!(right(Said::Expiring(left)).user().password_expires, Some(at(60)));
    for (right, why) in [
        (right(Said::MustChange), Why::MustChange),
        (right(Said::Expired), Why::Expired),
        (right(Said::Expired).warned(at(9)), Why::Expired),
        (right(Said::Correct).warned(at(9)), Why::Expiring(at(9))),
    ] {
        let AfterPassword::Change(changing) = right.decided(admit(), || Some("sealed".into())) else {
            panic!("{why:?} was admitted")
        };
        assert_eq!(changing.due, PasswordDue { why, old: Some("sealed".into()) });
        assert_eq!(changing.clone().later().is_some(), matches!(why, Why::Expiring(_)));
        let AfterChange::Admit(grant) = changing.answered(&Changed::Yes) else { panic!("{why:?}") };
        assert_eq!(grant.into_parts().2, Some(vec!["10.0.0.0/8".parse().unwrap()]));
    }
    let expired = pending_by(vec![vec![Factor::Passcode]], Said::Expired);
    assert!(matches!(expired.submitted(Verdict::Right, 0), Next::Change(_)));
}

#[test]
fn the_password_is_kept_only_where_it_is_to_be_changed() {
    let decision = || Decision::Challenge { plan: Plan::new(vec![vec![Factor::Passcode]]), terms: terms() };
    for decision in [admit(), decision(), Decision::Refuse] {
        drop(right(Said::Correct).decided(decision, || panic!("a password was sealed for nothing")));
    }
}

#[test]
fn a_door_without_pages_goes_on_with_an_old_password_only_while_that_is_good() {
    for (changing, goes_on) in [(expiring(), true), (changing(Said::MustChange), false), (changing(Said::Expired), false)] {
        let next = |door: Door| Next::Change(Box::new(changing.clone())).at(&door);
        let after = |door: Door| AfterPassword::Change(changing.clone()).at(&door);
        assert!(matches!(next(browser()), Next::Change(_)) && matches!(after(browser()), AfterPassword::Change(_)));
        assert_eq!(matches!(next(radius()), Next::Admit(_)), goes_on);
        assert_eq!(matches!(next(radius()), Next::PasswordDue), !goes_on);
        assert_eq!(matches!(after(radius()), AfterPassword::Admit(_)), goes_on);
        assert_eq!(matches!(after(radius()), AfterPassword::PasswordDue), !goes_on);
    }
}

#[test]
fn what_the_directory_says_of_a_new_password_decides_and_nothing_else() {
    let unable = || Changed::Unable("no".into());
    for said in [Said::MustChange, Said::Expired] {
        assert!(matches!(changing(said).answered(&Changed::WrongOld), AfterChange::Over));
        assert!(matches!(changing(said).answered(&unable()), AfterChange::Over));
    }
    assert!(matches!(expiring().answered(&Changed::WrongOld), AfterChange::Over));
    let busy = expiring().busy(at(30));
    assert!(busy.is_busy(at(29)) && !busy.is_busy(at(30)));
    let short = Complaint::TooShort;
    for (said, last) in [(unable(), Unchanged::Unable), (Changed::Refused(short), Unchanged::Complaint(short))] {
        let AfterChange::Again(again) = busy.clone().answered(&said) else { panic!("{said:?}") };
        assert_eq!((again.last, again.busy_until), (Some(last), None));
    }
}
