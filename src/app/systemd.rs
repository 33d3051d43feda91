//! What a service manager is told of this node (sd_notify(3), `Type=notify`): that it serves, reads its configuration again, or stops, with
//! a line for `systemctl status`. Without `NOTIFY_SOCKET` nothing is told, and what cannot be told stops no node.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::reload::Outcome;

/// Tells the service manager. Cheap to clone; the default tells nobody.
#[derive(Clone, Debug, Default)]
pub struct Notifier(Option<Arc<Manager>>);

#[derive(Debug)]
struct Manager {
    address: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// One failure is in the log; the others are of the same kind.
    has_warned: bool,
}

/// How far the node is. The end of a reload is told only while it serves: an early one must not say READY for the start, nor a late one for a
/// node that stops.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Starting,
    /// With the status line that stands while nothing else is to be said.
    Serving(String),
    Stopping,
}

/// The service manager takes datagrams at once; a node does not wait longer for one that is frozen.
const PATIENCE: Duration = Duration::from_secs(5);

impl Notifier {
    /// Where `NOTIFY_SOCKET` says: a path, or a name in the abstract namespace behind `@`. An address that cannot be used is one warning.
    /// The variable stays in the environment; programs that we start do not get it, because they get none of ours.
    pub fn from_environment() -> Self {
        let Some(said) = std::env::var_os("NOTIFY_SOCKET").filter(|said| !said.is_empty()) else { return Self::default() };
        match address(&said) {
            Ok(address) => Self(Some(Arc::new(Manager { address, state: Mutex::default() }))),
            Err(error) => {
                tracing::warn!(%error, "the service manager is not told that this node serves: NOTIFY_SOCKET={}", said.display());
                Self::default()
            }
        }
    }

    /// The listeners answer and signal handlers are set.
    pub fn ready(&self, addresses: &[std::net::SocketAddr]) {
        let listed = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let status = format!("Serving on {listed}");
        self.tell(|phase| {
            let words = format!("READY=1\nSTATUS={status}\n");
            *phase = Phase::Serving(status);
            Some(words)
        });
    }

    /// The configuration is being read again. [`Self::reloaded`] must follow.
    pub fn reloading(&self) {
        self.tell(|phase| {
            let Phase::Serving(_) = phase else { return None };
            Some("RELOADING=1\nSTATUS=Reading the configuration again\n".to_owned())
        });
    }

    /// It has been read, or nothing was changed. Told before the one who asked gets the answer, so that `systemctl reload` finds it done.
    pub fn reloaded(&self, outcome: &Outcome) {
        let more = match outcome {
            Outcome::Reloaded { needs_restart, .. } if needs_restart.is_empty() => "",
            Outcome::Reloaded { .. } => ". A change of the configuration waits for a restart: see `doorward status`",
            Outcome::Refused { .. } => ". The last reload was refused and changed nothing: see `doorward check`",
            Outcome::Failed { .. } => ". The last reload failed and changed nothing: see `doorward status`",
        };
        self.tell(|phase| match phase {
            Phase::Serving(status) => Some(format!("READY=1\nSTATUS={status}{more}\n")),
            Phase::Starting | Phase::Stopping => None,
        });
    }

    /// Nothing new is taken. Nothing is told after this.
    pub fn stopping(&self) {
        self.tell(|phase| {
            *phase = Phase::Stopping;
            Some("STOPPING=1\nSTATUS=Stopping: open requests may finish\n".to_owned())
        });
    }

    fn tell(&self, say: impl FnOnce(&mut Phase) -> Option<String>) {
        let Some(manager) = &self.0 else { return };
        // Held while it is sent: the order of what is told is the order of what happened.
        let mut state = manager.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(words) = say(&mut state.phase) else { return };
        match send(&manager.address, &words) {
            Err(error) if !std::mem::replace(&mut state.has_warned, true) => {
                let line = words.lines().next().unwrap_or_default();
                tracing::warn!(%error, "the service manager could not be told {line} (NOTIFY_SOCKET)");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

fn address(said: &OsStr) -> io::Result<SocketAddr> {
    match said.as_bytes() {
        [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(said),
        _ => Err(io::Error::new(ErrorKind::Unsupported, "neither an absolute path nor @ and a name")),
    }
}

fn send(address: &SocketAddr, words: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(words.as_bytes(), address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_absolute_path_or_an_abstract_name() {
        let path = address(OsStr::new("/run/systemd/notify")).unwrap();
        assert_eq!(path.as_pathname(), Some(std::path::Path::new("/run/systemd/notify")));
        assert_eq!(address(OsStr::new("@notify/x")).unwrap().as_abstract_name(), Some(b"notify/x".as_slice()));
        for said in ["@", "run/notify", "vsock:2:1234", &format!("/{}", "x".repeat(108)), &format!("@{}", "x".repeat(108))] {
            address(OsStr::new(said)).unwrap_err();
        }
    }
}
