//! `hash-password`: from standard input, so that the password is in no shell's history and in no list of processes.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::base::random::SystemSource;
use crate::base::{Secret, encoding};
use crate::directory::password;

pub fn run() -> Result<ExitCode> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("Type the password and press Enter (it is shown):");
    }
    let mut line = Vec::new();
    input.lock().read_until(b'\n', &mut line)?;
    let typed = Secret::new(line);
    if encoding::is_utf16(typed.expose()) {
        bail!("what was piped in is UTF-16: it must be UTF-8");
    }
    // A file that was saved on Windows may begin with a mark that nobody types.
    let text = std::str::from_utf8(encoding::without_mark(typed.expose())).context("what was typed is not valid UTF-8")?;
    let password = Secret::new(text.trim_end_matches(['\n', '\r']).to_owned());
    if !password::usable(&password) {
        bail!("that cannot be a password: it is empty, holds a NUL, or is longer than 1,024 bytes");
    }
    println!("{}", password::hash(&password, &SystemSource));
    Ok(ExitCode::SUCCESS)
}
