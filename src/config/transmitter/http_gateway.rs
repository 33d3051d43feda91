//! What the readers of an HTTP gateway share: its section, and what it is for.

use crate::base::Channel;
use crate::config::document::Section;

/// The section of an HTTP gateway, and the channel that it serves.
pub(in crate::config) struct Gateway<'k, 'd> {
    pub(in crate::config) section: &'k Section<'d>,
    pub(in crate::config) channel: Channel,
}
