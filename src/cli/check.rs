//! `check`: all that is wrong with a configuration, at once.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use super::BAD_CONFIGURATION;
use crate::app;
use crate::base::Clock;
use crate::config;

pub fn run(file: &Path) -> Result<ExitCode> {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    let clock = Clock::system();
    let found = app::findings(&config, &clock, clock.now());
    for warning in &found.warnings {
        eprintln!("{}: warning: {warning}", file.display());
    }
    let problems: Vec<&String> = found.unusable.iter().chain(&found.problems).collect();
    for problem in &problems {
        eprintln!("{}: {problem}", file.display());
    }
    if !problems.is_empty() {
        return Ok(ExitCode::from(BAD_CONFIGURATION));
    }
    println!("{}: nothing is wrong with it", file.display());
    if config.keys.is_none() {
        let keys = config.node.state_dir.join("keys");
        println!("Keep {} out of the backup of the records: together they open what either alone does not.", keys.display());
    }
    Ok(ExitCode::SUCCESS)
}
