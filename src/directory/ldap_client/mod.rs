//! The client library of the LDAP directories: servers and their connections, what is asked of them, and how answers are read. Knows the
//! attributes of Active Directory besides those of other servers, because `kind = "ldap"` may well mean a domain controller.

pub(super) mod bind;
pub(super) mod bulk;
mod changes;
pub(super) mod client;
pub(super) mod connection;
pub mod descriptor;
pub(super) mod discovery;
pub(super) mod entry;
pub mod filter;
pub(super) mod group;
pub(super) mod list;
pub mod metadata;
pub mod password_policy;
pub(super) mod person;
mod root_dse;
mod servers;
pub(super) mod service;
mod status;
pub(super) mod statuses;
pub(super) mod time;
mod unlock;

use crate::base::dn::DnError;
use crate::base::tls::TlsError;
use crate::config;
use crate::directory::password;

/// Why no client could be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum LdapNewError {
    #[error("{host}: without TLS only a loopback address may be asked; use ldaps:// or starttls = true")]
    InTheClear { host: String },
    #[error("{host}: a server that is reached by TLS is written by its name, as in its certificate, not by its IPv6 address")]
    Ipv6 { host: String },
    #[error("there is no server")]
    NoServer,
    #[error("users.filter {0:?} is no search filter (RFC 4515)")]
    Filter(String),
    #[error("{0:?} is no name of an attribute")]
    Attribute(String),
    #[error("users.names is empty")]
    NoNames,
    #[error("users.base is empty")]
    NoBase,
    #[error("users.base is no distinguished name: {0}")]
    Base(DnError),
    #[error("service_user or service_password is empty")]
    NoServiceUser,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why a step with one server did not end well. The words hold no password.
#[derive(Debug)]
pub(super) enum Fault {
    /// This server does not serve now; another may.
    Server(String),
    /// The same, and it let us wait: whoever asks next shall ask another first.
    Silent(String),
    /// What was asked for is not there, or not for us.
    Missing(String),
    /// Another server would say the same, or must not be asked.
    Final(String),
}

impl Fault {
    pub(super) fn words(self) -> String {
        match self {
            Self::Server(why) | Self::Silent(why) | Self::Missing(why) | Self::Final(why) => why,
        }
    }
}

/// What can be checked of a configuration without asking a server.
pub(super) fn check(config: &config::directory::Ldap) -> Result<(), LdapNewError> {
    if !filter::is_filter(&config.users.filter) {
        return Err(LdapNewError::Filter(config.users.filter.clone()));
    }
    if config.users.base.trim().is_empty() {
        return Err(LdapNewError::NoBase);
    }
    if config.service_user.is_empty() || !password::usable(&config.service_password) {
        return Err(LdapNewError::NoServiceUser);
    }
    let mut all = config.users.names.iter().map(String::as_str).chain(config.attributes.names());
    all.find(|name| !filter::is_attribute(name)).map_or(Ok(()), |name| Err(LdapNewError::Attribute(name.to_owned())))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::config::directory::{Attributes, LdapServer, Users};

    pub(in crate::directory) fn config() -> config::directory::Ldap {
        config::directory::Ldap {
            servers: vec![LdapServer { tls: false, host: "127.0.0.1".into(), port: 9 }],
            starttls: false,
            ca: None,
            service_user: "cn=service,dc=test".into(),
            service_password: Secret::new("service".into()),
            users: Users {
                base: "ou=people,dc=test".into(),
                filter: "(objectClass=person)".into(),
                names: vec!["uid".into()],
                member_of: None,
            },
            attributes: Attributes {
                id: "entryUUID".into(),
                mobile: "mobile".into(),
                second_mobile: None,
                mail: "mail".into(),
                language: "preferredLanguage".into(),
                display_name: "displayName".into(),
                push: None,
                sms_type: None,
            },
            country_prefix: None,
        }
    }
}
