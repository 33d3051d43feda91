//! The pages that say why something does not go on, and what to do next. A user reads what is chosen here and nothing else;
//! details go to the log under the trace id that the page shows.

use http::StatusCode;

use super::icons::Icon;
use crate::base::Span;

/// Why it does not go on here. The texts are `notice-…` in `locales/`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The last try was wrong.
    FlowEnded,
    /// The passcode was not entered in time.
    FlowExpired,
    /// The flow has ended well already, in this browser: the session is there.
    FlowUsed,
    /// No such flow, or it belongs to another browser.
    FlowGone,
    /// The directory knows no address that the dispatch policy could use.
    NoChannel,
    /// The policy refuses this user here.
    NotForThisSite,
    /// The policy refuses this user because of the client's address.
    NotFromHere,
    /// The new password is set, but the sign-in went no further.
    PasswordSet,
    /// The old password was changed meanwhile.
    PasswordStale,
    /// The flow took no new password in time, or too many.
    ChangeEnded,
    /// Too many wrong passcodes for this account.
    FactorPaused {
        wait: Span,
    },
    /// The account cannot sign in until somebody acts.
    HelpDesk,
    /// A limit on messages was reached.
    MessagesPaused {
        wait: Span,
    },
    /// No transmitter took the message.
    NotSent,
    DirectoryDown,
    CookiesNeeded,
    /// A form was posted from another site.
    Foreign,
    /// A form for an application came from another site, and not where the operator expects such.
    CrossSite,
    /// The session ended before the application had answered.
    SessionOver,
    /// Signed in, but not for this.
    Forbidden,
    /// The limit of this address was reached.
    TooMany {
        wait: Span,
    },
    UpstreamDown,
    UpstreamSlow,
    BadRequest,
    NotFound,
    /// The page is there, but not for this method.
    NotAllowed,
    UnknownHost,
    TooLarge,
    /// The header fields of the request, which mostly means its cookies.
    HeadTooLarge,
    /// Too much at once, or shutting down.
    Busy,
    Internal,
}

/// Where a notice stands, and who reads it.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The application's name; empty where the page belongs to none.
    pub application: &'a str,
    /// The account name of a user whose session the request came with.
    pub user: Option<&'a str>,
    /// Where the sign-in leads, a path and query of this host.
    pub back: &'a str,
}

impl Default for Occasion<'_> {
    fn default() -> Self {
        Self { application: "", user: None, back: "/" }
    }
}

/// What a page is about, as a colour: never alone, always with an icon and words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Info,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// Its class in `page.css`.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// Where a notice leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    StartAgain,
    GoOn,
    /// The same address once more.
    Retry,
    Home,
    SignOut,
    /// The same address once more, which leads by the login page.
    SignIn,
}

impl Notice {
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Seconds after which it is worth trying again, for `Retry-After`.
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::FactorPaused { wait } | Self::MessagesPaused { wait } | Self::TooMany { wait } => Some(wait.seconds()),
            Self::DirectoryDown | Self::NotSent | Self::UpstreamDown => Some(30),
            Self::Busy => Some(5),
            _ => None,
        }
    }

    /// How long to wait, where its words say so.
    pub(super) const fn wait(self) -> Option<Span> {
        match self {
            Self::FactorPaused { wait } | Self::MessagesPaused { wait } | Self::TooMany { wait } => Some(wait),
            _ => None,
        }
    }

    /// Whether it says who is signed in; its text then has a second form, `text-signed-in`.
    pub(super) const fn names_user(self) -> bool {
        matches!(self, Self::Forbidden | Self::UpstreamDown | Self::UpstreamSlow)
    }

    /// The middle of its keys in `locales/`.
    pub const fn key(self) -> &'static str {
        self.row().0
    }

    pub(super) const fn next(self) -> Next {
        self.row().2
    }

    /// How it looks: a colour and a picture that say at a glance whether something is done, waits, is forbidden or broken. The words say it too.
    pub(super) const fn looks(self) -> (Tone, Icon) {
        match self {
            Self::FlowUsed | Self::PasswordSet => (Tone::Good, Icon::Done),
            Self::SessionOver => (Tone::Info, Icon::Clock),
            Self::BadRequest | Self::NotFound | Self::NotAllowed | Self::UnknownHost => (Tone::Info, Icon::Question),
            Self::FlowExpired
            | Self::FlowGone
            | Self::ChangeEnded
            | Self::FactorPaused { .. }
            | Self::MessagesPaused { .. }
            | Self::TooMany { .. }
            | Self::Busy => (Tone::Warn, Icon::Clock),
            Self::NotForThisSite | Self::NotFromHere | Self::PasswordStale | Self::Forbidden => (Tone::Warn, Icon::Lock),
            Self::NoChannel => (Tone::Warn, Icon::Phone),
            Self::HelpDesk => (Tone::Warn, Icon::Call),
            Self::Foreign | Self::CrossSite => (Tone::Warn, Icon::Stop),
            Self::CookiesNeeded | Self::TooLarge | Self::HeadTooLarge => (Tone::Warn, Icon::Alert),
            Self::FlowEnded => (Tone::Bad, Icon::Stop),
            Self::NotSent => (Tone::Bad, Icon::Phone),
            Self::DirectoryDown | Self::UpstreamDown | Self::UpstreamSlow => (Tone::Bad, Icon::Server),
            Self::Internal => (Tone::Bad, Icon::Alert),
        }
    }

    /// What every notice is, in one table.
    const fn row(self) -> (&'static str, StatusCode, Next) {
        match self {
            Self::FlowEnded => ("flow-ended", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::FlowExpired => ("flow-expired", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::FlowUsed => ("flow-used", StatusCode::OK, Next::GoOn),
            Self::FlowGone => ("flow-gone", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::NoChannel => ("no-channel", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::NotForThisSite => ("not-for-this-site", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::NotFromHere => ("not-from-here", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::PasswordSet => ("password-set", StatusCode::OK, Next::StartAgain),
            Self::PasswordStale => ("password-stale", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::ChangeEnded => ("change-ended", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::FactorPaused { .. } => ("factor-paused", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::HelpDesk => ("help-desk", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::MessagesPaused { .. } => ("messages-paused", StatusCode::TOO_MANY_REQUESTS, Next::StartAgain),
            Self::NotSent => ("not-sent", StatusCode::SERVICE_UNAVAILABLE, Next::StartAgain),
            Self::DirectoryDown => ("directory-down", StatusCode::SERVICE_UNAVAILABLE, Next::StartAgain),
            Self::CookiesNeeded => ("cookies-needed", StatusCode::FORBIDDEN, Next::StartAgain),
            Self::Foreign => ("foreign", StatusCode::FORBIDDEN, Next::Home),
            Self::CrossSite => ("cross-site", StatusCode::FORBIDDEN, Next::Home),
            Self::SessionOver => ("session-over", StatusCode::UNAUTHORIZED, Next::SignIn),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, Next::SignOut),
            Self::TooMany { .. } => ("too-many", StatusCode::TOO_MANY_REQUESTS, Next::Retry),
            Self::UpstreamDown => ("upstream-down", StatusCode::BAD_GATEWAY, Next::Retry),
            Self::UpstreamSlow => ("upstream-slow", StatusCode::GATEWAY_TIMEOUT, Next::Retry),
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, Next::Home),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, Next::Home),
            Self::NotAllowed => ("not-allowed", StatusCode::METHOD_NOT_ALLOWED, Next::Home),
            Self::UnknownHost => ("unknown-host", StatusCode::MISDIRECTED_REQUEST, Next::Retry),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, Next::Home),
            Self::HeadTooLarge => ("head-too-large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Next::Retry),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, Next::Retry),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, Next::Retry),
        }
    }
}

impl Next {
    /// The text on its button.
    pub const fn key(self) -> &'static str {
        match self {
            Self::StartAgain => "next-start-again",
            Self::GoOn => "next-go-on",
            Self::Retry => "next-retry",
            Self::Home => "next-home",
            Self::SignOut => "next-sign-out",
            Self::SignIn => "next-start-again",
        }
    }

    /// `back` is where the sign-in leads, a path and query of this host.
    pub(super) fn href(self, back: &str) -> String {
        match self {
            Self::StartAgain => {
                format!("/.doorward/login?back={}", form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>())
            }
            Self::GoOn => back.to_owned(),
            Self::Home => "/".to_owned(),
            // An empty reference is the page's own address, always by GET.
            Self::Retry | Self::SignIn => String::new(),
            Self::SignOut => "/.doorward/logout".to_owned(),
        }
    }
}
