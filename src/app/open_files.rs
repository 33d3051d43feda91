//! How many connections we can hold with the files that we may open: a client that has a place must find the store, the directory
//! and its application reachable too.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

use crate::base::files::Files;

/// `wished`, or fewer where the limit on open files is too low; that is said in the log.
pub fn connections(wished: usize) -> usize {
    let Some(files) = soft_limit() else { return wished };
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

/// What is left for connections to applications beside so many connections of clients. A client may want many of them by one of its own
/// (HTTP/2); they are counted, so that there is always a file for a connection that has a place.
pub fn for_applications(connections: usize) -> Arc<Files> {
    Files::new(soft_limit().map_or(usize::MAX, |files| files.saturating_sub(OURS + connections).max(1)))
}

/// Each connection may need one to its application as well.
fn possible(files: usize) -> usize {
    (files.saturating_sub(OURS) / 2).max(1)
}

fn needed(connections: usize) -> usize {
    connections * 2 + OURS
}

/// Nothing where it is unlimited.
fn soft_limit() -> Option<usize> {
    getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok())
}

/// Listening sockets, store, directories, gateways, the control socket.
const OURS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_limit_leaves_room_for_the_applications_and_for_ourselves() {
        assert_eq!(possible(1024), 384);
        assert_eq!(possible(needed(20_000)), 20_000);
    }
}
