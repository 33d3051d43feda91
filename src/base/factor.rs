//! What a person can prove, and which of it is enough.

use serde::{Deserialize, Serialize};

/// One thing that a person can prove. A new factor is a variant here and a module in `src/auth` that begins and judges it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Factor {
    Password,
    Passcode,
}

impl Factor {
    /// As the configuration and the journal have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passcode => "passcode",
        }
    }
}

/// The alternatives of a rule's `factors`, in the order in which they are offered. All factors of one alternative are needed (`a+b`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan(Vec<Vec<Factor>>);

impl Plan {
    /// Each inner list is one alternative. No alternatives at all are a plan that nothing meets.
    pub const fn new(alternatives: Vec<Vec<Factor>>) -> Self {
        Self(alternatives)
    }

    /// A plan that asks for nothing besides what was proven by then.
    pub fn nothing() -> Self {
        Self(vec![Vec::new()])
    }

    /// Whether what was proven is enough: every factor of at least one alternative.
    pub fn is_met_by(&self, proven: &[Factor]) -> bool {
        self.0.iter().any(|alternative| alternative.iter().all(|factor| proven.contains(factor)))
    }

    /// The factors that may be asked for next: of each alternative the first that is not proven. Each is named once; the one to begin with
    /// comes first. None where the plan is met.
    pub fn open(&self, proven: &[Factor]) -> Vec<Factor> {
        let mut open = Vec::new();
        if self.is_met_by(proven) {
            return open;
        }
        for alternative in &self.0 {
            if let Some(next) = alternative.iter().find(|factor| !proven.contains(factor))
                && !open.contains(next)
            {
                open.push(*next);
            }
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::Factor::{Passcode, Password};
    use super::*;

    #[test]
    fn a_plan_is_met_by_all_factors_of_one_alternative() {
        type Row<'a> = (Vec<Vec<Factor>>, &'a [Factor], bool, &'a [Factor]);
        let table: [Row<'_>; 9] = [
            (vec![vec![Passcode]], &[Password], false, &[Passcode]),
            (vec![vec![Passcode]], &[Password, Passcode], true, &[]),
            (vec![vec![Passcode, Password]], &[], false, &[Passcode]),
            (vec![vec![Passcode, Password]], &[Passcode], false, &[Password]),
            (vec![vec![Passcode, Password]], &[Password], false, &[Passcode]),
            (vec![vec![Password], vec![Passcode]], &[], false, &[Password, Passcode]),
            (vec![vec![Password, Passcode], vec![Password]], &[], false, &[Password]),
            (vec![vec![]], &[], true, &[]),
            (vec![], &[Password, Passcode], false, &[]),
        ];
        for (row, (alternatives, proven, met, open)) in table.into_iter().enumerate() {
            let plan = Plan::new(alternatives);
            assert_eq!((plan.is_met_by(proven), plan.open(proven).as_slice()), (met, open), "row {row}");
        }
        assert!(Plan::nothing().is_met_by(&[]));
    }

    #[test]
    fn factors_are_named_in_records_as_in_the_configuration() {
        for factor in [Password, Passcode] {
            assert_eq!(serde_json::to_string(&factor).unwrap(), format!("\"{}\"", factor.name()));
        }
    }
}
