//! Servers' certificates as people make them with openssl: whom we trust by `ca`, and in which words we do not.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use doorward::base::{Clock, Time, tls};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::story;
use crate::support::client::Client;
use crate::support::nginx::nginx_with;
use crate::support::peers::slapd;
use crate::support::postfix::Postfix;
use crate::support::program;
use crate::support::toml::Toml;

/// A folder with keys and certificates in it.
pub struct Workshop(tempfile::TempDir);

impl Workshop {
    /// Nothing, said aloud, where openssl is not installed.
    pub fn open() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            crate::support::skip("openssl is not installed");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn run(&self, arguments: &str) {
        let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// `openssl req -x509` as the first page that a search finds has it; `more` are further words.
    pub fn own(&self, name: &str, more: &str) -> PathBuf {
        self.run(&format!("req -x509 {EC} -nodes -subj /CN={name} -keyout {name}.key -out {name}.pem -days 60 {more}"));
        self.path(&format!("{name}.pem"))
    }

    /// A certificate that this authority issues, with these extensions.
    pub fn issued(&self, name: &str, authority: &str, extensions: &str, more: &str) -> PathBuf {
        std::fs::write(self.path("ext"), extensions.replace(' ', "\n")).unwrap();
        self.run(&format!("req {EC} -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        self.run(
            &format!("x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -extfile ext -out {name}.pem {more}"),
        );
        self.path(&format!("{name}.pem"))
    }

    fn together(&self, name: &str, files: &[&str]) -> PathBuf {
        let all: Vec<u8> = files.iter().flat_map(|file| std::fs::read(self.path(file)).unwrap()).collect();
        std::fs::write(self.path(name), all).unwrap();
        self.path(name)
    }

    /// Shows this certificate, and those in the file `along` behind it.
    fn serve(&self, name: &str, along: Option<&str>) -> Server {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cipher", "ALL@SECLEVEL=0"]);
        command.args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")]);
        command.args(along.map(|along| ["-cert_chain", along]).into_iter().flatten());
        let command = command.current_dir(self.0.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok());
        Server { child, address: address.expect("s_server says where it listens") }
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

async fn reach(ca: Option<&Path>, name: &str, address: SocketAddr) -> Result<(), String> {
    let connector = TlsConnector::from(tls::client_config(ca).map_err(|error| error.to_string())?);
    let stream = TcpStream::connect(address).await.unwrap();
    let shaken = connector.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await;
    shaken.map(drop).map_err(|error| tls::explained(error).to_string())
}

const SAN: &str = "-addext subjectAltName=DNS:localhost,IP:127.0.0.1";
const FOR_LOCALHOST: &str = "subjectAltName=DNS:localhost";

/// Everything that the tables name.
fn stocked() -> Option<Workshop> {
    let shop = Workshop::open()?;
    for (name, more) in
        [("own", SAN), ("nosan", ""), ("other", "-addext subjectAltName=DNS:other.test,DNS:more.test"), ("ca", "")]
    {
        shop.own(name, more);
    }
    shop.own("leafy", &format!("{SAN} -addext basicConstraints=critical,CA:FALSE"));
    shop.issued("leaf", "ca", &format!("{FOR_LOCALHOST} basicConstraints=CA:FALSE"), "-days 60");
    shop.issued("old", "ca", FOR_LOCALHOST, "-days -1");
    shop.issued("sha1", "ca", FOR_LOCALHOST, "-sha1 -days 3");
    shop.issued("mid", "ca", &format!("{FOR_LOCALHOST} basicConstraints=CA:TRUE"), "-days 60");
    shop.issued("below", "mid", FOR_LOCALHOST, "-days 60");
    shop.issued("client", "ca", &format!("{FOR_LOCALHOST} extendedKeyUsage=clientAuth"), "-days 60");
    shop.issued("byleaf", "leaf", FOR_LOCALHOST, "-days 60");
    shop.issued("byleafy", "leafy", FOR_LOCALHOST, "-days 60");
    shop.run(&format!("req {EC} -nodes -subj /CN=first -keyout first.key -out first.csr"));
    shop.run("x509 -req -in first.csr -signkey first.key -out first.pem -days 60");
    // Version 3 without a word of whether it is an authority, as many tools make a server's: issued, and by itself.
    shop.issued("silent", "ca", FOR_LOCALHOST, "-days 60");
    shop.issued("bysilent", "silent", FOR_LOCALHOST, "-days 60");
    std::fs::write(shop.path("ext"), FOR_LOCALHOST).unwrap();
    shop.run(&format!("req {EC} -nodes -subj /CN=alone -keyout alone.key -out alone.csr"));
    shop.run("x509 -req -in alone.csr -signkey alone.key -out alone.pem -extfile ext -days 60");
    shop.issued("byalone", "alone", FOR_LOCALHOST, "-days 60");
    shop.own("signer", &format!("{SAN} -addext keyUsage=digitalSignature"));
    shop.issued("bysigner", "signer", FOR_LOCALHOST, "-days 60");
    // Version 1: by an authority, and an authority of the old kind.
    shop.run(&format!("req {EC} -nodes -subj /CN=elder -keyout elder.key -out elder.csr"));
    shop.run("x509 -req -in elder.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out elder.pem -days 60");
    shop.issued("byelder", "elder", FOR_LOCALHOST, "-days 60");
    shop.issued("byfirst", "first", FOR_LOCALHOST, "-days 60");
    shop.run(&format!("req -x509 -newkey rsa:1024 -nodes -subj /CN=weak -keyout weak.key -out weak.pem -days 60 {SAN}"));
    std::fs::write(shop.path("ext"), format!("{FOR_LOCALHOST}\nbasicConstraints=CA:TRUE")).unwrap();
    shop.run("x509 -req -in first.csr -signkey first.key -out past.pem -extfile ext -days -1");
    std::fs::copy(shop.path("first.key"), shop.path("past.key")).unwrap();
    // The same name, key and all but the serial number: as it is when somebody makes it again.
    shop.run(&format!("req -x509 -key own.key -subj /CN=own -out again.pem -days 60 {SAN}"));
    std::fs::copy(shop.path("own.key"), shop.path("again.key")).unwrap();
    shop.together("bundle.pem", &["ca.pem", "own.pem", "other.pem"]);
    shop.together("with-key.pem", &["own.key", "own.pem"]);
    let marked = [b"\xef\xbb\xbf".to_vec(), std::fs::read(shop.path("own.pem")).unwrap().replace_line_ends()].concat();
    std::fs::write(shop.path("marked.pem"), marked).unwrap();
    Some(shop)
}

trait ReplaceLineEnds {
    fn replace_line_ends(self) -> Self;
}

impl ReplaceLineEnds for Vec<u8> {
    fn replace_line_ends(self) -> Self {
        String::from_utf8(self).unwrap().replace('\n', "\r\n").into_bytes()
    }
}

#[tokio::test]
async fn a_certificate_that_ca_names_is_trusted_as_itself_and_for_nothing_else() {
    let Some(shop) = stocked() else { return };
    // What the server shows, what it sends along, what `ca` names, and what is said.
    type Row = (&'static str, Option<&'static str>, Option<&'static str>, &'static [&'static str]);
    let table: [Row; 39] = [
        ("own", None, Some("own"), &[]),
        ("own", None, Some("bundle"), &[]),
        ("own", None, Some("with-key"), &[]),
        ("own", None, Some("marked"), &[]),
        ("own", Some("ca.pem"), Some("own"), &[]),
        ("leafy", None, Some("leafy"), &[]),
        ("leaf", None, Some("leaf"), &[]),
        ("leaf", None, Some("ca"), &[]),
        ("mid", None, Some("mid"), &[]),
        ("below", Some("mid.pem"), Some("ca"), &[]),
        ("below", None, Some("mid"), &[]),
        // Nobody looks at how it was signed.
        ("sha1", None, Some("sha1"), &[]),
        ("own", None, None, &["CN=own", "CA:TRUE", "copy it into a file", "`ca`"]),
        ("own", None, Some("ca"), &["CN=own", "CA:TRUE", "is not in", "ca.pem"]),
        ("again", None, Some("own"), &["is it a new one?"]),
        // One that comes along is no server's, however well it is known.
        ("leaf", Some("own.pem"), Some("own"), &["CN=leaf, issued by CN=ca", "holds CN=own and not CN=ca"]),
        (
            "leaf",
            None,
            Some("own"),
            &["CN=leaf, issued by CN=ca", "holds CN=own and not CN=ca", "put the certificate of CN=ca there"],
        ),
        ("leaf", None, None, &["CN=leaf, issued by CN=ca", "do not know CN=ca", "name the certificate of CN=ca with `ca`"]),
        ("below", None, Some("ca"), &["CN=below, issued by CN=mid", "not CN=mid", "let the server send it along"]),
        ("below", Some("mid.pem"), Some("own"), &["not CN=ca"]),
        ("nosan", None, Some("nosan"), &["no subjectAltName", "-addext \"subjectAltName=DNS:localhost\""]),
        ("other", None, Some("other"), &["not valid for name localhost, but for other.test, more.test"]),
        ("past", None, Some("past"), &["has expired at 20", "renew it"]),
        ("old", None, Some("ca"), &["has expired at 20"]),
        ("client", None, Some("client"), &["not for servers", "serverAuth"]),
        ("sha1", None, Some("ca"), &["SHA-1", "SHA-256"]),
        ("weak", None, Some("weak"), &["RSA key of 1024 bits", "2048"]),
        ("first", None, Some("first"), &["version 1", "subjectAltName=DNS:localhost"]),
        ("byleaf", Some("leaf.pem"), Some("ca"), &["issued by CN=leaf", "no", "authority"]),
        // A server's certificate makes no others, also where it is named and issued by itself.
        ("byleafy", Some("leafy.pem"), Some("leafy"), &["issued by CN=leafy"]),
        ("byleafy", None, Some("leafy"), &["issued by CN=leafy", "CA:FALSE"]),
        ("silent", None, Some("silent"), &[]),
        ("alone", None, Some("alone"), &[]),
        ("signer", None, Some("signer"), &[]),
        ("bysilent", None, Some("silent"), &["issued by CN=silent", "no word of CA"]),
        ("byalone", None, Some("alone"), &["issued by CN=alone"]),
        ("bysigner", None, Some("signer"), &["issued by CN=signer"]),
        ("byelder", None, Some("elder"), &["issued by CN=elder"]),
        ("byfirst", None, Some("first"), &[]),
    ];
    for (served, along, ca, words) in table {
        let server = shop.serve(served, along);
        let ca = ca.map(|ca| shop.path(&format!("{ca}.pem")));
        let said = reach(ca.as_deref(), "localhost", server.address).await;
        match said {
            Ok(()) => assert!(words.is_empty(), "{served} {along:?} {ca:?} was trusted"),
            Err(said) => {
                assert!(!words.is_empty(), "{served} {along:?} {ca:?}: {said}");
                words.iter().for_each(|word| assert!(said.contains(word), "{served} {along:?} {ca:?}: {said}"));
                assert!(!said.contains("Other("), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_is_checked_by_what_it_is() {
    let Some(shop) = stocked() else { return };
    let ca = shop.path("own.pem");
    for (name, words) in [
        ("localhost", None),
        ("127.0.0.1", None),
        ("127.0.0.2", Some("subjectAltName=IP:127.0.0.2")),
        ("other.test", Some("other.test")),
    ] {
        let server = shop.serve("own", None);
        let said = reach(Some(&ca), name, server.address).await;
        assert_eq!(said.is_ok(), words.is_none(), "{name}: {said:?}");
        assert!(said.err().is_none_or(|said| said.contains(words.unwrap())), "{name}");
    }
}

#[tokio::test]
async fn a_server_without_the_key_of_a_named_certificate_is_not_believed() {
    let Some(shop) = stocked() else { return };
    // A server of ours that shows what it has copied.
    let chain = tls::certificates(&shop.path("own.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(shop.path("ca.key")).unwrap();
    let thief = tls::provider().key_provider.load_private_key(key).unwrap();
    let mut config = ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, thief))));
    config.alpn_protocols.clear();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await);
    });
    let said = reach(Some(&shop.path("own.pem")), "localhost", address).await.unwrap_err();
    assert!(said.contains("signature"), "{said}");
    serving.await.unwrap();
}

#[tokio::test]
async fn what_is_no_tls_is_said_to_be_none() {
    for (answer, words) in [
        ("220 relay.test ESMTP\r\n", "does not speak TLS on this port"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS on this port"),
        ("", "closed the connection during the TLS handshake"),
        ("\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{46}", "older than 1.2"),
        ("\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}", "no cipher suite"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await.unwrap();
            let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
            stream.read_exact(&mut rest).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let said = reach(None, "localhost", address).await.unwrap_err();
        assert!(said.contains(words), "{answer:?}: {said}");
        serving.await.unwrap();
    }
}

#[test]
fn a_file_that_ca_names_says_what_it_holds_instead() {
    let Some(shop) = stocked() else { return };
    shop.run("x509 -in own.pem -outform der -out own.der");
    shop.run("pkcs12 -export -in own.pem -inkey own.key -passout pass:x -out own.p12");
    shop.run("crl2pkcs7 -nocrl -certfile own.pem -out own.p7");
    shop.run("x509 -in own.pem -trustout -out own.trusted");
    shop.run("pkey -in own.key -pubout -out own.pub");
    let utf16: Vec<u8> =
        std::fs::read_to_string(shop.path("own.pem")).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(shop.path("own.utf16"), [vec![0xff, 0xfe], utf16].concat()).unwrap();
    std::fs::write(shop.path("empty"), "").unwrap();
    for (file, words) in [
        ("own.der", "in DER, not in PEM: convert it"),
        ("own.p12", "is not in PEM"),
        ("own.p7", "PKCS #7"),
        ("own.trusted", "TRUSTED CERTIFICATE"),
        ("own.key", "a private key and no certificate"),
        ("own.pub", "a public key"),
        ("first.csr", "a request for a certificate"),
        ("own.utf16", "UTF-16"),
        ("empty", "holds no certificate in PEM"),
        ("nowhere", "cannot read"),
    ] {
        let said = tls::client_config(Some(&shop.path(file))).unwrap_err().to_string();
        assert!(said.contains(words) && said.contains(file), "{file}: {said}");
    }
    let now = Clock::system().now();
    let warnings = |file: &str, now: Time| tls::warnings(&shop.path(file), now).unwrap().join("; ");
    assert_eq!(warnings("bundle.pem", now), "");
    assert!(warnings("with-key.pem", now).contains("a private key besides"));
    assert!(warnings("past.pem", now).contains("CN=first, which has expired at 20"), "{}", warnings("past.pem", now));
    let soon = now.plus(Duration::from_secs(50 * 24 * 3600));
    assert_eq!(warnings("bundle.pem", soon).matches("which expires in 9 days, at 20").count(), 3);
}

const OWN: &[(&str, &str)] = &[("OWN_CERTIFICATE", "1")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_passes_by_a_directory_and_an_application_that_vouch_for_themselves() {
    let (Some(slapd), Some(nginx)) = (slapd(OWN), nginx_with(9, OWN)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let ca = program::certificate(folder.path(), "door", &["app.example.test"]);
    let corp = format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"ldaps://localhost:{}\"]\nca = {:?}\nservice_user = \"{}\"\n\
         service_password = \"{}\"\nusers = {{ base = \"ou=people,{}\", member_of = \"{}\" }}\n",
        slapd.tls_port(),
        slapd.ca(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group(),
    );
    program::users(folder.path());
    let application = format!("https://localhost:{}", nginx.tls_port());
    let toml = Toml::site().server(application).upstream(format!("ca = {:?}", nginx.ca())).directory(corp);
    let config = toml.parse(folder.path());
    let door = tokio::task::spawn_blocking(move || doorward::app::start(&config, &Clock::by_hand()).unwrap()).await.unwrap();
    let browser = Client::new(door.addresses[0], "app.example.test", &ca);
    let page = browser.to_passcode("bob", "can-we-fix-it").await;
    let outbox = folder.path().join("outbox.jsonl");
    let sent = tokio::task::spawn_blocking(move || program::newest(&outbox, 0)).await.unwrap();
    assert_eq!(browser.passcode(&page, sent["text"].as_str().unwrap()).await.status, 303);
    let answer = browser.get("/ok").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    tokio::task::spawn_blocking(move || door.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_sign_in_passes_by_neighbours_that_vouch_for_themselves() {
    let (slapd, postfix, nginx) = std::thread::scope(|scope| {
        let (slapd, postfix) = (scope.spawn(|| slapd(OWN)), scope.spawn(|| Postfix::with(OWN)));
        (slapd.join().unwrap(), postfix.join().unwrap(), nginx_with(9, OWN))
    });
    let (Some(slapd), Some(postfix), Some(nginx)) = (slapd, postfix, nginx) else { return };
    let folder = tempfile::tempdir().unwrap();
    let ca = program::certificate(folder.path(), "door", &["*.example.test"]);
    let text = story::configuration(&slapd, &postfix, &nginx);
    for tls in ["starttls", "tls"] {
        let relay =
            format!("server = \"localhost:{}\"\ntls = \"{tls}\"", if tls == "tls" { postfix.tls_port() } else { postfix.port });
        let text = text.replace(&format!("server = \"localhost:{}\"\ntls = \"starttls\"", postfix.port), &relay);
        let config = doorward::config::parse(&text, folder.path(), &|_| None).unwrap_or_else(|problems| panic!("{problems:?}"));
        let door = tokio::task::spawn_blocking(move || doorward::app::start(&config, &Clock::by_hand()).unwrap()).await.unwrap();
        let browser = Client::new(door.addresses[0], "secure.example.test", &ca);
        let page = browser.to_passcode("bob", "can-we-fix-it").await;
        let mail = postfix.next_mail().await;
        let line = mail.lines().find(|line| line.starts_with("@secure.example.test #")).unwrap();
        assert_eq!(browser.passcode(&page, line).await.status, 303, "{mail}");
        let answer = browser.get("/ok").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{tls}");
        tokio::task::spawn_blocking(move || door.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_named_certificate_is_for_the_same_names_as_one_that_an_authority_vouches_for() {
    let Some(shop) = Workshop::open() else { return };
    shop.own("ca", "");
    shop.own("wide", "-addext subjectAltName=DNS:*.example.test,DNS:xn--bcher-kva.test,IP:::1");
    let extensions = "subjectAltName=DNS:*.example.test,DNS:xn--bcher-kva.test,IP:::1 basicConstraints=CA:FALSE";
    shop.issued("leaf", "ca", extensions, "-days 60");
    for (name, is_valid) in [
        ("a.example.test", true),
        ("A.EXAMPLE.test", true),
        ("a.example.test.", true),
        ("a.b.example.test", false),
        ("example.test", false),
        ("wide", false),
        ("leaf", false),
        ("xn--bcher-kva.test", true),
        ("::1", true),
        ("::2", false),
        ("0:0:0:0:0:0:0:1", true),
    ] {
        for (served, ca) in [("wide", "wide.pem"), ("leaf", "leaf.pem"), ("leaf", "ca.pem")] {
            let server = shop.serve(served, None);
            let said = reach(Some(&shop.path(ca)), name, server.address).await;
            assert_eq!(said.is_ok(), is_valid, "{name} {served} {ca}: {said:?}");
        }
    }
}
