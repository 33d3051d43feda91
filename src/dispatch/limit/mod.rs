//! What keeps messages within bounds: allowances by user, number and day, and a look at where codes go.

pub(super) mod allowance;
pub(super) mod toll_fraud;
