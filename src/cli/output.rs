//! What commands say. A reader that has gone (`| head`) is no error: the command goes on in silence, so that its exit code stays true. A
//! disk that is full is one.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => { crate::cli::output::out(format_args!($($text)*)) };
}

/// A line on standard error.
macro_rules! tell {
    ($($text:tt)*) => { crate::cli::output::complain(format_args!($($text)*)) };
}

/// Ends the program where what was asked for cannot be written.
pub(super) fn out(text: Arguments<'_>) {
    match line(&mut std::io::stdout().lock(), text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format_args!("doorward: the output cannot be written: {error}"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// What is wrong with the errors' own channel has nobody to hear of it.
pub(super) fn complain(text: Arguments<'_>) {
    let _ = line(&mut std::io::stderr().lock(), text);
}

/// Both are flushed: the end of the program would not say that it could not be written.
fn line(to: &mut impl Write, text: Arguments<'_>) -> std::io::Result<()> {
    to.write_fmt(text)?;
    to.write_all(b"\n")?;
    to.flush()
}
