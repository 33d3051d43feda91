//! `kind = "active-directory"` of a `[[directory]]`: what it needs besides or instead of what any LDAP server needs.

use std::net::SocketAddr;

use super::{Attributes, Ldap, LdapServer, Users, distinguished, filter};
use crate::config::document::{Field, Section};

/// `kind = "active-directory"`: the domain controllers of one domain, and who of it may sign in.
#[derive(Clone, Debug)]
pub struct ActiveDirectory {
    /// `domain`: its DNS name, in lower case.
    pub domain: String,
    /// As for any LDAP server. `servers` is empty where the domain controllers are to be found by DNS. `users.names` is
    /// `sAMAccountName` alone: the other spellings of a name are Active Directory's own.
    pub ldap: Ldap,
    /// Whom to ask for the domain controllers. Empty: whom `/etc/resolv.conf` names.
    pub dns: Vec<SocketAddr>,
    /// Nobody in one of these groups, or in a group in them, signs in.
    pub refuse_groups: Vec<String>,
    /// Nobody whom Active Directory marks as privileged (`adminCount`) signs in. Default: false, for the mark stays when the
    /// privilege ends.
    pub refuse_privileged: bool,
}

impl ActiveDirectory {
    pub(in crate::config) fn read(section: &Section<'_>, country_prefix: Option<String>) -> Option<Self> {
        let domain = section.required("domain").and_then(Field::host);
        let starttls = section.or("starttls", false, Field::boolean);
        let servers = section.or("servers", Vec::new(), |list| list.some(|field| LdapServer::read(field, starttls)));
        let dns = section.or("dns", Vec::new(), |list| list.some(Field::socket));
        let ca = section.optional("ca").and_then(Field::path);
        let service_user = section.required("service_user").and_then(Field::text).map(str::to_owned);
        let service_password = section.required("service_password").and_then(Field::secret);
        let users = section.optional("users").and_then(Field::section);
        let allowed = Allowed::read(users, domain.as_deref());
        let attributes = section
            .or("attributes", attributes(), |field| field.section().map(|section| Attributes::read(section, attributes())));
        let ldap = Ldap {
            servers,
            starttls,
            ca,
            service_user: service_user?,
            service_password: service_password?,
            users: allowed.users,
            attributes,
            country_prefix,
        };
        let Allowed { refuse_groups, refuse_privileged, .. } = allowed;
        Some(Self { domain: domain?.to_string(), ldap, dns, refuse_groups, refuse_privileged })
    }
}

/// What `users` holds.
struct Allowed {
    users: Users,
    refuse_groups: Vec<String>,
    refuse_privileged: bool,
}

impl Allowed {
    fn read(section: Option<Section<'_>>, domain: Option<&str>) -> Self {
        let users = Users {
            base: base_of(domain.unwrap_or_default()),
            filter: FILTER.to_owned(),
            names: vec![ACCOUNT_NAME.to_owned()],
            member_of: None,
        };
        let Some(section) = section else { return Self { users, refuse_groups: Vec::new(), refuse_privileged: false } };
        let users = Users {
            base: section.or("base", users.base, distinguished),
            filter: section.or("filter", users.filter, filter),
            member_of: section.optional("member_of").and_then(distinguished),
            ..users
        };
        let refuse_groups = section.or("refuse_groups", Vec::new(), |list| list.some(distinguished));
        let refuse_privileged = section.or("refuse_privileged", false, Field::boolean);
        section.finish();
        Self { users, refuse_groups, refuse_privileged }
    }
}

/// `DC=corp,DC=example`.
fn base_of(domain: &str) -> String {
    domain.split('.').map(|part| format!("DC={part}")).collect::<Vec<_>>().join(",")
}

/// Where Active Directory keeps what we read of a person.
pub fn attributes() -> Attributes {
    Attributes { id: "objectGUID".into(), second_mobile: Some("otherMobile".into()), ..Attributes::default() }
}

/// People, and no computers.
pub const FILTER: &str = "(&(objectCategory=person)(objectClass=user))";
pub const ACCOUNT_NAME: &str = "sAMAccountName";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::directory::{Kind, LdapServer};
    use crate::config::tests::{messages, parsed, with};

    const LEAST: &str = "kind = \"active-directory\"\ndomain = \"Corp.example\"\nservice_user = \"svc@corp.example\"\n\
                         service_password = \"secret\"\n";

    /// The usual file, with an Active Directory instead of its directory.
    fn file(more: &str) -> String {
        with("kind = \"local\"\nfile = \"users.toml\"\n", &format!("{LEAST}{more}"))
    }

    fn read(more: &str) -> (ActiveDirectory, crate::config::directory::Domain) {
        let config = parsed(&file(more)).unwrap();
        let directory = config.directories.into_iter().next().unwrap();
        let Kind::ActiveDirectory(domain) = directory.kind else { panic!("another kind") };
        (*domain, directory.domain)
    }

    #[test]
    fn a_domain_and_a_service_user_are_enough() {
        let (directory, domain) = read("");
        assert_eq!((directory.domain.as_str(), domain.netbios.as_deref()), ("corp.example", Some("CORP")));
        assert!(domain.whole_names && directory.ldap.servers.is_empty() && directory.dns.is_empty());
        assert!(directory.refuse_groups.is_empty() && !directory.refuse_privileged);
        let users = &directory.ldap.users;
        assert_eq!((users.base.as_str(), users.filter.as_str()), ("DC=corp,DC=example", FILTER));
        assert_eq!((users.names.clone(), users.member_of.clone()), (vec![ACCOUNT_NAME.to_owned()], None));
        let named = &directory.ldap.attributes;
        assert_eq!((named.id.as_str(), named.mobile.as_str()), ("objectGUID", "mobile"));
        assert_eq!(named.second_mobile.as_deref(), Some("otherMobile"));
    }

    #[test]
    fn everything_else_may_be_said() {
        let (directory, domain) = read(
            "netbios = \"KORP\"\nservers = [\"ldaps://dc1.corp.example\", \"ldap://127.0.0.1:3890\"]\ndns = [\"127.0.0.1:53\"]\n\
             attributes = { mobile = \"telephoneNumber\" }\n\
             users = { base = \"OU=a,DC=corp,DC=example\", filter = \"(objectClass=user)\", member_of = \"CN=in,DC=corp,DC=example\", \
             refuse_groups = [\"CN=out,DC=corp,DC=example\"], refuse_privileged = true }\n",
        );
        assert_eq!(domain.netbios.as_deref(), Some("KORP"));
        let first = LdapServer { tls: true, host: "dc1.corp.example".into(), port: 636 };
        assert_eq!((directory.ldap.servers.len(), &directory.ldap.servers[0]), (2, &first));
        assert_eq!(directory.dns, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(directory.ldap.attributes.mobile, "telephoneNumber");
        assert_eq!(directory.ldap.attributes.second_mobile.as_deref(), Some("otherMobile"));
        assert_eq!(directory.ldap.users.member_of.as_deref(), Some("CN=in,DC=corp,DC=example"));
        assert!(directory.refuse_groups == ["CN=out,DC=corp,DC=example"] && directory.refuse_privileged);
    }

    #[test]
    fn mistakes_are_told_in_words() {
        let table = [
            ("servers = []\n", "`servers` must not be empty"),
            ("servers = [\"ldap://dc1.corp.example\"]\n", "would send passwords unencrypted"),
            ("dns = [\"ns.corp.example\"]\n", "`dns`: expected an address and port"),
            ("users = { names = [\"uid\"] }\n", "unknown key `names`"),
            ("users = { refuse_groups = [\"Domain Admins\"] }\n", "expected a distinguished name"),
            ("users = { refuse_privileged = \"yes\" }\n", "`refuse_privileged`: expected true or false"),
            ("file = \"users.toml\"\n", "unknown key `file`"),
        ];
        for (more, expected) in table {
            let found = messages(&file(more));
            assert!(found.len() == 1 && found[0].contains(expected), "{more}: {found:#?}");
        }
        let without = with("kind = \"local\"\nfile = \"users.toml\"\n", "kind = \"active-directory\"\n");
        let found = messages(&without);
        for key in ["domain", "service_user", "service_password"] {
            assert!(found.iter().any(|message| message.contains(&format!("lacks `{key}`"))), "{key}: {found:#?}");
        }
    }
}
