//! The file as a document: its tables and values with their places, what is wrong with them, the names they give and use, and presets below
//! them. Knows no section.

mod context;
mod field;
mod names;
mod overlay;
mod problem;
mod record;
pub(in crate::config) mod scalar;
mod secret;
mod section;

pub(in crate::config) use self::context::Context;
pub(in crate::config) use self::field::Field;
pub(in crate::config) use self::names::{Kind, STANDARD, Sender, Use};
pub(in crate::config) use self::overlay::{Preset, Presets};
pub(in crate::config) use self::problem::Lines;
pub use self::problem::{Problem, Problems};
pub(in crate::config) use self::record::{Record, Shape};
pub(in crate::config) use self::section::Section;
