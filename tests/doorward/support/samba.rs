//! A real Active Directory of the test's own, by `tests/peers/samba-ad.sh`: a domain controller on an address 127.x.x.x, and an
//! administrator who makes users and groups over LDAP, which takes milliseconds.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use doorward::base::Secret;
use doorward::config::active_directory::{self, ActiveDirectory};
use doorward::config::directory::{Ldap, LdapServer, Users};
use ldap3::{LdapConnAsync, LdapConnSettings, Mod, Scope, SearchEntry};

use super::peers::{NOT_INSTALLED, PORT_TAKEN};

pub struct Samba {
    folder: tempfile::TempDir,
    said: HashMap<String, String>,
}

/// The right to do everything in the domain, over a connection of its own.
pub struct Admin {
    ldap: ldap3::Ldap,
    base: String,
    domain: String,
}

pub const SERVICE_PASSWORD: &str = "Serv1ce-Passw0rd";
/// Who is in it may sign in, by [`Samba::config`].
pub const GROUP: &str = "Doorward Users";

impl Samba {
    /// A new domain with the service user, the group and nobody in it; passwords of seven letters may be changed at once, and no
    /// wrong one locks anybody out. Nothing, said aloud, where Samba cannot be started; a failure where `CI=true`.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// With these environment variables for the script.
    pub async fn start_with(environment: &[(&str, &str)]) -> Option<Self> {
        let samba = Self::spawn(environment)?;
        let admin = samba.admin().await;
        let base = samba.base().to_owned();
        admin.set(&base, "minPwdAge", &["0"]).await;
        admin.add_user("svc-doorward", SERVICE_PASSWORD, &[]).await;
        admin.add_group(GROUP, &[]).await;
        Some(samba)
    }

    /// One domain for all tests that run at this moment and agree to it: they use names of their own and leave its rules alone.
    pub async fn shared() -> Option<Arc<Self>> {
        static SHARED: tokio::sync::Mutex<Weak<Samba>> = tokio::sync::Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(samba) = shared.upgrade() {
            return Some(samba);
        }
        let samba = Arc::new(Self::start().await?);
        *shared = Arc::downgrade(&samba);
        Some(samba)
    }

    fn spawn(environment: &[(&str, &str)]) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            // Two programs at the same moment: by chance of the process's number; two tests of one: never.
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let address = format!("127.{}.{}.{}", 64 + std::process::id() % 64, std::process::id() / 64 % 256, 1 + next % 254);
            let mut command = Command::new(script());
            command.arg("start").arg(folder.path()).arg(&address);
            command.env("CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("samba"));
            let output = command.envs(environment.iter().copied()).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {
                    let said = String::from_utf8(output.stdout).unwrap();
                    let said = said.lines().filter_map(|line| line.split_once('='));
                    return Some(Self { folder, said: said.map(|(key, value)| (key.into(), value.into())).collect() });
                }
                Some(NOT_INSTALLED) => {
                    super::skip(errors.trim());
                    return None;
                }
                Some(PORT_TAKEN) => {}
                code => panic!("samba-ad.sh ended with {code:?}: {errors}"),
            }
        }
        panic!("Samba found no free address in five attempts");
    }

    pub fn address(&self) -> &str {
        self.said("ADDRESS")
    }

    /// The controller's name, which its certificate bears too.
    pub fn host(&self) -> &str {
        self.said("HOST")
    }

    /// `ad.example.test`
    pub fn domain(&self) -> &str {
        self.said("DOMAIN")
    }

    pub fn netbios(&self) -> &str {
        self.said("NETBIOS")
    }

    /// `DC=ad,DC=example,DC=test`
    pub fn base(&self) -> &str {
        self.said("BASE")
    }

    pub fn ca(&self) -> PathBuf {
        self.said("CA").into()
    }

    pub fn service_user(&self) -> String {
        format!("svc-doorward@{}", self.domain())
    }

    /// Who may do everything, and the password.
    pub fn administrator(&self) -> (String, Secret<String>) {
        (self.said("ADMIN").to_owned(), Secret::new(self.said("ADMIN_PASSWORD").to_owned()))
    }

    /// Of the group of those who may sign in.
    pub fn group(&self) -> String {
        self.dn(GROUP)
    }

    /// Where the rules for some people are kept.
    pub fn policies(&self) -> String {
        format!("CN=Password Settings Container,CN=System,{}", self.base())
    }

    /// Where [`Admin`] puts users and groups.
    pub fn dn(&self, name: &str) -> String {
        format!("CN={},CN=Users,{}", ldap3::dn_escape(name), self.base())
    }

    /// Everybody in the group, over LDAPS.
    pub fn config(&self) -> ActiveDirectory {
        let users = Users {
            base: self.base().to_owned(),
            filter: active_directory::FILTER.to_owned(),
            names: vec![active_directory::ACCOUNT_NAME.to_owned()],
            member_of: Some(self.group()),
        };
        let ldap = Ldap {
            servers: vec![LdapServer { tls: true, host: self.address().to_owned(), port: 636 }],
            starttls: false,
            ca: Some(self.ca()),
            service_user: self.service_user(),
            service_password: Secret::new(SERVICE_PASSWORD.to_owned()),
            users,
            attributes: active_directory::attributes(),
            country_prefix: None,
        };
        ActiveDirectory {
            domain: self.domain().to_owned(),
            ldap,
            dns: Vec::new(),
            refuse_groups: Vec::new(),
            refuse_privileged: false,
        }
    }

    /// The same as `[[directory]]` of a configuration file.
    pub fn section(&self, name: &str) -> String {
        format!(
            "[[directory]]\nname = \"{name}\"\nkind = \"active-directory\"\ndomain = \"{}\"\nnetbios = \"{}\"\n\
             servers = [\"ldaps://{}\"]\nca = {:?}\nservice_user = \"{}\"\nservice_password = \"{SERVICE_PASSWORD}\"\n\
             users = {{ member_of = \"{}\" }}\n",
            self.domain(),
            self.netbios(),
            self.address(),
            self.ca(),
            self.service_user(),
            self.group(),
        )
    }

    pub async fn admin(&self) -> Admin {
        let url = format!("ldaps://{}", self.address());
        // This machine's own controller, whose certificate may be a bad one on purpose.
        let settings = LdapConnSettings::new().set_conn_timeout(Duration::from_secs(20)).set_no_tls_verify(true);
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &url).await.unwrap();
        ldap3::drive!(connection);
        ldap.simple_bind(self.said("ADMIN"), self.said("ADMIN_PASSWORD")).await.unwrap().success().unwrap();
        Admin { ldap, base: self.base().to_owned(), domain: self.domain().to_owned() }
    }

    /// Whether the domain lets this account sign in with this password, asked by none of ours.
    pub async fn accepts(&self, dn: &str, password: &str) -> bool {
        let settings = LdapConnSettings::new().set_conn_timeout(Duration::from_secs(20)).set_no_tls_verify(true);
        let url = format!("ldaps://{}", self.address());
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &url).await.unwrap();
        ldap3::drive!(connection);
        ldap.simple_bind(dn, password).await.unwrap().rc == 0
    }

    /// After this many wrong passwords within the window an account is locked, for as long as the window.
    pub async fn lock_out_after(&self, threshold: u32, window: Duration) {
        let (admin, base) = (self.admin().await, self.base());
        admin.set(base, "lockoutThreshold", &[&threshold.to_string()]).await;
        admin.set(base, "lockoutDuration", &[&negative(window)]).await;
        admin.set(base, "lockOutObservationWindow", &[&negative(window)]).await;
    }

    /// Makes a user's password this old; LDAP itself lets nobody do that.
    pub fn age_password(&self, user: &str, age: Duration) {
        let mut command = Command::new(script());
        let output = command.arg("age").arg(self.folder.path()).args([user, &age.as_secs().to_string()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Puts an entry of an access list (SDDL, with `USER` for the service user) on an object.
    pub fn permit(&self, object: &str, entry: &str) {
        let mut command = Command::new(script());
        let output = command.arg("permit").arg(self.folder.path()).args(["svc-doorward", object, entry]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Stops the controller in its tracks: it accepts, and never answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Ends the controller; nobody listens at its address then.
    pub fn kill(&self) {
        self.signal("-KILL");
    }

    /// Starts it again after [`Samba::kill`], with everything it knew.
    pub fn revive(&self) {
        let start = || Command::new(script()).arg("start").arg(self.folder.path()).arg(self.address()).output().unwrap();
        for _ in 0..10 {
            if start().status.success() {
                return;
            }
        }
        panic!("Samba does not start again");
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        // The whole group.
        assert!(Command::new("kill").args([signal, "--", &format!("-{}", pid.trim())]).status().unwrap().success());
    }

    fn said(&self, key: &str) -> &str {
        self.said.get(key).unwrap_or_else(|| panic!("samba-ad.sh did not say {key}"))
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        drop(Command::new(script()).arg("stop").arg(self.folder.path()).status());
    }
}

impl Admin {
    /// A user who may sign in to Windows at once, with these attributes besides. Gives the distinguished name.
    pub async fn add_user(&self, name: &str, password: &str, attributes: &[(&str, &str)]) -> String {
        let dn = self.dn(name);
        let principal = format!("{name}@{}", self.domain);
        let mut all: HashMap<&str, HashSet<Vec<u8>>> = HashMap::new();
        let ours = [("objectClass", "user"), ("sAMAccountName", name), ("userAccountControl", "512")];
        let own_principal = attributes.iter().any(|(key, _)| *key == "userPrincipalName");
        let principal = (!own_principal).then_some(("userPrincipalName", principal.as_str()));
        for (key, value) in ours.into_iter().chain(principal).chain(attributes.iter().copied()) {
            all.entry(key).or_default().insert(value.as_bytes().to_vec());
        }
        all.insert("unicodePwd", HashSet::from([quoted(password)]));
        let all = all.into_iter().map(|(key, values)| (key.as_bytes().to_vec(), values)).collect();
        self.ldap.clone().add(&dn, all).await.unwrap().success().unwrap_or_else(|error| panic!("{name}: {error}"));
        dn
    }

    /// A user in the group of those who may sign in.
    pub async fn add_member(&self, name: &str, password: &str, attributes: &[(&str, &str)]) -> String {
        let dn = self.add_user(name, password, attributes).await;
        self.join(&self.dn(GROUP), &dn).await;
        dn
    }

    /// Gives the distinguished name.
    pub async fn add_group(&self, name: &str, members: &[&str]) -> String {
        let dn = self.dn(name);
        let mut all = vec![("objectClass", HashSet::from(["group"])), ("sAMAccountName", HashSet::from([name]))];
        if !members.is_empty() {
            all.push(("member", members.iter().copied().collect()));
        }
        self.ldap.clone().add(&dn, all).await.unwrap().success().unwrap();
        dn
    }

    pub async fn join(&self, group: &str, member: &str) {
        self.modify(group, vec![Mod::Add("member".as_bytes().to_vec(), HashSet::from([member.as_bytes().to_vec()]))]).await;
    }

    pub async fn leave(&self, group: &str, member: &str) {
        self.modify(group, vec![Mod::Delete("member".as_bytes().to_vec(), HashSet::from([member.as_bytes().to_vec()]))]).await;
    }

    /// Replaces the values of an attribute; with none, it is gone.
    pub async fn set(&self, dn: &str, attribute: &str, values: &[&str]) {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        self.modify(dn, vec![Mod::Replace(attribute.as_bytes().to_vec(), values)]).await;
    }

    /// As the help desk does it: without the old one.
    pub async fn set_password(&self, dn: &str, password: &str) {
        self.modify(dn, vec![Mod::Replace("unicodePwd".as_bytes().to_vec(), HashSet::from([quoted(password)]))]).await;
    }

    /// Another lock-out for one user than the domain's (a PSO).
    pub async fn lock_out_of(&self, user: &str, threshold: u32, window: Duration) {
        let dn = format!("CN=lock-out after {threshold},CN=Password Settings Container,CN=System,{}", self.base);
        let (threshold, window) = (threshold.to_string(), negative(window));
        let all = [
            ("objectClass", "msDS-PasswordSettings"),
            ("msDS-PasswordSettingsPrecedence", "10"),
            ("msDS-PasswordReversibleEncryptionEnabled", "FALSE"),
            ("msDS-PasswordHistoryLength", "0"),
            ("msDS-PasswordComplexityEnabled", "FALSE"),
            ("msDS-MinimumPasswordLength", "0"),
            ("msDS-MinimumPasswordAge", "0"),
            ("msDS-MaximumPasswordAge", "-9223372036854775808"),
            ("msDS-LockoutThreshold", &threshold),
            ("msDS-LockoutObservationWindow", &window),
            ("msDS-LockoutDuration", &window),
            ("msDS-PSOAppliesTo", user),
        ];
        let all = all.into_iter().map(|(key, value)| (key, HashSet::from([value]))).collect();
        self.ldap.clone().add(&dn, all).await.unwrap().success().unwrap();
    }

    pub async fn remove(&self, dn: &str) {
        self.ldap.clone().delete(dn).await.unwrap().success().unwrap();
    }

    /// To another name, and below another parent.
    pub async fn move_to(&self, dn: &str, name: &str, parent: &str) {
        let name = format!("CN={}", ldap3::dn_escape(name));
        self.ldap.clone().modifydn(dn, &name, true, Some(parent)).await.unwrap().success().unwrap();
    }

    /// The first value of an attribute of one entry.
    pub async fn value(&self, dn: &str, attribute: &str) -> Option<String> {
        let found = self.ldap.clone().search(dn, Scope::Base, "(objectClass=*)", vec![attribute]).await.unwrap();
        let entry = SearchEntry::construct(found.success().unwrap().0.into_iter().next()?);
        entry.attrs.get(attribute)?.first().cloned()
    }

    pub async fn modify(&self, dn: &str, changes: Vec<Mod<Vec<u8>>>) {
        self.ldap.clone().modify(dn, changes).await.unwrap().success().unwrap_or_else(|error| panic!("{dn}: {error}"));
    }

    fn dn(&self, name: &str) -> String {
        format!("CN={},CN=Users,{}", ldap3::dn_escape(name), self.base)
    }
}

/// As `unicodePwd` wants a password: in quotes, in UTF-16.
fn quoted(password: &str) -> Vec<u8> {
    format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A span of time as Active Directory's rules have it: negative, in tenths of microseconds.
fn negative(span: Duration) -> String {
    format!("-{}", span.as_nanos() / 100)
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/samba-ad.sh")
}
