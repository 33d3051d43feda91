//! Words that every layer shares. Depends on nothing of ours; what stands here is used by three modules or more.

pub mod channel;
pub mod clock;
pub mod cookie;
pub mod country;
pub mod dn;
pub mod encoding;
/// How tests wait, here as through the front door.
#[cfg(test)]
#[path = "../../tests/doorward/support/eventually.rs"]
pub mod eventually;
pub mod factor;
pub mod fast_socket;
pub mod files;
pub mod header_claims;
pub mod id;
pub mod keys;
pub mod language;
pub mod net;
pub mod path;
pub mod phone;
pub mod random;
pub mod rate;
pub mod secret;
pub mod span;
pub mod timings;
pub mod tls;
pub mod unicode;

pub use channel::Channel;
pub use clock::{Clock, Time};
pub use country::Country;
pub use dn::Dn;
pub use factor::{Factor, Plan};
pub use id::{TraceId, UserId};
pub use keys::Keys;
pub use language::{Language, Texts};
pub use random::Random;
pub use rate::Rate;
pub use secret::Secret;
pub use span::Span;
pub use timings::{Timing, Timings};

/// An answer that comes later, from something that stands behind a trait object.
pub type Later<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
