//! Whether people can sign in at this node now: for a load balancer that must choose among several. A stranger learns no more than that.

use http::StatusCode;

use super::{Hosts, PageRoute};
use crate::base::Later;
use crate::web::{Page, Site, Visit};

pub const ROUTES: &[PageRoute] = &[PageRoute { path: "ready", on: Hosts::Everywhere, get: Some(get), post: None, most_bytes: 0 }];

fn get<'a>(site: &'a Site, _: &'a Visit<'a>) -> Later<'a, Page> {
    Box::pin(async {
        match site.gatekeeper.readiness().await.is_ready() {
            true => Page::text("ready"),
            false => Page { status: StatusCode::SERVICE_UNAVAILABLE, ..Page::text("not ready") },
        }
    })
}
