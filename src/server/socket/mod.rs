//! What stands between a client's connection and the kernel's socket. From the outside to the inside: [`watched::Watched`] counts and gives the library's answers words ([`own_words`]), TLS,
//! [`ticket_coalescing`] and [`write_timeout`]; over HTTP/2 [`h2_write_batch`] stands around all of them.

pub(super) mod h2_write_batch;
pub(super) mod own_words;
pub(super) mod ticket_coalescing;
pub(super) mod watched;
pub(super) mod write_timeout;
