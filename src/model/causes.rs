//! An error as people read it: what failed and why, in one line.

use std::error::Error;
use std::iter::successors;

/// Returns an error's text with those of its causes, but for one that the text so far ends with already.
pub fn with_causes(error: &dyn Error) -> String {
    successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source()).fold(
        error.to_string(),
        |text, cause| {
            let cause = cause.to_string();
            if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
        },
    )
}
