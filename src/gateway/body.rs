//! The bodies that we answer with.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;

use crate::proxy::{BodyError, ProxyBody};

/// A page of ours, or what an application answers.
#[derive(Debug)]
pub enum Body {
    Page(Full<Bytes>),
    Application(ProxyBody),
}

impl From<ProxyBody> for Body {
    fn from(body: ProxyBody) -> Self {
        Self::Application(body)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Page(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Application(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Page(body) => body.is_end_stream(),
            Self::Application(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Page(body) => body.size_hint(),
            Self::Application(body) => body.size_hint(),
        }
    }
}
