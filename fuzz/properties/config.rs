//! The configuration: any text is either one or is told what is wrong with it, in order and at a place that is there.

use std::path::Path;

use doorward::config;

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A folder that is not there: nothing that the text names is read.
    match config::parse(text, Path::new("/nowhere/at/all"), &|_| Some("value".into())) {
        Ok(config) => {
            assert!(!config.listeners.is_empty() && !config.applications.is_empty() && !config.directories.is_empty());
            let policies: Vec<_> = config.authentication_policies.iter().map(|policy| policy.name.clone()).collect();
            assert!(config.applications.iter().all(|application| policies.contains(&application.policy)), "a policy is missing");
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.is_sorted(), "{problems:?}");
            let lines = text.split('\n').count();
            for problem in &problems {
                assert!((1..=lines).contains(&problem.line) && problem.column >= 1 && !problem.message.is_empty(), "{problem:?}");
            }
        }
    }
}
