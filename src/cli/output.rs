//! What commands say. A reader that has gone (`| head`) is no error: the command goes on in silence, so that its exit code stays true.

use std::fmt::Arguments;
use std::io::Write;

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => { crate::cli::output::line(&mut std::io::stdout().lock(), format_args!($($text)*)) };
}

/// A line on standard error.
macro_rules! tell {
    ($($text:tt)*) => { crate::cli::output::line(&mut std::io::stderr().lock(), format_args!($($text)*)) };
}

/// What cannot be written has nobody to hear of it.
pub(super) fn line(to: &mut impl Write, text: Arguments<'_>) {
    let _ = to.write_fmt(text).and_then(|()| to.write_all(b"\n"));
}
