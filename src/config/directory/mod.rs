//! `[[directory]]`: where users and passwords live.

pub mod active_directory;
mod name_form;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::active_directory::ActiveDirectory;
pub use self::name_form::NameForm;
use crate::base::phone::Home;
use crate::base::{Dn, Secret};
use crate::config::document::{Field, Kind as NameKind, Section, scalar};

/// `[[directory]]`: one place where users and passwords live.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Letters, digits and hyphens; part of every user id of this directory.
    pub name: Arc<str>,
    /// A bare user name means this directory first. At most one; a single directory is the default by itself.
    pub default: bool,
    /// The domain that users may write with their name.
    pub domain: Domain,
    /// `+45`: the country of phone numbers that are written without a country code. Absent: such numbers are not sent to.
    pub country_prefix: Option<String>,
    /// Who may sign in no more is signed out within this time. Default: 60 s.
    pub recheck: Duration,
    /// How long before a password runs out its owner is told, once a day. Default: 14 days; `0s` is never.
    pub password_warning: Duration,
    pub kind: Kind,
}

/// `domain` and `netbios`: `user@domain`, `NETBIOS\user`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Domain {
    pub dns: Option<String>,
    /// In Active Directory, where it is not given, the first part of `dns`.
    pub netbios: Option<String>,
    /// `user@anything` may be a name here as it stands (userPrincipalName), whatever the domain.
    pub whole_names: bool,
}

/// `kind` of a directory, with the keys that belong to it.
#[derive(Clone, Debug)]
pub enum Kind {
    ActiveDirectory(Box<ActiveDirectory>),
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
    /// As [`Directory::country_prefix`]: of several values the one that is a number is taken.
    pub country_prefix: Option<String>,
}

/// One entry of `servers`: `ldaps://host:port`, or `ldap://` with STARTTLS or on loopback.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LdapServer {
    /// `ldaps`.
    pub tls: bool,
    pub host: String,
    pub port: u16,
}

/// `users` of a directory: which entries are people, and who of them may sign in.
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
    /// Holds a topic of a push service. Default: none.
    pub push: Option<String>,
    /// Holds `flash` or `normal`: how text messages should come. Default: none.
    pub sms_type: Option<String>,
}

impl Attributes {
    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let always = [&self.id, &self.mobile, &self.mail, &self.language, &self.display_name].into_iter();
        always.chain(&self.second_mobile).chain(&self.push).chain(&self.sms_type).map(String::as_str)
    }
}

/// `kind = "local"`: users in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    pub file: PathBuf,
}

/// All directories. At most one is the default; a single one is it by itself.
pub(in crate::config) fn read_all(sections: Vec<Section<'_>>) -> Vec<Directory> {
    let mut default_seen = false;
    let mut directories = Vec::new();
    for section in sections {
        let marked = section.optional("default").filter(|field| field.value.get_ref().as_bool() == Some(true));
        if let Some(field) = marked.filter(|_| default_seen) {
            field.problem("there is a default directory already: plain user names can belong to only one");
        }
        default_seen |= marked.is_some();
        directories.extend(Directory::read(section));
    }
    if let [only] = directories.as_mut_slice() {
        only.default = true;
    }
    directories
}

impl Directory {
    fn read(section: Section<'_>) -> Option<Self> {
        let name = section.name(NameKind::Directory);
        if let (Some(name), Some(field)) = (&name, section.optional("name"))
            && !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            field.problem("expected letters, digits and hyphens only: the name becomes part of every user's id");
        }
        let default = section.or("default", false, Field::boolean);
        let text = |key| section.optional(key).and_then(|field: Field<'_>| field.text()).map(str::to_owned);
        let mut domain = Domain { dns: text("domain"), netbios: text("netbios"), whole_names: false };
        let recheck = section.or("recheck", RECHECK, |field| field.duration(Duration::from_secs(3)..=Duration::from_secs(3600)));
        let country_prefix = section.optional("default_country_prefix").and_then(country_prefix);
        let password_warning = section.or("password_warning", PASSWORD_WARNING, |field| field.duration(Duration::ZERO..=A_YEAR));
        let kinds = [("active-directory", Read::ActiveDirectory), ("ldap", Read::Ldap), ("local", Read::Local)];
        section.decides("kind");
        let kind = match section.required("kind").and_then(|field| field.choice(&kinds, &[])) {
            Some(Read::ActiveDirectory) => {
                let active_directory = ActiveDirectory::read(&section, country_prefix.clone());
                domain.complete();
                active_directory.map(|active_directory| Kind::ActiveDirectory(Box::new(active_directory)))
            }
            Some(Read::Ldap) => Ldap::read(&section, country_prefix.clone()).map(|ldap| Kind::Ldap(Box::new(ldap))),
            Some(Read::Local) => section.required("file").and_then(Field::path).map(|file| Kind::Local(Local { file })),
            // Which of the other keys belong here is not known either.
            None => {
                section.finish_undecided();
                return None;
            }
        };
        section.finish();
        Some(Self { name: name?, default, domain, country_prefix, recheck, password_warning, kind: kind? })
    }
}

const PASSWORD_WARNING: Duration = Duration::from_secs(14 * 86_400);
const A_YEAR: Duration = Duration::from_secs(365 * 86_400);
const RECHECK: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Read {
    ActiveDirectory,
    Ldap,
    Local,
}

impl Domain {
    /// What is so in every Active Directory: the short name is most often the first part of the domain's, and a name with `@` is one
    /// as a whole.
    fn complete(&mut self) {
        self.whole_names = true;
        let first = self.dns.as_deref().and_then(|dns| dns.split('.').next()).map(str::to_ascii_uppercase);
        self.netbios = self.netbios.take().or(first);
    }
}

/// A country's calling code, or what all numbers of a smaller country within one begin with; see [`Home::parse`].
fn country_prefix(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    if let Err(why) = Home::parse(text) {
        field.problem(format!("`{}` is {text:?}: {why}", field.key));
        return None;
    }
    Some(text.to_owned())
}

impl Ldap {
    fn read(section: &Section<'_>, country_prefix: Option<String>) -> Option<Self> {
        let starttls = section.or("starttls", false, Field::boolean);
        let servers = section.required("servers").and_then(|list| list.some(|field| LdapServer::read(field, starttls)));
        let ca = section.optional("ca").and_then(Field::path);
        let service_user = section.required("service_user").and_then(Field::text).map(str::to_owned);
        let service_password = section.required("service_password").and_then(Field::secret);
        let users = section.required("users").and_then(|field| field.section().and_then(Users::read));
        let attributes = section.or("attributes", Attributes::default(), |field| {
            field.section().map(|section| Attributes::read(section, Attributes::default()))
        });
        Some(Self {
            servers: servers?,
            starttls,
            ca,
            service_user: service_user?,
            service_password: service_password?,
            users: users?,
            attributes,
            country_prefix,
        })
    }
}

impl LdapServer {
    pub(in crate::config) fn read(field: Field<'_>, starttls: bool) -> Option<Self> {
        let (scheme, host, port) = field.server(&["ldaps", "ldap"])?;
        let tls = scheme == "ldaps";
        if !tls && !starttls && !scalar::is_loopback(host) {
            field.problem("ldap:// without `starttls = true` would send passwords unencrypted; it is allowed on loopback only");
        }
        Some(Self { tls, host: host.to_ascii_lowercase(), port: port.unwrap_or(if tls { 636 } else { 389 }) })
    }
}

impl Users {
    fn read(section: Section<'_>) -> Option<Self> {
        let base = section.required("base").and_then(distinguished);
        let filter = section.or("filter", "(objectClass=person)".to_owned(), filter);
        let names = section.or("names", vec!["uid".to_owned()], |list| list.some(attribute));
        let member_of = section.optional("member_of").and_then(distinguished);
        section.finish();
        Some(Self { base: base?, filter, names, member_of })
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            id: "entryUUID".into(),
            mobile: "mobile".into(),
            second_mobile: None,
            mail: "mail".into(),
            language: "preferredLanguage".into(),
            display_name: "displayName".into(),
            push: None,
            sms_type: None,
        }
    }
}

impl Attributes {
    pub(in crate::config) fn read(section: Section<'_>, default: Self) -> Self {
        let attributes = Self {
            id: section.or("id", default.id, attribute),
            mobile: section.or("mobile", default.mobile, attribute),
            second_mobile: section.optional("second_mobile").and_then(attribute).or(default.second_mobile),
            mail: section.or("mail", default.mail, attribute),
            language: section.or("language", default.language, attribute),
            display_name: section.or("display_name", default.display_name, attribute),
            push: section.optional("push").and_then(attribute).or(default.push),
            sms_type: section.optional("sms_type").and_then(attribute).or(default.sms_type),
        };
        section.finish();
        attributes
    }
}

/// An attribute's name or number (RFC 4512 section 2.5).
pub(in crate::config) fn attribute(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b';' | b'.'));
    if !fits {
        field.problem(format!("`{}`: expected an attribute name", field.key));
    }
    fits.then(|| text.to_owned())
}

/// A distinguished name, as every server reads it: not all know attributes by their numbers, or blanks and quotation marks.
pub(in crate::config) fn distinguished(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    match Dn::parse(text) {
        Ok(dn) => {
            let plain = dn.to_string();
            Some(if plain.eq_ignore_ascii_case(text) { text.to_owned() } else { plain })
        }
        Err(error) => {
            let like = "\"ou=people,dc=corp,dc=example\"";
            field.problem(format!("`{}`: expected a distinguished name like {like}: {error}", field.key));
            None
        }
    }
}

/// In parentheses that match: it is put into a larger filter, where it must stay one part (RFC 4515). A parenthesis in a value
/// is written `\28` or `\29` there, so counting is enough.
pub(in crate::config) fn filter(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let mut depth = 0_i32;
    let mut whole = text.starts_with('(') && text.ends_with(')');
    for (at, byte) in text.bytes().enumerate() {
        depth += match byte {
            b'(' => 1,
            b')' => -1,
            _ => 0,
        };
        whole &= depth > 0 || at + 1 == text.len();
    }
    if !whole || depth != 0 {
        field.problem("`filter`: expected one LDAP filter in matching parentheses, like \"(objectClass=person)\"");
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    /// What is in a directory with this line more.
    fn read<T: Default>(line: &str, what: impl Fn(&Directory) -> T) -> Result<T, Vec<String>> {
        let text = include_str!("../testdata/minimal.toml").replace("[[directory]]", &format!("[[directory]]\n{line}"));
        let config = parse(&text, Path::new("/etc/doorward"), &|_| None);
        let found = config.map(|config| config.directories.first().map(what));
        found.map(Option::unwrap_or_default).map_err(|list| list.into_iter().map(|problem| problem.message).collect())
    }

    fn warning(line: &str) -> Result<Duration, Vec<String>> {
        read(line, |directory| directory.password_warning)
    }

    #[test]
    fn a_default_country_prefix_is_a_calling_code_that_exists() {
        let prefix = |written: &str| {
            read(&format!("default_country_prefix = \"{written}\""), |directory| directory.country_prefix.clone())
        };
        for good in ["+1", "+45", "+225", "+1242", "+1809", "+441624"] {
            assert_eq!(prefix(good).unwrap().as_deref(), Some(good));
        }
        let table = [
            ("45", "expected a country code like \"+45\""),
            ("+", "expected a country code"),
            ("+4x", "expected a country code"),
            ("+045", "no country's calling code"),
            ("+999", "no country's calling code"),
            ("+881", "no country's calling code"),
            ("+4530", "more than a country's calling code, which is \"+45\""),
            ("+1212", "more than a country's calling code, which is \"+1\""),
        ];
        for (bad, words) in table {
            let found = prefix(bad).unwrap_err();
            let named = format!("`default_country_prefix` is {bad:?}: ");
            assert!(matches!(&found[..], [only] if only.starts_with(&named) && only.contains(words)), "{bad}: {found:?}");
        }
    }

    #[test]
    fn people_are_told_two_weeks_before_their_password_runs_out_or_as_it_is_written() {
        let days = |days: u64| Ok(Duration::from_secs(days * 86_400));
        let table = [("", days(14)), ("password_warning = \"3d\"", days(3)), ("password_warning = \"0s\"", days(0))];
        for (line, expected) in table {
            assert_eq!(warning(line), expected, "{line}");
        }
        for line in ["password_warning = 14", "password_warning = \"400d\"", "password_warning = \"soon\""] {
            let found = warning(line).unwrap_err();
            assert!(matches!(&found[..], [only] if only.contains("`password_warning`: expected")), "{line}: {found:?}");
        }
    }
}
