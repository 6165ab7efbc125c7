//! Controller: the one writer. Decide, record, converge, publish.
