//! Everybody below the base, page by page.

use ldap3::{Scope, SearchEntry};

use super::bulk::{Roll, UID, account_name};
use super::client::Line;
use super::connection::{Connection, Pages, Question};
use super::status as standing;
use super::statuses::Judged;
use super::{Fault, person};
use crate::directory::DirectoryError;
use crate::directory::account_status::{Listed, Lister};

impl Roll {
    /// Nobody is listed twice: what breaks off is not begun anew elsewhere.
    pub(in crate::directory) async fn list_with(
        &self,
        line: &Line,
        connection: &Connection,
        into: &Lister,
    ) -> Result<(), DirectoryError> {
        let failed = |fault: Fault| line.failed(format!("the list broke off: {}", fault.words()));
        self.root(connection).await.map_err(failed)?;
        let config = line.config();
        let own = config.attributes.names().chain([account_name(config), UID]);
        let attributes: Vec<&str> = own.chain(standing::ATTRIBUTES).collect();
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
                let judged = line.ask(move |kept| async move { self.judge(line, &kept.connection, entries).await }).await?;
                let listed = some.drain(..).filter_map(|entry| self.listed(line, &entry, &judged)).collect();
                // Nobody reads any more.
                if into.send(listed).await.is_err() {
                    return Ok(());
                }
            }
            if is_last && pages.is_cut {
                return Err(line.failed(TOO_SMALL.to_owned()));
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Nothing without an id and a name: such an entry could not sign in, and is none of the people.
    fn listed(&self, line: &Line, entry: &SearchEntry, judged: &Judged) -> Option<Listed> {
        let user = person::user(line.name(), account_name(line.config()), line.config(), entry).ok()?;
        self.standing(line, entry, judged).map(|(_, standing)| Listed { user, standing })
    }
}

/// Also said by the examination.
pub(in crate::directory) const TOO_SMALL: &str = "the server does not show the service user all entries: raise its size limit for this user (OpenLDAP: limits ... size=unlimited)";
const AT_ONCE: usize = 250;
