//! Our own pages: form in, one call of the house rules, page out. What people see is made here: the words come from `locales/`,
//! the shapes from `templates/`, the looks from `static/`.

pub mod answer;
pub mod cookie;
pub mod cross_site;
pub mod csrf;
pub mod encoding;
pub mod ended;
pub mod form;
mod icons;
pub mod notice;
pub mod page;
pub mod renderer;
mod site;
pub mod submission;
mod templates;
#[cfg(test)]
mod testkit;
mod translator;
pub mod way_back;

pub use answer::Page;
pub use notice::{Notice, Occasion};
pub use page::asset::Logo;
pub use renderer::Look;
pub use site::{Site, Visit};
