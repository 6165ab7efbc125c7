//! The difference between wanted and found, as steps.

use super::{Found, Step, Wanted};

/// Returns the steps that lead from what was found to what is wanted.
pub fn diff(_found: &Found, _wanted: &Wanted) -> Vec<Step> {
    Vec::new()
}
