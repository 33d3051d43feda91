//! What tests of several pages share.

mod gallery;
mod states;
