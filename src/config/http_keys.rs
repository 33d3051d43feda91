//! What is read of a gateway's section, whatever of it is read.

use super::section::Section;
use crate::base::Channel;

/// The section of an HTTP gateway, and the channel that it serves.
pub(super) struct Keys<'k, 'd> {
    pub(super) section: &'k Section<'d>,
    pub(super) channel: Channel,
}
