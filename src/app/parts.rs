//! From the configuration to the concrete parts: directories, transmitters, the logo. What cannot be built is said in words, by
//! `check` for all of them at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::future::join_all;

use super::modems::Modems;
use super::{keys, policy_groups};
use crate::base::random::SystemSource;
use crate::base::tls::Standing;
use crate::base::{Channel, Clock, Keys, Time};
use crate::config::directory::{Kind as DirectoryKind, NameForm};
use crate::config::listener::Serves;
use crate::config::transmitter::{Http, Kind as TransmitterKind};
use crate::config::{self, Config};
use crate::directory::active_directory::ActiveDirectory;
use crate::directory::ldap::Ldap;
use crate::directory::local::Local;
use crate::directory::people::Place;
use crate::directory::{Directory, Examination, People};
use crate::dispatch::console::ConsoleTransmitter;
use crate::dispatch::http::HttpTransmitter;
use crate::dispatch::mail::MailTransmitter;
use crate::dispatch::program::ProgramTransmitter;
use crate::dispatch::{Back, Callbacks, Grouped, Reports, Transmitter};
use crate::proxy::{Applications, ClientCertificate, ServerFound};
use crate::server::public_names::{Seen, look};
use crate::server::tls::{self, Findings};
use crate::store::sqlite::no_space;
use crate::web::{Logo, Look};

pub fn people(config: &Config, clock: &Clock) -> Result<People> {
    let places = config.directories.iter().map(|listed| {
        let directory = directory(listed, clock).with_context(|| format!("directory {}", listed.name))?;
        Ok(Place {
            directory,
            domain: listed.domain.clone(),
            country_prefix: listed.country_prefix.clone(),
            default: listed.default,
            recheck: listed.recheck,
        })
    });
    Ok(People::new(places.collect::<Result<_>>()?))
}

fn directory(listed: &config::directory::Directory, clock: &Clock) -> Result<Arc<dyn Directory>> {
    let name = Arc::clone(&listed.name);
    Ok(match &listed.kind {
        DirectoryKind::ActiveDirectory(domain) => Arc::new(ActiveDirectory::new(name, domain, clock.clone(), &SystemSource)?),
        DirectoryKind::Local(local) => Arc::new(Local::open(name, local)?),
        DirectoryKind::Ldap(ldap) => Arc::new(Ldap::new(name, ldap, clock.clone(), &SystemSource)?),
    })
}

/// Asks every directory and every transmitter what is so with it, and the directories what the groups of the policies mean there, connects
/// to the servers of the applications and to the public names, all at once; in the order of the configuration. Nothing is sent.
pub fn examine(config: &Config, clock: &Clock) -> Result<Vec<(String, Examination)>> {
    let places = people(config, clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let modems = Modems::new(config, clock, Reports::new().0);
    let senders: Vec<Arc<dyn Transmitter>> = {
        let _inside = runtime.enter();
        // Without a key, which the first start makes, there are no addresses for providers yet.
        let keys = keys::there(config.keys.as_deref(), &config.node.state_dir);
        let back = Back { callbacks: keys.and_then(|keys| callbacks(config, &keys)), reports: None };
        let build = |listed| transmitter(listed, &back, &modems).with_context(|| format!("transmitter {}", listed.name));
        config.transmitters.iter().map(build).collect::<Result<_>>()?
    };
    let all = config.directories.iter().filter_map(|listed| places.directory(&listed.name));
    let all = all.map(|directory| async move { (format!("directory {}", directory.name()), directory.examine().await) });
    let senders = senders.iter().map(|transmitter| async move {
        let found = match transmitter.examine().await {
            Ok(facts) => Examination { facts, ..Examination::default() },
            Err(why) => Examination { problems: vec![why], ..Examination::default() },
        };
        (format!("transmitter {}", transmitter.name()), found)
    });
    let policies = config.authentication_policies.iter().map(|policy| policy_groups::examine(policy, &places));
    let applications = Applications::load(&config.applications)?;
    let names = public_names(config);
    let each =
        async { tokio::join!(join_all(all), join_all(senders), join_all(policies), applications.examine(), join_all(names)) };
    let (mut found, senders, policies, applications, names) = runtime.block_on(each);
    // A resolver that does not answer is not waited for.
    runtime.shutdown_background();
    found.extend(applications.iter().map(|(name, servers)| (format!("application {name}"), of_servers(servers))));
    found.extend(senders);
    found.extend(policies.into_iter().flatten());
    found.extend(names);
    Ok(found)
}

/// Where the names in front lead from here. Another answer than ours may be meant (a name that is known outside alone), so it is a warning.
fn public_names(config: &Config) -> Vec<impl Future<Output = (String, Examination)>> {
    let first = config.listeners.iter().find_map(|listener| match &listener.serves {
        Serves::Tls(certificates) => Some((listener.public_port.unwrap_or(listener.address.port()), certificates)),
        Serves::Redirect => None,
    });
    // Port 0 is any port that is free at the start.
    let Some((port, certificates)) = first.filter(|(port, _)| *port != 0) else { return Vec::new() };
    let hosts = config.applications.iter().flat_map(|application| &application.hosts);
    let hosts: BTreeSet<_> = hosts.filter(|host| !host.starts_with("*.")).collect();
    let look = |host: &'_ Arc<str>| {
        let (host, certificates) = (Arc::clone(host), certificates.clone());
        async move {
            let mut found = Examination::default();
            match look(&host, port, &certificates).await {
                Seen::Ours(chain) => found.facts.push(format!("leads here: shows the certificate of {}", chain.display())),
                Seen::Not(why) => found.warnings.push(why),
            }
            (format!("public name {host}"), found)
        }
    };
    hosts.into_iter().map(look).collect()
}

/// A server that cannot be reached is a warning while another one can, and a problem where none can.
fn of_servers(servers: &[ServerFound]) -> Examination {
    let mut found = Examination::default();
    let is_any = servers.iter().any(|server| server.reached.is_ok());
    for server in servers {
        match &server.reached {
            Ok(Some(version)) => found.facts.push(format!("{}: reached, {version}", server.url)),
            Ok(None) => found.facts.push(format!("{}: reached", server.url)),
            Err(why) if is_any => found.warnings.push(format!("{}: {why}", server.url)),
            Err(why) => found.problems.push(format!("{}: {why}", server.url)),
        }
    }
    found
}

/// `modems` has the modems that run already, `keys` is what our addresses for providers are made with.
pub fn transmitters(config: &Config, modems: &Modems, keys: &Keys) -> Result<Vec<Grouped>> {
    let back = Back { callbacks: callbacks(config, keys), reports: Some(modems.reports.clone()) };
    let build = |listed: &config::Transmitter| {
        let transmitter = transmitter(listed, &back, modems).with_context(|| format!("transmitter {}", listed.name))?;
        Ok(Grouped { transmitter, group: listed.group.clone(), prices: listed.prices.clone() })
    };
    config.transmitters.iter().map(build).collect()
}

/// Where providers reach us, if there is such a host.
fn callbacks(config: &Config, keys: &Keys) -> Option<Callbacks> {
    let receipts = config.receipts.as_ref()?;
    Some(Callbacks::new(receipts.hosts.first()?, receipts.port, keys.clone()))
}

fn transmitter(listed: &config::Transmitter, back: &Back, modems: &Modems) -> Result<Arc<dyn Transmitter>> {
    let http = |channel, http: &Http| HttpTransmitter::new(Arc::clone(&listed.name), channel, http.clone(), back.clone());
    let name = Arc::clone(&listed.name);
    Ok(match &listed.kind {
        TransmitterKind::Smtp(smtp) => Arc::new(MailTransmitter::new(name, smtp.clone())?),
        TransmitterKind::Http(config) => Arc::new(http(Channel::Sms, config)?),
        TransmitterKind::Voice(config) => Arc::new(http(Channel::Voice, config)?),
        TransmitterKind::Push(config) => Arc::new(http(Channel::Push, config)?),
        TransmitterKind::Modem(modem) => modems.modem(&name, modem),
        TransmitterKind::Program(program) => Arc::new(ProgramTransmitter::new(name, program.clone())),
        TransmitterKind::Console(console) => Arc::new(ConsoleTransmitter::new(name, console.clone())),
    })
}

/// How our pages look, for each application.
pub fn pages(config: &Config) -> Result<Look> {
    let look = Look::new(&config.pages, &config.limits, config.node.trial, logo(config.pages.logo.as_deref())?);
    let look = look.with_names(NameForm::of(&config.directories));
    config.applications.iter().try_fold(look, |look, application| {
        let picture = logo(application.logo.as_deref()).with_context(|| format!("application {}", application.name))?;
        Ok(look.with_application(&application.name, application.title.clone(), picture))
    })
}

fn logo(path: Option<&std::path::Path>) -> Result<Option<Logo>> {
    let Some(path) = path else { return Ok(None) };
    let bytes = std::fs::read(path).with_context(|| format!("the logo {}", path.display()))?;
    let logo = Logo::from_bytes(bytes.into()).with_context(|| format!("the logo {} is neither SVG nor PNG", path.display()))?;
    Ok(Some(logo))
}

/// What will soon be wrong with the files that `ca` names. What is wrong already is said where they are used.
fn authorities(config: &Config, now: Time) -> impl Iterator<Item = String> {
    config::files::authorities(config).flat_map(move |(what, path)| {
        let warnings = crate::base::tls::warnings(path, now).unwrap_or_default();
        warnings.into_iter().map(move |warning| format!("{what}: {warning}"))
    })
}

/// What is to be said of the certificates that we show servers. They refuse an expired one, and everybody else gets in.
fn client_certificates(config: &Config, now: Time) -> impl Iterator<Item = String> {
    config.applications.iter().filter_map(move |application| {
        let certificate = ClientCertificate::read(application.upstream.client_certificate.as_ref()?)?;
        let said = (certificate.facts.standing(now) != Standing::Good).then(|| certificate.facts.words(now))?;
        Some(format!("application {}, client_certificate: {} {said}", application.name, certificate.chain.display()))
    })
}

/// Everything that would keep this configuration from working here, and what will soon, as far as it can be told without asking
/// anybody.
pub fn findings(config: &Config, clock: &Clock, now: Time) -> Findings {
    let mut unusable = config::files::problems(config);
    unusable.extend(config::files::shared_state(&config.node.state_dir));
    let dangers = config::dangers::find(config);
    let hosts = config.applications.iter().flat_map(|application| application.hosts.clone());
    let receipts = config.receipts.iter().flat_map(|receipts| receipts.hosts.clone());
    let hosts: Vec<Arc<str>> = hosts.chain(receipts).collect();
    let certificates = config.listeners.iter().flat_map(|listener| match &listener.serves {
        Serves::Tls(certificates) => certificates.as_slice(),
        Serves::Redirect => &[],
    });
    let mut found = tls::inspect(&certificates.cloned().collect::<Vec<_>>(), now, &hosts);
    unusable.append(&mut found.unusable);
    found.warnings.extend(authorities(config, now));
    found.warnings.extend(client_certificates(config, now));
    found.warnings.extend(
        config.node.acme_folder.iter().filter(|folder| !folder.is_dir()).map(|folder| {
            format!("node, acme_folder: {}: no such folder; the ACME client makes it, or you do", folder.display())
        }),
    );
    found.warnings.extend(config::trusted::warnings(config));
    found.warnings.extend(config::receipts::warnings(config));
    found.warnings.extend(config::files::unwritable_state(&config.node.state_dir));
    // Users who are signed in still get in, and a node whose journal cannot be written refuses to start by itself.
    found.problems.extend(no_space(&config.node.state_dir));
    found.problems.extend(dangers.problems);
    found.warnings.extend(dangers.warnings);
    // Nobody is turned away for it.
    found.problems.extend(config::files::unwritable(config));
    let mut built = |what: Result<()>| unusable.extend(what.err().map(|error| format!("{error:#}")));
    for listed in &config.directories {
        built(directory(listed, clock).map(drop).with_context(|| format!("directory {}", listed.name)));
    }
    let modems = Modems::new(config, clock, Reports::new().0);
    for listed in &config.transmitters {
        built(transmitter(listed, &Back::default(), &modems).map(drop).with_context(|| format!("transmitter {}", listed.name)));
    }
    for application in &config.applications {
        built(Applications::load(std::slice::from_ref(application)).map(drop).map_err(Into::into));
    }
    built(pages(config).map(drop));
    let mut said = std::collections::HashSet::new();
    unusable.retain(|problem| said.insert(problem.clone()));
    Findings { unusable, ..found }
}
