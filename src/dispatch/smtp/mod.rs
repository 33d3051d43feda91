//! What a mail relay is spoken to with: SMTP (RFC 5321) as a client, for one message a connection. It is led step by step, because what a
//! refusal means depends on the step, and because it must be known at every moment whether the relay may have the message already.

pub(super) mod address;
pub mod blame;
pub(super) mod hello;
mod line;
mod offers;
pub mod reply;
pub(super) mod session;
