//! `serve` and `demo`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::BAD_CONFIGURATION;
use crate::app::telemetry::{self, Format};
use crate::app::{self, Given, Notifier, Start, shutdown};
use crate::base::Clock;
use crate::config;

pub fn serve(file: &Path, log: Format) -> Result<ExitCode> {
    // First of all, while there is one thread.
    let given = Given::from_environment().context("the sockets that were handed over (LISTEN_FDS)")?;
    let config = match config::load(file) {
        Ok(config) => config,
        Err(problems) => {
            tell!("{problems}");
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    telemetry::start(log, "info", &Clock::system());
    // An upgrade that finds more of them must not stop a node; `check` does not let them pass.
    for danger in config::dangers::find(&config).problems {
        tracing::warn!("{danger}");
    }
    let with = Start { file: Some(file.to_owned()), given, notifier: Notifier::from_environment() };
    shutdown::wait(app::start_with(&config, &Clock::system(), with)?)?;
    Ok(ExitCode::SUCCESS)
}

pub fn demo(listen: SocketAddr, state: &Path) -> Result<ExitCode> {
    if !listen.ip().is_loopback() {
        bail!("the demo's password is in its documentation: it listens on a loopback address alone, not on {listen}");
    }
    telemetry::start(Format::Text, "warn", &Clock::system());
    let demo = app::demo::start(listen, state, Path::new("certs"), &Clock::system())?;
    let address = demo.node.addresses.first().copied().unwrap_or(listen);
    say!("Doorward shows itself at   https://localhost:{}/", address.port());
    say!("Sign in as                 alice   password  wonderland");
    match &demo.certificate {
        Some(file) => say!("The certificate is            {}", file.display()),
        None => say!("Your browser will warn of the certificate: it was made on this machine and no authority has signed it."),
    }
    say!("The codes appear below, and in {}. Stop with Ctrl-C.", demo.outbox.display());
    shutdown::wait(demo.node)?;
    Ok(ExitCode::SUCCESS)
}
