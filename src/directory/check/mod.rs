//! What is so with a directory right now, for an operator who asks: its servers, what the service user may and may not, who there is.

mod people;
mod policies;
mod rights;
mod servers;

use std::time::Duration;

use tokio::time::timeout;

use crate::base::Clock;
use crate::directory::Examination;
use crate::directory::ldap_client::client::Client;

/// Ends within a minute and a half, whatever hangs.
pub(in crate::directory) async fn examine(client: &Client, clock: &Clock) -> Examination {
    let mut found = Examination::default();
    // What was found before the time was over is said all the same.
    if timeout(WHOLE, all(client, clock, &mut found)).await.is_err() {
        found.problems.push(format!("the check did not finish within {} s", WHOLE.as_secs()));
    }
    found
}

async fn all(client: &Client, clock: &Clock, found: &mut Examination) {
    let Some(connection) = servers::examine(client, clock, found).await else { return };
    let is_active_directory = match rights::domain(&connection).await {
        Ok(domain) => domain,
        Err(fault) => return found.problems.push(fault.words()),
    };
    let Some(samples) = people::examine(client, &connection, is_active_directory.is_some(), found).await else { return };
    let examined = match is_active_directory {
        Some(domain) => rights::in_active_directory(client, &connection, (&domain, &samples), found).await,
        None => rights::elsewhere(&connection, &samples, found).await,
    };
    if let Err(fault) = examined {
        found.problems.push(fault.words());
    }
}

const WHOLE: Duration = Duration::from_secs(90);
