//! Our own pages. One file owns a page: where it stands, its form and what that carries, what it shows and how, what GET and POST do. A
//! new page is a file and a line in `PAGES`; nothing outside knows them one by one.

pub mod asset;
pub mod health;
pub mod login;
pub mod logout;
pub mod passcode;
pub mod passcode_view;
pub mod password;
pub mod ready;
pub mod status;

use super::form::FormError;
use super::{Page, Site, Visit};
use crate::base::{Keys, Later, Time};

/// Every page of ours.
static PAGES: &[&[PageRoute]] = &[
    login::ROUTES,
    passcode::ROUTES,
    password::ROUTES,
    status::ROUTES,
    logout::ROUTES,
    health::ROUTES,
    ready::ROUTES,
    asset::ROUTES,
];

/// One page: where it is and what it does. A method that it has nothing for is not allowed.
#[derive(Debug)]
pub struct PageRoute {
    /// What follows `/.doorward/`. One that ends in a slash stands for everything below it.
    pub path: &'static str,
    pub on: Hosts,
    /// Answers GET and HEAD.
    pub get: Option<Get>,
    /// Answers a form, after the gateway has seen that one of our own pages posted it.
    pub post: Option<PostedForm>,
    /// Bytes that a form may have; more is answered with 413.
    pub most_bytes: usize,
}

/// The form of a page: what it is bound to and what is done with it.
#[derive(Clone, Copy, Debug)]
pub struct PostedForm {
    /// The cookie that the sealed field is bound to.
    pub cookie: &'static str,
    /// Whether that field is a fresh one of this form: [`crate::web::csrf::is_fresh`].
    pub opens: fn(&Keys, &str, &str, Time) -> bool,
    pub answer: Post,
}

pub type Get = for<'a> fn(&'a Site, &'a Visit<'a>) -> Later<'a, Page>;
/// Gets the body as it was posted; a form that is none of the page's becomes 400 or 413.
pub type Post = for<'a> fn(&'a Site, &'a Visit<'a>, &'a [u8]) -> Later<'a, Result<Page, FormError>>;

/// The hosts that a page stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hosts {
    /// Beside every application.
    Applications,
    /// On the hosts that carry pages of this set and no application.
    Set(&'static str),
    /// Wherever there are pages.
    Everywhere,
}

/// The page at a path, which is what follows `/.doorward/`, on hosts of one kind.
pub fn find(on: Hosts, path: &str) -> Option<&'static PageRoute> {
    PAGES.iter().copied().flatten().find(|page| page.stands(on, path))
}

impl PageRoute {
    fn stands(&self, on: Hosts, path: &str) -> bool {
        let is_here = self.path == path || (self.path.ends_with('/') && path.starts_with(self.path));
        is_here && (self.on == on || self.on == Hosts::Everywhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_page() {
        let all: Vec<_> = PAGES.iter().copied().flatten().collect();
        for page in &all {
            let found = all.iter().filter(|other| other.stands(page.on, page.path)).count();
            assert_eq!(found, 1, "{}", page.path);
            assert!(page.get.is_some() || page.post.is_some(), "{}", page.path);
            assert_eq!(page.post.is_some(), page.most_bytes > 0, "{}", page.path);
        }
    }

    #[test]
    fn a_page_stands_on_its_hosts_alone() {
        let own = PageRoute { path: "x", on: Hosts::Set("account"), get: None, post: None, most_bytes: 0 };
        assert!(own.stands(Hosts::Set("account"), "x"));
        for (on, path) in [(Hosts::Set("reset"), "x"), (Hosts::Applications, "x"), (Hosts::Set("account"), "x/y")] {
            assert!(!own.stands(on, path), "{on:?} {path}");
        }
        let found = |on, path| find(on, path).map(|page| page.path);
        assert_eq!(found(Hosts::Applications, "login"), Some("login"));
        assert_eq!(found(Hosts::Set("account"), "login"), None);
        assert_eq!(found(Hosts::Set("account"), "health"), Some("health"));
        assert_eq!(found(Hosts::Applications, "assets/page.css"), Some("assets/"));
        for path in ["", "assets", "login/", "Login", "?"] {
            assert_eq!(found(Hosts::Applications, path), None, "{path}");
        }
    }
}
