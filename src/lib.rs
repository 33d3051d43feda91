//! Doorward.

pub mod audit;
pub mod auth;
pub mod base;
pub mod config;
pub mod directory;
pub mod dispatch;
pub mod store;
