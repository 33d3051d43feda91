//! `hash-password`: from standard input, so that the password is in no shell's history and in no list of processes.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::base::Secret;
use crate::base::random::SystemSource;
use crate::directory::password;

pub fn run() -> Result<ExitCode> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("Type the password and press Enter (it is shown):");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    let typed = Secret::new(line);
    let password = Secret::new(typed.expose().trim_end_matches(['\n', '\r']).to_owned());
    if !password::usable(&password) {
        bail!("that cannot be a password: it is empty, holds a NUL, or is longer than 1,024 bytes");
    }
    println!("{}", password::hash(&password, &SystemSource));
    Ok(ExitCode::SUCCESS)
}
