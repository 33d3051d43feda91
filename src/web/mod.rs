//! Our own pages: form in, one call of the house rules, page out. What people see is made here: the words come from `locales/`,
//! the shapes from `templates/`, the looks from `static/`.

pub mod answer;
pub mod cookie;
pub mod csrf;
pub mod encoding;
pub mod form;
#[cfg(test)]
mod gallery;
pub mod look;
pub mod notice;
pub mod page;
mod sheet;
mod site;

pub use answer::Page;
pub use look::Look;
pub use notice::Notice;
pub use page::asset::Logo;
pub use site::{Site, Visit};
