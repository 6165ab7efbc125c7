//! Time as text (RFC 3339), with nine digits after the second as Docker writes it.

use crate::model::{Millis, civil_time};

/// Writes a time as `2026-11-24T08:20:17.123000000Z`.
pub fn rfc3339(time: Millis) -> String {
    format!("{}.{:03}000000Z", civil_time(time), time % 1000)
}
