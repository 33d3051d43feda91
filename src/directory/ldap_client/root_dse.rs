//! What a server says of itself (RFC 4512 section 5.1).

use std::sync::atomic::Ordering;

use ldap3::{Scope, SearchEntry};

use super::bulk::Bulk;
use super::connection::{Connection, Question};
use super::{Fault, entry};

pub(in crate::directory) struct Root(Option<SearchEntry>);

/// What Active Directory says besides (MS-ADTS section 3.1.1.3.2).
pub(in crate::directory) struct Domain {
    /// The number of the last change that was made here.
    pub usn: u64,
    /// This server's own entry.
    pub service: String,
    /// Where the domain's tree begins.
    pub base: Option<String>,
}

impl Bulk {
    pub(in crate::directory) async fn root(&self, connection: &Connection) -> Result<Root, Fault> {
        let question = Question { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &ROOT, at_most: 1 };
        let root = match connection.search(question).await {
            Ok(found) => Root(found.entries.into_iter().next()),
            // Whoever hides it is not Active Directory.
            Err(Fault::Missing(_) | Fault::Final(_)) => Root(None),
            Err(fault) => return Err(fault),
        };
        self.is_active_directory.store(root.domain().is_some(), Ordering::Relaxed);
        Ok(root)
    }
}

impl Root {
    pub fn domain(&self) -> Option<Domain> {
        let first = |attribute| self.0.as_ref().and_then(|entry| entry::first(entry, attribute));
        let usn = first(USN).and_then(|usn| usn.parse().ok())?;
        Some(Domain { usn, service: first(SERVICE)?, base: first(BASE) })
    }
}

const USN: &str = "highestCommittedUSN";
const SERVICE: &str = "dsServiceName";
const BASE: &str = "defaultNamingContext";
const ROOT: [&str; 3] = [USN, SERVICE, BASE];
