//! Driver: State -> wanted kernel objects, one file a driver. Decides, never acts.
