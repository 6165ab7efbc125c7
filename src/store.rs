//! Store: State's record on disk, two files.
