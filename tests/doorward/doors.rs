//! The house rules at a door that is no browser's: a RADIUS client asks the same questions, a grant becomes an accept and no session, and
//! nothing that began at one door goes on at another.

use std::sync::Arc;

use doorward::auth::{
    Ask, AskedView, Attempt, Declined, Door, Entered, Factor, FlowOver, OfFlow, PasswordAttempt, Sessions, Step, Told,
};
use doorward::base::{Language, Secret};
use doorward::directory::{Directory, Verdict};

use crate::account_states::Scripted;
use crate::support::house::{CHALLENGE, House, house, house_of};
use crate::support::node::user;
use crate::support::runs::Runs;

fn vpn(state: &str) -> Attempt {
    let door = Door::Radius { client: "vpn".into(), policy: "staff".into(), state: Secret::new(state.repeat(6)) };
    Attempt { door, address: None }
}

async fn password(house: &House, at: Attempt, password: &str) -> Told {
    house.password(at, "alice", password).await
}

async fn of_flow(house: &House, at: Attempt, flow: &str, what: OfFlow) -> Told {
    house.gatekeeper.ask(Ask::Flow { at, flow: flow.to_owned(), what }).await
}

fn typed(code: &str) -> OfFlow {
    OfFlow::Answer(Secret::new(code.to_owned()))
}

fn flow_of(told: Told) -> String {
    match told {
        Told::Next { flow, step: Step::Factor } => flow,
        other => panic!("{other:?}"),
    }
}

fn count(sessions: &Sessions) -> usize {
    sessions.count()
}

async fn alice() -> House {
    house(&user("alice", "wonderland", "mail = \"a@mail.example\"")).await
}

#[tokio::test]
async fn a_client_is_told_to_accept_and_no_session_is_opened() {
    let house = alice().await;
    assert!(matches!(password(&house, vpn("state"), "wrong").await, Told::Refused { .. }));
    let flow = flow_of(password(&house, vpn("state"), "wonderland").await);
    let Told::Flow(view) = of_flow(&house, vpn("state"), &flow, OfFlow::Look).await else { panic!("no flow") };
    assert_eq!(&*view.application, "vpn");
    let AskedView::Passcode(asked) = view.asked;
    assert_eq!(asked.label.len(), 2);

    let code = house.code("people:alice").await;
    assert!(matches!(of_flow(&house, vpn("state"), &flow, typed("000000x")).await, Told::Again));
    let told = of_flow(&house, vpn("state"), &flow, typed(&code)).await;
    let Told::Entered(Entered::Accept(accepted)) = told else { panic!("{told:?}") };
    assert_eq!(accepted.user.id.to_string(), "people:alice");
    assert_eq!(accepted.factors, [Factor::Password, Factor::Passcode]);
    assert_eq!(count(&house.sessions), 0);
    let used = of_flow(&house, vpn("state"), &flow, typed(&code)).await;
    assert!(matches!(used, Told::Over(FlowOver::Used { .. })), "{used:?}");

    let events = house.journaled("accepted").await;
    assert_eq!(events.len(), 1);
    let detail: serde_json::Value = serde_json::from_str(&events[0].detail).unwrap();
    assert_eq!(detail, serde_json::json!({ "client": "vpn", "factors": ["password", "passcode"] }));
    assert_eq!(
        (events[0].outcome.as_str(), events[0].user.as_str(), events[0].trace),
        ("yes", "people:alice", Some(accepted.trace))
    );
}

#[tokio::test]
async fn a_flow_goes_on_at_no_other_door() {
    let house = alice().await;
    let of_client = flow_of(password(&house, vpn("state"), "wonderland").await);
    let code = house.code("people:alice").await;
    let lookalike = |application: &str, cookie: &str| Attempt {
        door: Door::Browser {
            application: application.into(),
            host: "app.example".into(),
            cookie: Secret::new(cookie.repeat(6)),
            known: None,
            agent: None,
        },
        address: None,
    };
    let other_client = Attempt {
        door: Door::Radius { client: "app".into(), policy: "staff".into(), state: Secret::new("state".repeat(6)) },
        address: None,
    };
    for at in [House::attempt(), vpn("other"), other_client, lookalike("vpn", "state"), lookalike("app", "state")] {
        for what in
            [typed(&code), OfFlow::Look, OfFlow::Resend, OfFlow::OtherWay { rule: 0 }, OfFlow::LookChange, OfFlow::ChangeLater]
        {
            let told = of_flow(&house, at.clone(), &of_client, what).await;
            assert!(matches!(told, Told::Over(FlowOver::Gone)), "{at:?}: {told:?}");
        }
    }
    assert!(matches!(of_flow(&house, vpn("state"), &of_client, typed(&code)).await, Told::Entered(Entered::Accept(_))));
}

#[tokio::test]
async fn a_client_lets_nobody_in_on_a_password_alone_where_it_does_not_know_the_address() {
    let directory = Scripted::says(Verdict::Correct);
    let house =
        house_of(tempfile::tempdir().unwrap(), Arc::clone(&directory) as Arc<dyn Directory>, r#"{ then = "admit" }"#).await;
    let told = password(&house, vpn("state"), "wonderland").await;
    assert!(matches!(told, Told::Declined { why: Declined::NotForThisSite, .. }), "{told:?}");
    let here = Attempt { address: Some([127, 0, 0, 1].into()), ..vpn("state") };
    let told = password(&house, here, "wonderland").await;
    let Told::Entered(Entered::Accept(accepted)) = told else { panic!("{told:?}") };
    assert_eq!(accepted.factors, [Factor::Password]);
}

#[tokio::test]
async fn a_password_that_must_be_changed_is_good_for_no_client() {
    for (said, rules, expected) in [
        (Verdict::MustChange, r#"{ then = "admit" }"#, true),
        (Verdict::Expired, r#"{ then = "admit" }"#, true),
        (Verdict::Expired, CHALLENGE, false),
    ] {
        let directory = Scripted::says(said);
        let house = house_of(tempfile::tempdir().unwrap(), Arc::clone(&directory) as Arc<dyn Directory>, rules).await;
        let here = || Attempt { address: Some([127, 0, 0, 1].into()), ..vpn("state") };
        let mut told = password(&house, here(), "wonderland").await;
        if !expected {
            let flow = flow_of(told);
            let code = house.code("people:1:2").await;
            told = of_flow(&house, here(), &flow, typed(&code)).await;
            let again = of_flow(&house, here(), &flow, typed(&code)).await;
            assert!(matches!(again, Told::Over(FlowOver::Ended { .. })), "{again:?}");
        }
        assert!(matches!(told, Told::Declined { why: Declined::PasswordDue, .. }), "{said:?}: {told:?}");
        assert_eq!(count(&house.sessions), 0);
    }
}

#[tokio::test]
async fn names_and_accounts_pause_at_a_door_without_addresses_too() {
    let house = alice().await;
    let attempt = |password: String| PasswordAttempt {
        at: vpn("state"),
        name: "alice".into(),
        password: Secret::new(password),
        back: String::new(),
        language: Language::ENGLISH,
        language_chosen: false,
    };
    // Each refusal takes half a second.
    let _runs = Runs::fast(&house.clock);
    for number in 0..30 {
        let told = house.gatekeeper.ask(Ask::Password(attempt(format!("guess {number}")))).await;
        assert!(matches!(told, Told::Refused { .. }), "{told:?}");
    }
    let told = house.gatekeeper.ask(Ask::Password(attempt("wonderland".into()))).await;
    assert!(matches!(told, Told::Refused { .. }), "the right password was judged after thirty guesses: {told:?}");
}
