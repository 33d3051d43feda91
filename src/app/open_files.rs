//! How many connections we can hold with the files that we may open: a client that has a place must find the store, the directory
//! and its application reachable too.

/// `wished`, or fewer where the limit on open files is too low; that is said in the log.
pub fn connections(wished: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(files) = soft_limit(&limits) else { return wished };
    let possible = possible(files);
    if possible < wished {
        tracing::warn!(
            "the limit on open files is {files}: {possible} connections instead of {wished} are taken at once. Raise it to {} \
             (LimitNOFILE= in a systemd unit)",
            needed(wished)
        );
    }
    wished.min(possible)
}

/// Each connection may need one to its application as well.
fn possible(files: usize) -> usize {
    (files.saturating_sub(OURS) / 2).max(1)
}

fn needed(connections: usize) -> usize {
    connections * 2 + OURS
}

/// The soft limit in the text of `/proc/self/limits`; nothing where it is unlimited.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Listening sockets, store, directories, gateways, the control socket.
const OURS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_limit_leaves_room_for_the_applications_and_for_ourselves() {
        let text =
            "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(soft_limit(text), Some(1024));
        assert_eq!(possible(1024), 384);
        assert_eq!(possible(needed(20_000)), 20_000);
        assert_eq!(soft_limit("Max open files            unlimited            unlimited            files"), None);
    }
}
