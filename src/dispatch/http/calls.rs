//! Calls of providers, on their way to the transmitter they are for.

use std::sync::Arc;

use super::callback::{Answer, Call, is_token};
use crate::dispatch::dispatcher::Dispatcher;
use crate::dispatch::inner::Inner;

/// What providers may ask. Cheap to clone.
#[derive(Clone)]
pub struct ProviderCalls {
    inner: Arc<Inner>,
}

impl Dispatcher {
    /// The door for providers' calls.
    pub fn provider_calls(&self) -> ProviderCalls {
        ProviderCalls { inner: Arc::clone(&self.inner) }
    }
}

impl ProviderCalls {
    /// Whether a path is one that we gave to a provider: the transmitter is there and the token is its own. Asked before anything else of the
    /// call is read.
    pub fn expects(&self, transmitter: &str, token: &str) -> bool {
        is_token(&self.inner.keys, transmitter, token) && self.inner.ways().routing.transmitter(transmitter).is_some()
    }

    /// What the provider gets for its call; nothing where the call is forged or none that the transmitter knows. What it reports goes its own
    /// way and is not waited for.
    pub fn called(&self, transmitter: &str, call: &Call<'_>) -> Option<Answer> {
        let ways = self.inner.ways();
        ways.routing.transmitter(transmitter)?.called(call, self.inner.clock.now())
    }
}
