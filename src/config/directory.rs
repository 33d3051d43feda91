//! `[[directory]]`: where users and passwords live.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::Secret;

#[derive(Clone, Debug)]
pub struct Directory {
    /// Letters, digits and hyphens; part of every user id of this directory.
    pub name: Arc<str>,
    /// A bare user name means this directory first. At most one; a single directory is the default by itself.
    pub default: bool,
    /// The domain that users may write with their name.
    pub domain: Domain,
    pub kind: Kind,
}

/// `domain` and `netbios`: `user@domain`, `NETBIOS\user`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Domain {
    pub dns: Option<String>,
    pub netbios: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Ldap(Box<Ldap>),
    Local(Local),
}

/// `kind = "ldap"`: any LDAP server.
#[derive(Clone, Debug)]
pub struct Ldap {
    /// Tried in order when a connection fails. `ldap://` without `starttls` is refused off loopback.
    pub servers: Vec<LdapServer>,
    /// For `ldap://` servers. Default: false.
    pub starttls: bool,
    /// PEM; instead of the system's CAs.
    pub ca: Option<PathBuf>,
    pub service_user: String,
    pub service_password: Secret<String>,
    pub users: Users,
    pub attributes: Attributes,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LdapServer {
    /// `ldaps`.
    pub tls: bool,
    pub host: String,
    pub port: u16,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Users {
    pub base: String,
    /// Default: `(objectClass=person)`.
    pub filter: String,
    /// Attributes that hold a name; the first is the account name. Default: `["uid"]`. The mail attribute in this list lets
    /// people sign in with their mail address.
    pub names: Vec<String>,
    /// Distinguished name of a group; only its members sign in. Absent: everybody under `base`.
    pub member_of: Option<String>,
}

/// Attribute names. Defaults: `entryUUID`, `mobile`, none, `mail`, `preferredLanguage`, `displayName`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attributes {
    pub id: String,
    pub mobile: String,
    pub second_mobile: Option<String>,
    pub mail: String,
    pub language: String,
    pub display_name: String,
}

/// `kind = "local"`: users in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    pub file: PathBuf,
}
