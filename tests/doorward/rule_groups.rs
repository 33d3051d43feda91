//! Rules with groups, through the front door: whatever the spelling, and whatever the directory cannot say, nobody gets past the second
//! step for it. Against a real OpenLDAP server and a real Active Directory.

mod active_directory;
mod openldap;

use crate::support::client::{Answer, Client};
use crate::support::node::{Bed, detail, user};
use crate::support::toml::Toml;

/// A node with this directory beside the users file, and these rules before the one that challenges everybody.
async fn bed(directory: String, rules: &str) -> Bed {
    let users = [user("ann", "anns-password", LOCAL), user("ben", "bens-password", "mobile = \"+45 12 34 56 79\"")].concat();
    Bed::with(Toml::bed().users(users).directory(directory).rules(rules.to_owned().leak())).await
}

const LOCAL: &str = "mobile = \"+45 12 34 56 78\"\ngroups = [\"Staff\"]";

/// What a right password led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Led {
    In,
    ToTheSecondStep,
    Nowhere,
}

async fn led(bed: &Bed, name: &str, password: &str) -> Led {
    let browser = bed.browser();
    let answer = browser.login(name, password).await;
    bed.clock.advance(std::time::Duration::from_secs(20));
    outcome(&browser, &answer).await
}

async fn outcome(browser: &Client, answer: &Answer) -> Led {
    match (browser.is_in().await, answer.status == 303 && answer.location().contains("/login/passcode")) {
        (true, false) => Led::In,
        (false, true) => Led::ToTheSecondStep,
        (false, false) => Led::Nowhere,
        (true, true) => panic!("{}", answer.body),
    }
}

/// What the journal says of the last decision's rules that could not be judged.
fn undecided(bed: &Bed) -> String {
    bed.expects_errors(UNDECIDED);
    let decided = bed.journal().into_iter().rev().find(|event| event.kind == "policy-decided").expect("nothing was decided");
    detail(&decided)["undecided"].to_string()
}

fn admits_outside(groups: &[String]) -> String {
    // A string of JSON is one of TOML.
    let rule = |group: &String| format!("{{ when = {{ group_not = [{}] }}, then = \"admit\" }},\n", serde_json::json!(group));
    groups.iter().map(rule).collect()
}

/// Said of a rule whose group cannot be judged, whether it is taken or skipped.
const UNDECIDED: &str = "authentication policy staff: rule ";
