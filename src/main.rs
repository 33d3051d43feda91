//! The program: its arguments go to `cli`, which says how it went.

/// Uses less memory for idle connections than the system's, gives it back after a peak, and is no slower (`docs/benchmark.md`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    doorward::cli::run()
}
