//! The program: its arguments go to `cli`, which says how it went.

fn main() -> std::process::ExitCode {
    doorward::cli::run()
}
