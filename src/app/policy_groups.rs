//! What the groups that policies name mean in the directories, for `check --live`: a group that no directory can judge decides nothing.

use crate::config::AuthenticationPolicy;
use crate::config::authentication_policy::Line;
use crate::config::group::Group;
use crate::directory::{Doubt, Examination, Meaning, People};

/// Nothing for a policy that names no group.
pub(super) async fn examine(policy: &AuthenticationPolicy, people: &People) -> Option<(String, Examination)> {
    let mut found = Examination::default();
    let mut is_any = false;
    for rule in &policy.rules {
        for group in rule.when.group.iter().chain(&rule.when.group_not).flatten() {
            is_any = true;
            look(people, (rule.line, group), &mut found).await;
        }
    }
    is_any.then(|| (format!("authentication policy {}", policy.name), found))
}

async fn look(people: &People, (line, group): (Line, &Group), found: &mut Examination) {
    let written = group.written();
    let mut homes = Vec::new();
    let mut doubts = Vec::new();
    for (directory, meaning) in people.meanings(group).await {
        match meaning {
            Ok(Meaning::Group(name)) => homes.push(format!("{name} in directory {directory}")),
            Ok(Meaning::Nothing) => {}
            // Empty or hidden: nobody can tell, so it is no mistake that is certain.
            Ok(Meaning::Unclear(Doubt::Hidden)) => {
                let effect = "rules that need it admit nobody, and match where they refuse or challenge";
                found.warnings.push(format!("{line}: group {written:?} in directory {directory}: {}; {effect}", Doubt::Hidden));
                homes.push(String::new());
            }
            Ok(Meaning::Unclear(doubt)) => doubts.push(format!("directory {directory}: {doubt}")),
            Err(error) => doubts.push(error.to_string()),
        }
    }
    let effect = "a rule that admits does not match, a rule that refuses or challenges does";
    if homes.is_empty() && doubts.is_empty() {
        if people.places().iter().all(|place| place.directory.tree().is_none()) {
            // A users file knows a group by its members alone.
            found.warnings.push(format!("{line}: group {written:?}: no user in a users file belongs to it. Is it misspelt?"));
        } else {
            found.problems.push(format!("{line}: group {written:?}: no directory has a group of this name; {effect}"));
        }
    }
    for doubt in doubts {
        found.problems.push(format!("{line}: group {written:?}: {doubt}; {effect}"));
    }
    if homes.len() > 1 && group.dn().is_none() {
        let homes = homes.iter().filter(|home| !home.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" and ");
        found.warnings.push(format!("{line}: group {written:?} is {homes}; write the distinguished name of the one you mean"));
    }
    found
        .facts
        .extend(homes.into_iter().filter(|home| !home.is_empty()).map(|home| format!("{line}: group {written:?} is {home}")));
}
