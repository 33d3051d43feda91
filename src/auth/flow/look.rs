//! A look at a sign-in under way.

use std::sync::Arc;

use super::Challenge;
use super::engine::FactorStep;
use crate::auth::ask::{FlowOver, Told};
use crate::auth::attempt::Attempt;
use crate::auth::services::CouldNotTell;
use crate::auth::view::{AskedView, FlowView};

impl FactorStep {
    /// What the page shows, or where the flow is instead.
    pub async fn look(&self, at: &Attempt, flow_id: &str) -> Result<Told, CouldNotTell> {
        let now = self.services.clock.now();
        let Some((flow, _)) = self.flows.find(at, flow_id, now).await? else { return Ok(Told::Over(FlowOver::Gone)) };
        let pending = match flow.pending() {
            Ok(pending) => pending,
            Err(state) => return Ok(state.told(flow_id, &flow)),
        };
        let asked = match &pending.asked {
            Challenge::Passcode(sent) => AskedView::Passcode(self.passcodes.view(pending, sent, now).await?),
        };
        Ok(Told::Flow(Box::new(FlowView {
            tries_left: pending.tries_left,
            last: pending.last,
            asked,
            application: Arc::clone(at.door.name()),
            name: flow.typed_name,
            back: flow.back,
            language: flow.language,
            trace: flow.trace,
            now,
        })))
    }
}
