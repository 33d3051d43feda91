//! Each server for itself: whether it is there, its certificate, whether it lets the service user in, its clock.

use std::time::Duration;

use ldap3::Scope;

use crate::base::{Clock, Time};
use crate::directory::Examination;
use crate::directory::ldap_client::client::Client;
use crate::directory::ldap_client::connection::{Connection, Question, SUCCESS, Target, said};
use crate::directory::ldap_client::{entry, time};

/// The first connection on which the service user is signed in.
pub(in crate::directory) async fn examine(client: &Client, clock: &Clock, found: &mut Examination) -> Option<Connection> {
    let targets = client.targets().await;
    if targets.is_empty() {
        found.problems.push("no server was found in DNS".to_owned());
    }
    let mut first = None;
    for target in &targets {
        match one(client, clock, target, found).await {
            Ok(connection) => first = first.or(Some(connection)),
            Err(Unfit { why, is_refused }) => {
                found.problems.push(format!("{}: {why}", target.url));
                if is_refused {
                    // A wrong password at one more server is one more towards the lock-out of the service user's account.
                    found.problems.push("no other server was asked, so that the service user's account is not locked".to_owned());
                    break;
                }
            }
        }
    }
    first
}

struct Unfit {
    why: String,
    /// The server looked at the service user's password and did not like it.
    is_refused: bool,
}

impl Unfit {
    fn new(why: String) -> Self {
        Self { why, is_refused: false }
    }
}

async fn one(client: &Client, clock: &Clock, target: &Target, found: &mut Examination) -> Result<Connection, Unfit> {
    let connection = Connection::open(target).await.map_err(|fault| Unfit::new(fault.words()))?;
    let config = client.config();
    let bound = connection.bind(&config.service_user, &config.service_password, BIND).await;
    let bound = bound.map_err(|fault| Unfit::new(fault.words()))?;
    if bound.rc != SUCCESS {
        let why = format!("the service user {} was refused ({})", config.service_user, said(&bound));
        return Err(Unfit { why, is_refused: bound.rc == INVALID_CREDENTIALS });
    }
    let question = Question { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &ROOT, at_most: 1 };
    let asked = clock.now();
    let root = connection.search(question).await.map_err(|fault| Unfit::new(fault.words()))?;
    let root = root.entries.first();
    let first = |attribute| root.and_then(|root| entry::first(root, attribute));
    let said_time = first("currentTime").as_deref().and_then(time::of_generalized);
    let clock = said_time.map(|its| difference(its, asked));
    match clock {
        Some(apart) if apart >= FAR => found.warnings.push(format!(
            "{}: its clock and ours are {} s apart: times of passwords and accounts are judged by both",
            target.url,
            apart.as_secs()
        )),
        _ => {}
    }
    if first("isSynchronized").is_some_and(|is| is.eq_ignore_ascii_case("false")) {
        found.warnings.push(format!("{}: it has not yet heard all from the other controllers (isSynchronized)", target.url));
    }
    let clock = clock.map(|apart| format!(", its clock and ours are {} s apart", apart.as_secs())).unwrap_or_default();
    found.facts.push(format!("{}: reached, the service user is signed in{clock}", target.url));
    Ok(connection)
}

fn difference(one: Time, other: Time) -> Duration {
    one.since(other).max(other.since(one))
}

const ROOT: [&str; 2] = ["currentTime", "isSynchronized"];
const BIND: Duration = Duration::from_secs(5);
const FAR: Duration = Duration::from_secs(60);
const INVALID_CREDENTIALS: u32 = 49;
