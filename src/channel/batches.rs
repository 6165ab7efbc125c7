//! Batches: many updates cut into messages that fit a packet with room to spare.

use crate::registry::Update;

/// The size that a batch does not exceed, in bytes of JSON, unless one update alone does.
const BATCH: usize = 60 * 1024;

/// Cuts updates into batches of at most 60 KiB each, in order.
pub fn batches(updates: Vec<Update>) -> impl Iterator<Item = Vec<Update>> {
    let mut updates = updates.into_iter().map(|update| (size(&update), update)).peekable();
    std::iter::from_fn(move || {
        let (mut filled, first) = updates.next()?;
        let mut batch = vec![first];
        while let Some((more, update)) = updates.next_if(|(more, _)| filled + more <= BATCH) {
            filled += more;
            batch.push(update);
        }
        Some(batch)
    })
}

/// Returns an update's length as JSON, with its comma.
fn size(update: &Update) -> usize {
    serde_json::to_vec(update).map_or(0, |json| json.len() + 1)
}
