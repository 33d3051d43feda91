//! What is said over the control socket: one JSON object a line each way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::super::handler::Plan;
use super::super::reload::{Outcome, Reload};
use super::super::status::{Status, Watch};
use crate::auth::{AccountDone, AccountTask, JournalQuery, OperatorApi, Progress, Row, SendTest, SessionSelector, SessionView};
use crate::base::TraceId;
use crate::store::{Anchor, Chain, Entry, Link};

/// What may be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// The events of one trace id.
    Trace { id: TraceId },
    /// The configuration's file is read again, if the node runs with this one.
    Reload {
        #[serde(default)]
        file: Option<PathBuf>,
    },
    /// The live sessions that are meant.
    SessionList { meant: SessionSelector },
    /// They end, and all that runs under them.
    SessionEnd { meant: SessionSelector },
    /// The report on users: which of them can sign in. Answered in many lines.
    UserReport(ReportOptions),
    /// How the node is.
    Status,
    /// A test to one person. Answered in many lines.
    SendTest(SendTest),
    /// Events of the journal. Answered in many lines.
    Journal(JournalQuery),
    /// Something about one account.
    Account(AccountTask),
    /// Whether the journal's chains are whole.
    JournalVerify { anchor: Option<Anchor> },
}

/// What comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Reply {
    Events {
        events: Vec<Entry>,
    },
    Reload(Outcome),
    /// Not all of them where `total` is larger.
    Sessions {
        sessions: Vec<SessionView>,
        total: usize,
    },
    /// `unwritten`: why it could not be written down; the sessions are over all the same.
    Ended {
        count: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unwritten: Option<String>,
    },
    /// Some of the users of a report; more lines follow.
    Users {
        users: Vec<Row>,
    },
    /// The end of a report. `failed`: directories that are not in it, or not whole, in words.
    Reported {
        total: usize,
        can_sign_in: usize,
        failed: Vec<String>,
    },
    Status(Box<Status>),
    /// How a test ended.
    Tested {
        progress: Progress,
    },
    /// Events of the journal; more lines follow.
    Journal {
        events: Vec<Link>,
    },
    Account(AccountDone),
    Chains {
        chains: Vec<Chain>,
    },
    /// An answer of many lines is whole.
    Over,
    Error {
        why: String,
    },
}

/// What a running node can be asked to do.
#[derive(Clone)]
pub struct ControlContext {
    pub operators: OperatorApi,
    pub watch: Watch,
    pub reload: Reload,
    pub plans: watch::Receiver<Arc<Plan>>,
    /// Where what is begun here is waited for at the end.
    pub tasks: TaskTracker,
}

/// What a report is to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ReportOptions {
    /// Of one directory alone.
    pub directory: Option<String>,
    /// Only those with something wrong.
    pub problems: bool,
}

/// As the journal has it.
impl std::fmt::Display for ReportOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("user report")?;
        if let Some(directory) = &self.directory {
            write!(f, " --directory {directory}")?;
        }
        if self.problems { f.write_str(" --problems") } else { Ok(()) }
    }
}

/// A client that reads no line for so long is gone.
const A_LINE: Duration = Duration::from_secs(60);

/// One line of an answer.
pub async fn write_line(reply: &Reply, into: &mut (impl AsyncWriteExt + Unpin)) -> std::io::Result<()> {
    write_line_within(A_LINE, reply, into).await
}

/// The same for a client that may take longer.
pub async fn write_line_within(limit: Duration, reply: &Reply, into: &mut (impl AsyncWriteExt + Unpin)) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(reply)?;
    text.push(b'\n');
    timeout(limit, into.write_all(&text)).await.map_err(|_| std::io::ErrorKind::TimedOut)?
}
