//! The icons of our pages: paths of one stroke on 24 by 24. Each stands beside words that say the same, so screen readers skip it.

/// One icon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Icon {
    Alert,
    Again,
    Call,
    Clock,
    Done,
    Lock,
    Mail,
    Phone,
    Question,
    Server,
    Stop,
    Text,
}

impl Icon {
    /// The `d` of its path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Alert => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5v5.5M12 16.4v.1",
            Self::Again => "M20 12a8 8 0 1 1-2.4-5.7L20 8.5M20 3.5v5h-5",
            Self::Call => "M6 3h3.5L11 8 8.8 9.8a12 12 0 0 0 5.4 5.4L16 13l5 1.5V18a2 2 0 0 1-2 2A15 15 0 0 1 4 5a2 2 0 0 1 2-2z",
            Self::Clock => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
            Self::Done => "M5 12.5 9.5 17 19 7.5",
            Self::Lock => "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
            Self::Mail => "M3 5.5h18v13H3zM3 7l9 6.5L21 7",
            Self::Phone => "M7 2.5h10v19H7zM11 18.5h2",
            Self::Question => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.3 9.6a2.8 2.8 0 1 1 3.9 2.5c-.8.4-1.2.9-1.2 1.7M12 16.9v.1",
            Self::Server => "M4 4.5h16v6H4zM4 13.5h16v6H4zM8 7.4v.1M8 16.4v.1",
            Self::Stop => "M8.5 3h7L21 8.5v7L15.5 21h-7L3 15.5v-7zM12 7.5v5.5M12 16.4v.1",
            Self::Text => "M4 5h16v11.5H9.5L5.5 20v-3.5H4z",
        }
    }
}

impl Icon {
    /// The icon as it stands in a page. It has a size of its own for pages whose style sheet is missing.
    pub(super) fn svg(self) -> String {
        let path = self.path();
        format!(
            r#"<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false"><path d="{path}"/></svg>"#
        )
    }
}
