//! Why a request has no answer from its application.

use super::exchanges::Cut;
use super::upgrade::BadUpgrade;

/// Why there is no answer from the application. What the client gets for it is decided in the gateway.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error("no server of the application can be connected to")]
    Unreachable(#[source] std::io::Error),
    #[error("the application did not answer in time")]
    TimedOut,
    /// 400.
    #[error("the length of the request's body is ambiguous")]
    BadLength,
    /// 503.
    #[error("all servers of the application have as many requests as they may have, and others wait already")]
    Busy,
    /// 503.
    #[error("this client has as many connections to applications as it may have while few files are left to open")]
    Crowded,
    #[error("the request's body is larger than the application allows")]
    TooLarge,
    /// 501.
    #[error("the request has a transfer coding that we do not know")]
    UnknownCoding,
    #[error("cannot switch protocols")]
    BadUpgrade(#[source] BadUpgrade),
    #[error("the session ended while the request was under way")]
    Ended,
    /// 499, as there is nobody to be answered.
    #[error("the client went away in the middle of its request")]
    Left,
    /// 400.
    #[error("the client's request could not be read to its end")]
    Unreadable,
    /// 408.
    #[error("the client stopped sending the request")]
    Stalled,
    #[error("the connection to the application broke")]
    Broken(#[source] hyper::Error),
    #[error("the application's answer is not to be trusted: {0}")]
    Wrong(&'static str),
    #[error("there is no application {0}")]
    NoApplication(String),
}

impl From<Cut> for ForwardError {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::TooLarge => Self::TooLarge,
            Cut::Stalled => Self::Stalled,
            Cut::TimedOut => Self::TimedOut,
            Cut::Left => Self::Left,
            Cut::Unreadable => Self::Unreadable,
            // What is finished has a head.
            Cut::SessionOver | Cut::Finished => Self::Ended,
        }
    }
}
