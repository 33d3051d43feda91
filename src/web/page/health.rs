//! Whether this node answers at all: for a load balancer in front of it.

use super::{Hosts, PageRoute};
use crate::web::Page;

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "health",
    on: Hosts::Everywhere,
    get: Some(|_, _| Box::pin(async { Page::text("ok") })),
    post: None,
    most_bytes: 0,
}];
