//! `check`: all that is wrong with a configuration, at once.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use super::{BAD_CONFIGURATION, plain};
use crate::app;
use crate::base::Clock;
use crate::config::{self, Config};

/// `live`: directories and transmitters are asked as well.
pub fn run(file: &Path, live: bool) -> Result<ExitCode> {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(problems) => {
            tell!("{problems}");
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    let clock = Clock::system();
    let found = app::findings(&config, &clock, clock.now());
    for warning in &found.warnings {
        tell!("{}: warning: {warning}", file.display());
    }
    let problems: Vec<&String> = found.unusable.iter().chain(&found.problems).collect();
    for problem in &problems {
        tell!("{}: {problem}", file.display());
    }
    if !problems.is_empty() {
        return Ok(ExitCode::from(BAD_CONFIGURATION));
    }
    if live && !is_fit_for_use(&config, &clock)? {
        return Ok(ExitCode::from(BAD_CONFIGURATION));
    }
    say!("{}: no mistakes found", file.display());
    if config.keys.is_none() {
        let keys = config.node.state_dir.join("keys");
        say!("Keep {} out of the backup of the records: together they open what either alone does not.", keys.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the JSON schema of configurations.
pub fn schema() -> Result<ExitCode> {
    say!("{}", serde_json::to_string_pretty(&config::schema())?);
    Ok(ExitCode::SUCCESS)
}

/// Prints what directories and transmitters are like; whether people can sign in.
fn is_fit_for_use(config: &Config, clock: &Clock) -> Result<bool> {
    let examined = app::examine(config, clock)?;
    for (who, found) in &examined {
        let say = |word: &str, lines: &[String]| {
            lines.iter().for_each(|line| tell!("{who}: {word}{}", plain(line)));
        };
        found.facts.iter().for_each(|fact| say!("{who}: {}", plain(fact)));
        say("warning: ", &found.warnings);
        say("", &found.problems);
    }
    Ok(examined.iter().all(|(_, found)| found.problems.is_empty()))
}
