//! What is read of a gateway's section, whatever of it is read.

use crate::base::Channel;
use crate::config::document::Section;

/// The section of an HTTP gateway, and the channel that it serves.
pub(in crate::config) struct Keys<'k, 'd> {
    pub(in crate::config) section: &'k Section<'d>,
    pub(in crate::config) channel: Channel,
}
