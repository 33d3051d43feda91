//! `hash-password`: from standard input, so that the password is in no shell's history and in no list of processes. At a terminal it is not
//! shown, and asked for twice.

use std::io::{BufRead, IsTerminal, Stdin};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::base::random::SystemSource;
use crate::base::{Secret, encoding};
use crate::directory::password;

pub fn run() -> Result<ExitCode> {
    let input = std::io::stdin();
    let typed = if input.is_terminal() { typed_twice(&input)? } else { line(&input)? };
    if encoding::is_utf16(typed.expose()) {
        bail!("the input is UTF-16; it must be UTF-8");
    }
    // A file that was saved on Windows may begin with a mark that nobody types.
    let text = std::str::from_utf8(encoding::without_mark(typed.expose())).context("the input is not valid UTF-8")?;
    let password = Secret::new(text.trim_end_matches(['\n', '\r']).to_owned());
    if !password::usable(&password) {
        bail!("not usable as a password: it is empty, contains a NUL, or is longer than 1,024 bytes");
    }
    say!("{}", password::hash(&password, &SystemSource));
    Ok(ExitCode::SUCCESS)
}

fn line(input: &Stdin) -> Result<Secret<Vec<u8>>> {
    let mut line = Vec::new();
    input.lock().read_until(b'\n', &mut line)?;
    Ok(Secret::new(line))
}

fn typed_twice(input: &Stdin) -> Result<Secret<Vec<u8>>> {
    let hidden = Hidden::new(input)?;
    tell!("Type the password and press Enter (it is not shown):");
    let first = line(input)?;
    tell!("Once more:");
    let second = line(input)?;
    drop(hidden);
    if first.expose() != second.expose() {
        bail!("the two entries are not the same");
    }
    Ok(first)
}

/// Shows nothing of what is typed for as long as it lives.
struct Hidden<'a> {
    input: &'a Stdin,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(input: &'a Stdin) -> Result<Self> {
        let before = tcgetattr(input).context("the terminal cannot be asked for its settings")?;
        let mut without_echo = before.clone();
        without_echo.local_modes.remove(LocalModes::ECHO);
        tcsetattr(input, OptionalActions::Flush, &without_echo).context("the terminal cannot be told to hide the password")?;
        Ok(Self { input, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing put back.
        let _ = tcsetattr(self.input, OptionalActions::Now, &self.before);
    }
}
