//! Everybody below the base, page by page.

use ldap3::{Scope, SearchEntry};

use super::bulk::{Bulk, UID, account_name};
use super::client::Client;
use super::connection::{Connection, Pages, Question};
use super::status;
use super::statuses::Judged;
use super::{Fault, person};
use crate::directory::DirectoryError;
use crate::directory::account_status::{Listed, Lister};

impl Bulk {
    /// Nobody is listed twice: what breaks off is not begun anew elsewhere.
    pub(in crate::directory) async fn list_with(
        &self,
        client: &Client,
        connection: &Connection,
        into: &Lister,
    ) -> Result<(), DirectoryError> {
        let failed = |fault: Fault| client.failed(format!("the list broke off: {}", fault.words()));
        self.root(connection).await.map_err(failed)?;
        let config = client.config();
        let own = config.attributes.names().chain([account_name(config), UID]);
        let attributes: Vec<&str> = own.chain(status::ATTRIBUTES).collect();
        let question = Question {
            base: &config.users.base,
            scope: Scope::Subtree,
            filter: &config.users.filter,
            attributes: &attributes,
            at_most: i32::MAX,
        };
        let mut pages = Pages::begin(connection, question).await.map_err(failed)?;
        let mut some = Vec::with_capacity(AT_ONCE);
        loop {
            let next = pages.next().await.map_err(failed)?;
            let is_last = next.is_none();
            some.extend(next);
            if some.len() >= AT_ONCE || (is_last && !some.is_empty()) {
                let entries = some.as_slice();
                let judged = client.ask(move |kept| async move { self.judge(client, &kept.connection, entries).await }).await?;
                let listed = some.drain(..).filter_map(|entry| self.listed(client, &entry, &judged)).collect();
                // Nobody reads any more.
                if into.send(listed).await.is_err() {
                    return Ok(());
                }
            }
            if is_last && pages.is_cut {
                return Err(client.failed(TOO_SMALL.to_owned()));
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Nothing without an id and a name: such an entry could not sign in, and is none of the people.
    fn listed(&self, client: &Client, entry: &SearchEntry, judged: &Judged) -> Option<Listed> {
        let user = person::user(client.name(), account_name(client.config()), client.config(), entry).ok()?;
        self.status(client, entry, judged).map(|(_, status)| Listed { user, status })
    }
}

/// Also said by the examination.
pub(in crate::directory) const TOO_SMALL: &str = "the server does not show the service user all entries: raise its size limit for this user (OpenLDAP: limits ... size=unlimited)";
const AT_ONCE: usize = 250;
