//! Bodies: what we answer, and what is posted to our own pages.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::proxy::{BodyError, ProxyBody};
use crate::web::Notice;

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

/// Reads what was posted: at most so many bytes, in time. One that is known to be longer stays where it is: whoever answers lets its
/// client finish.
pub async fn bytes(incoming: &mut Option<Incoming>, most: usize) -> Result<Bytes, Notice> {
    let fits = |body: &Incoming| body.size_hint().lower() <= u64::try_from(most).unwrap_or(u64::MAX);
    let Some(body) = incoming.as_ref() else { return Ok(Bytes::new()) };
    if !fits(body) {
        return Err(Notice::TooLarge);
    }
    let Some(incoming) = incoming.take() else { return Ok(Bytes::new()) };
    match tokio::time::timeout(FORM_WAIT, Limited::new(incoming, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Notice::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Notice::BadRequest),
    }
}

/// How long a form may take to arrive.
const FORM_WAIT: Duration = Duration::from_secs(10);
