//! What messages say: the wording, the templates of operators, the letters of a text message, and what logs leave out.

pub(super) mod gsm7;
pub(super) mod mail_html;
mod message;
pub(super) mod notice;
pub(super) mod redact;
pub(super) mod template;

pub use message::{Wording, compose, shown_name};
