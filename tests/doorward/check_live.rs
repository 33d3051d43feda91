//! `check --live`: what is said of directories as they are, in words and by the exit code.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use crate::support::eventually::eventually_blocking;
use crate::support::nginx::nginx_with;
use crate::support::node::user;
use crate::support::peers::{dead_port, free_ports, slapd};
use crate::support::program::{Program, certificate, doorward};
use crate::support::samba::Samba;
use crate::support::toml::Toml;

/// The exit code, what was said, and what was complained about.
fn check(sections: &str) -> (Option<i32>, String, String) {
    let folder = written_down(sections);
    run(&folder.path().join("doorward.toml"))
}

/// A configuration with these directories and transmitters.
fn written_down(sections: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["app.example.test"]);
    Toml::site().users(user("alice", "a", "")).section(sections).server(APPLICATION.local_addr().unwrap()).write(folder.path());
    folder
}

/// Can be connected to.
static APPLICATION: LazyLock<TcpListener> = LazyLock::new(|| TcpListener::bind("127.0.0.1:0").unwrap());

/// `check --live` with these servers of the application.
fn check_servers(servers: &[String], keys: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["app.example.test"]);
    let site = servers.iter().fold(Toml::site(), |site, server| site.also(server));
    site.users(user("alice", "a", "")).upstream(keys).write(folder.path());
    run(&folder.path().join("doorward.toml"))
}

#[test]
fn servers_of_applications_are_connected_to() {
    let Some(nginx) = nginx_with(dead_port(), &[]) else { return };
    let (plain, tls) = (format!("http://127.0.0.1:{}", nginx.port()), format!("https://localhost:{}", nginx.tls_port()));
    let ca = format!("ca = {:?}", nginx.ca());
    let (code, out, errors) = check_servers(&[plain.clone(), tls.clone()], &ca);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains(&format!("{plain}: reached\n")) && out.contains(&format!("{tls}: reached, TLS 1.")), "{out}");

    // One that is down is worth a warning while another is not; none is a problem.
    let dead = format!("http://127.0.0.1:{}", dead_port());
    let (code, _, errors) = check_servers(&[plain, dead.clone()], "");
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains(&format!("application site: warning: {dead}: ")), "{errors}");
    let (code, _, errors) = check_servers(&[dead], "");
    assert!(code == Some(64) && errors.contains("refused"), "{errors}");
}

#[test]
fn public_names_are_looked_at_as_a_browser_would() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["localhost"]);
    let look = |port: u16| {
        let site =
            Toml::site().named("site", "localhost").users(user("alice", "a", "")).server(APPLICATION.local_addr().unwrap());
        site.listens(format!("127.0.0.1:{port}"), &[("door.pem", "door.key")]).write(folder.path());
        run(&folder.path().join("doorward.toml"))
    };
    let (code, _, errors) = look(dead_port());
    assert!(code == Some(0) && errors.contains("public name localhost: warning: it leads to "), "{errors}");
    assert!(errors.contains("where nothing answers at port"), "{errors}");

    let [port] = free_ports();
    look(port);
    let node = Program::serve(folder.path());
    let (code, out, errors) = look(port);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("public name localhost: leads here: shows the certificate of "), "{out}");
    drop(node);

    let Some(nginx) = nginx_with(dead_port(), &[]) else { return };
    let (code, _, errors) = look(nginx.tls_port());
    assert!(code == Some(0) && errors.contains("public name localhost: warning: what answers at 127.0.0.1 port"), "{errors}");
    assert!(errors.contains("does not show the certificate of "), "{errors}");
}

/// As Windows Server 2012 R2 is with an RSA certificate: no ECDHE with AES-GCM. What it says or does not say then leads to the same advice.
#[test]
fn a_server_without_a_suite_in_common_is_named_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-keyout", "rsa.key", "-out", "rsa.pem"])
        .current_dir(folder.path())
        .output();
    let Ok(made) = made else { return crate::support::skip("openssl is not installed") };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = dead_port();
    let mut server = std::process::Command::new("openssl")
        .args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-cert", "rsa.pem", "-key", "rsa.key", "-tls1_2", "-quiet"])
        .args(["-cipher", "AES256-GCM-SHA384:DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384"])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually_blocking("openssl listens", || std::net::TcpStream::connect(("127.0.0.1", port)).map(drop));
    let ca = format!("ca = {:?}", folder.path().join("rsa.pem"));
    let (code, _, errors) = check_servers(&[format!("https://localhost:{port}")], &ca);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(code, Some(64), "{errors}");
    assert!(
        errors.contains("no cipher suite") && errors.contains("Windows Server 2012 R2") && errors.contains("ECDSA"),
        "{errors}"
    );

    // Schannel ends the connection without a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = silent.accept() {
            let mut hello = [0; 2048];
            drop(std::io::Read::read(&mut stream, &mut hello));
        }
    });
    let (code, _, errors) = check_servers(&[format!("https://localhost:{port}")], "");
    assert!(code == Some(64) && errors.contains("Windows Server 2012 R2") && errors.contains("ECDSA"), "{errors}");
}

fn run(config: &Path) -> (Option<i32>, String, String) {
    run_with(&["check", "--live", "--config", config.to_str().unwrap()])
}

fn run_with(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = doorward(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_ldap_server_that_fits_is_described() {
    let Some(slapd) = slapd(&[]) else { return };
    let section = |servers: &str, password: &str, group: &str| {
        format!(
            "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [{servers}]\nca = {:?}\nservice_user = \"{}\"\nservice_password = \"{password}\"\n\
             users = {{ base = \"ou=people,{}\", member_of = \"{group}\" }}\n",
            slapd.ca(),
            slapd.service_user(),
            slapd.base(),
        )
    };
    let good = format!("\"ldaps://localhost:{}\"", slapd.tls_port());
    let (code, out, errors) = check(&section(&good, slapd.service_password(), slapd.group()));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("reached, the service user is signed in") && out.contains("users below"), "{out}");
    assert!(out.contains("7 of them are in"), "{out}");

    // By another name than in its certificate, and nobody there: both are said, though the third server is fine.
    let bad = format!("\"ldaps://127.0.0.1:{}\", \"ldap://127.0.0.1:{}\", {good}", slapd.tls_port(), dead_port());
    let (code, _, errors) = check(&section(&bad, slapd.service_password(), slapd.group()));
    assert_eq!(code, Some(64), "{errors}");
    assert!(errors.contains("not valid for name") && errors.contains("refused"), "{errors}");

    let (code, _, errors) = check(&section(&format!("{good}, {good}"), "wrong", slapd.group()));
    assert_eq!(code, Some(64));
    assert_eq!(errors.matches("was refused (result 49").count(), 1, "{errors}");
    assert!(errors.contains("no other server was asked") && !errors.contains("wrong"), "{errors}");

    let nowhere = format!("cn=nowhere,{}", slapd.base());
    let (code, _, errors) = check(&section(&good, slapd.service_password(), &nowhere));
    assert_eq!(code, Some(64));
    assert!(errors.contains("member_of: cn=nowhere"), "{errors}");
}

#[test]
fn groups_of_rules_are_named_and_those_that_nobody_can_judge_are_mistakes() {
    let Some(slapd) = slapd(&[("HIDDEN", "1")]) else { return };
    let base = slapd.base();
    let section = format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"ldap://127.0.0.1:{}\"]\nservice_user = \"{}\"\n\
         service_password = \"{}\"\nusers = {{ base = \"ou=people,{base}\" }}\n\
         [[directory]]\nname = \"few\"\nkind = \"local\"\nfile = \"users.toml\"\n\
         [[authentication_policy]]\nname = \"grouped\"\nrules = [\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
    );
    let checked = |groups: &[&str]| {
        let rule = |group: &&str| format!("{{ when = {{ group_not = [\"{group}\"] }}, then = \"admit\" }},\n");
        let rules: String = groups.iter().map(rule).collect();
        check(&format!("{section}{rules}{{ then = \"challenge\" }}]\n"))
    };
    let spelled = format!("CN = Gate, OU=Groups, {base}");
    let (code, out, errors) = checked(&["gate", &spelled]);
    assert_eq!(code, Some(0), "{errors}");
    let line = |out: &str, group: &str| {
        let found = out.lines().find(|line| line.contains(&format!("group \"{group}\""))).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{group}: {out}"))
    };
    for group in ["gate", spelled.as_str()] {
        let said = line(&out, group);
        assert!(said.starts_with("authentication policy grouped: line "), "{said}");
        assert!(said.ends_with(&format!("is {} in directory corp", slapd.group())), "{said}");
    }
    let unique = format!("cn=unique,ou=groups,{base}");
    let (code, _, errors) = checked(&["gaet", &unique, "cn=x,dc=elsewhere"]);
    assert_eq!(code, Some(64), "{errors}");
    for (group, why) in [
        ("gaet", "no directory has a group of this name"),
        (unique.as_str(), "directory corp: it does not exist, or the service user may not read it"),
        ("cn=x,dc=elsewhere", "no directory has a group of this name"),
    ] {
        assert!(line(&errors, group).contains(why), "{errors}");
    }
    let (code, _, errors) = checked(&[&format!("cn=posix,ou=groups,{base}")]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("it shows no members: it is empty, or the service user may not read or search them"), "{errors}");
    let (code, _, errors) = checked(&["cn=gate,"]);
    assert_eq!(code, Some(64), "{errors}");
    assert!(errors.contains("expected a group's distinguished name: a part of it has no `=`"), "{errors}");
}

#[test]
fn a_group_that_nobody_of_a_users_file_is_in_is_warned_of() {
    let directory = "[[directory]]\nname = \"few\"\nkind = \"local\"\nfile = \"users.toml\"\n\
         [[authentication_policy]]\nname = \"grouped\"\n\
         rules = [{ when = { group_not = [\"Saff\"] }, then = \"admit\" }, { then = \"challenge\" }]\n";
    let (code, _, errors) = check(directory);
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("group \"Saff\": no user in a users file belongs to it. Is it misspelt?"), "{errors}");
}

#[tokio::test]
async fn an_active_directory_shows_rights_that_are_too_many_and_numbers_that_users_write() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    admin.add_member("alice", "Wonder-land1", &[("mobile", "+45 20 00 00 01")]).await;
    let section = samba.section("corp");
    let checked = {
        let section = section.clone();
        tokio::task::spawn_blocking(move || check(&section)).await.unwrap()
    };
    let (code, out, errors) = checked;
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("its clock and ours are 0 s apart") && out.contains("1 of them are in"), "{out}");
    assert!(errors.contains("users may write their own mobile"), "{errors}");
    assert!(errors.contains("users may write their own otherMobile"), "{errors}");
    assert!(!errors.contains("may not read") && !errors.contains("Domain Admins"), "{errors}");

    admin.join(&samba.dn("Domain Admins"), &samba.dn("svc-doorward")).await;
    let (code, _, errors) = tokio::task::spawn_blocking(move || check(&section)).await.unwrap();
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("the service user is in Domain Admins"), "{errors}");
}

#[tokio::test]
async fn a_right_that_is_missing_for_fine_grained_policies_is_named_and_what_it_costs() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let alice = admin.add_member("alice", "Wonder-land1", &[]).await;
    let section = samba.section("corp");
    let checked = async || {
        let section = section.clone();
        let (code, out, errors) = tokio::task::spawn_blocking(move || check(&section)).await.unwrap();
        assert_eq!(code, Some(0), "{errors}");
        (out, errors)
    };
    let (out, errors) = checked().await;
    assert!(!out.contains("fine-grained") && !errors.contains("fine-grained"), "{out}{errors}");

    admin.lock_out_of(&alice, 3, Duration::from_secs(600)).await;
    let (_, errors) = checked().await;
    assert!(errors.contains("may not read msDS-LockoutThreshold of 1 fine-grained password policies"), "{errors}");
    assert!(
        errors.contains("locked out after 3 wrong passwords in an hour") && errors.contains("CN=lock-out after 3"),
        "{errors}"
    );

    // As `dsacls … /I:T /G "CORP\svc-doorward:GR"` does it.
    samba.permit(&samba.policies(), "(A;CI;RPLCLORC;;;USER)");
    let (out, errors) = checked().await;
    assert!(
        out.contains("1 fine-grained password policies, all of them readable") && !errors.contains("fine-grained"),
        "{errors}"
    );

    samba.permit(&alice, "(OD;;RP;b77ea093-88d0-4780-9a98-911f8e8b1dca;;USER)");
    let (_, errors) = checked().await;
    assert!(errors.contains(&format!("may not read msDS-ResultantPSO of {alice}")), "{errors}");
}

#[test]
fn why_tls_failed_is_said_with_what_to_do() {
    let own = [("OWN_CERTIFICATE", "1")];
    let (Some(slapd), Some(nginx)) = (slapd(&own), nginx_with(9, &own)) else { return };
    let ldap = |server: &str, more: &str| {
        format!(
            "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"{server}\"]\n{more}\nservice_user = \"{}\"\n\
             service_password = \"{}\"\nusers = {{ base = \"ou=people,{}\" }}\n",
            slapd.service_user(),
            slapd.service_password(),
            slapd.base(),
        )
    };
    let http = |url: &str, more: &str| {
        format!(
            "[[transmitter]]\nname = \"gateway\"\nkind = \"http\"\n\
             url = \"{url}?to={{{{to_e164}}}}&text={{{{text}}}}\"\nmethod = \"GET\"\n{more}\n"
        )
    };
    let (port, tls_port) = (slapd.port(), slapd.tls_port());
    let ca = |file: PathBuf| format!("ca = {file:?}");
    let from_the_first = "if this port speaks TLS from the first byte on, write ldaps://";
    let table = [
        (ldap(&format!("ldaps://localhost:{tls_port}"), &ca(slapd.ca())), None),
        (ldap(&format!("ldap://localhost:{port}"), &(ca(slapd.ca()) + "\nstarttls = true")), None),
        (ldap(&format!("ldaps://localhost:{tls_port}"), ""), Some("copy it into a file and name that with `ca`")),
        (ldap(&format!("ldap://localhost:{port}"), "starttls = true"), Some("copy it into a file and name that with `ca`")),
        (
            ldap(&format!("ldaps://127.0.0.1:{tls_port}"), &ca(slapd.ca())),
            Some("not valid for name 127.0.0.1, but for localhost"),
        ),
        (ldap(&format!("ldaps://localhost:{tls_port}"), &ca(nginx.ca())), Some("is it a new one?")),
        (ldap(&format!("ldaps://localhost:{port}"), &ca(slapd.ca())), Some("does it speak TLS on this port")),
        (ldap(&format!("ldap://localhost:{tls_port}"), ""), Some(from_the_first)),
        (ldap(&format!("ldap://localhost:{tls_port}"), "starttls = true"), Some(from_the_first)),
        (http(&format!("https://localhost:{}/ok", nginx.tls_port()), &ca(nginx.ca())), None),
        (http(&format!("https://localhost:{}/ok", nginx.tls_port()), ""), Some("copy it into a file and name that with `ca`")),
        (http(&format!("https://127.0.0.1:{}/ok", nginx.tls_port()), &ca(nginx.ca())), Some("not valid for name 127.0.0.1")),
        (http(&format!("https://localhost:{}/ok", nginx.port()), &ca(nginx.ca())), Some("does not speak TLS on this port")),
    ];
    for (section, words) in table {
        let (code, out, errors) = check(&section);
        match words {
            None => {
                let errors: Vec<_> = errors.lines().filter(|line| !line.ends_with("`gateway` is never used")).collect();
                assert_eq!((code, errors), (Some(0), Vec::new()), "{section}{out}");
            }
            Some(words) => assert!(code == Some(64) && errors.contains(words), "{section}{errors}"),
        }
    }
}

#[test]
fn what_a_file_of_authorities_holds_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut old = rcgen::CertificateParams::new(vec!["old.test".to_owned()]).unwrap();
    old.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let old = old.self_signed(&key).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("old.pem", old.pem().as_bytes());
    write("with-key.pem", (old.pem() + &key.serialize_pem()).as_bytes());
    write("old.der", old.der());
    write("old.key", key.serialize_pem().as_bytes());
    for (file, code, words) in [
        ("old.pem", Some(0), "transmitter gateway, ca: "),
        ("old.pem", Some(0), "which has expired at 2020-01-01"),
        ("with-key.pem", Some(0), "holds a private key besides"),
        ("old.der", Some(64), "in DER, not in PEM"),
        ("old.key", Some(64), "holds a private key and no certificate"),
    ] {
        let section = format!(
            "[[transmitter]]\nname = \"gateway\"\nkind = \"http\"\n\
             url = \"https://localhost/?to={{{{to_e164}}}}&text={{{{text}}}}\"\nmethod = \"GET\"\nca = {:?}\n",
            folder.path().join(file),
        );
        let checked = written_down(&section);
        let (ended, _, errors) = run_with(&["check", "--config", checked.path().join("doorward.toml").to_str().unwrap()]);
        assert!(ended == code && errors.contains(words), "{file}: {errors}");
    }
}
