//! Controllers found by DNS, by a real name server (dnsmasq).

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use doorward::base::Clock;
use doorward::base::random::SystemSource;
use doorward::config::active_directory::ActiveDirectory as Config;
use doorward::directory::active_directory::ActiveDirectory;
use doorward::directory::{By, Directory, DirectoryError, Verdict};

use super::{named, open, verdict};
use crate::support::eventually::eventually;
use crate::support::peers::free_ports;
use crate::support::samba::Samba;
use crate::support::skip;

/// A name server of the test's own.
struct NameServer {
    child: Child,
    address: SocketAddr,
}

impl NameServer {
    /// With these lines of its configuration, as options. Nothing, said aloud, where it is not installed.
    async fn start(port: u16, options: &[String]) -> Option<Self> {
        let mut command = Command::new("dnsmasq");
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll", "--pid-file="]);
        command.args([
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--local=/example.test/",
            "--local-ttl=30",
            "--user=root",
        ]);
        command.arg(format!("--port={port}")).args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            skip("dnsmasq is not installed");
            return None;
        };
        let server = Self { child, address: ([127, 0, 0, 1], port).into() };
        eventually("dnsmasq listens", async || tokio::net::TcpStream::connect(server.address).await.is_ok()).await;
        Some(server)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn service(host: &str, priority: u16) -> String {
    format!("--srv-host=_ldap._tcp.dc._msdcs.ad.example.test,{host},389,{priority},100")
}

fn host(name: &str, address: &str) -> String {
    format!("--host-record={name},{address}")
}

fn config(samba: &Samba, dns: SocketAddr) -> Config {
    let mut config = samba.config();
    config.ldap.servers.clear();
    config.dns = vec![dns];
    config
}

#[tokio::test]
async fn controllers_are_found_by_dns_in_their_order_and_remembered_when_dns_fails() {
    let Some(samba) = Samba::shared().await else { return };
    let [port] = free_ports();
    // The first is dead, the second alive, by the name in its certificate.
    let options = [
        service("gone.ad.example.test", 0),
        host("gone.ad.example.test", "127.0.0.1"),
        service(samba.host(), 5),
        host(samba.host(), samba.address()),
    ];
    let Some(dns) = NameServer::start(port, &options).await else { return };
    samba.admin().await.add_member("found", "Wonder-land1", &[]).await;
    for starttls in [false, true] {
        let mut config = config(&samba, dns.address);
        config.ldap.starttls = starttls;
        let directory = open(&config);
        let account = named(&directory, "found").await.unwrap();
        assert_eq!(verdict(&directory, &account, "Wonder-land1").await, Verdict::Correct, "{starttls}");
    }

    let clock = Clock::by_hand();
    let directory = ActiveDirectory::new("corp".into(), &config(&samba, dns.address), clock.clone(), &SystemSource).unwrap();
    let account = named(&directory, "found").await.unwrap();
    drop(dns);
    for _ in 0..2 {
        clock.advance(Duration::from_secs(3600));
        assert_eq!(verdict(&directory, &account, "Wonder-land1").await, Verdict::Correct);
    }
}

#[tokio::test]
async fn a_new_controller_is_found_when_the_old_answer_is_too_old() {
    let Some(samba) = Samba::shared().await else { return };
    samba.admin().await.add_member("later", "Wonder-land1", &[]).await;
    let [port] = free_ports();
    let old = [service("gone.ad.example.test", 0), host("gone.ad.example.test", "127.0.0.1")];
    let Some(dns) = NameServer::start(port, &old).await else { return };
    let clock = Clock::by_hand();
    let directory = ActiveDirectory::new("corp".into(), &config(&samba, dns.address), clock.clone(), &SystemSource).unwrap();
    assert!(directory.find(&By::Account("later".into())).await.is_err());
    drop(dns);
    let new = [service(samba.host(), 0), host(samba.host(), samba.address())];
    let _dns = NameServer::start(port, &new).await.unwrap();
    assert!(directory.find(&By::Account("later".into())).await.is_err(), "the old answer is good for a while");
    clock.advance(Duration::from_secs(31));
    assert!(named(&directory, "later").await.is_some());
}

#[tokio::test]
async fn a_host_outside_the_domain_is_never_asked() {
    let Some(samba) = Samba::shared().await else { return };
    let [port] = free_ports();
    let options = [service("dc.elsewhere.test", 0), host("dc.elsewhere.test", samba.address())];
    let Some(dns) = NameServer::start(port, &options).await else { return };
    let found = open(&config(&samba, dns.address)).find(&By::Account("anybody".into())).await;
    let Err(DirectoryError::Unreachable { why, .. }) = found else { panic!("{found:?}") };
    assert!(why.contains("no server"), "{why}");
}
