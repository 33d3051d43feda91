//! The keys of a transmitter that may have a preset.

use super::field::Field;
use super::section::Section;
use crate::base::Channel;

/// The operator's keys and, behind them, the preset's.
pub(super) struct Keys<'k, 'd> {
    pub(super) own: &'k Section<'d>,
    pub(super) preset: Option<&'k Section<'d>>,
    pub(super) channel: Channel,
}

impl<'d> Keys<'_, 'd> {
    pub(super) fn optional(&self, key: &'static str) -> Option<Field<'d>> {
        self.own.optional(key).or_else(|| self.preset.and_then(|preset| preset.optional(key)))
    }
}
