//! Cli: the clap tree, one file a noun; printing; `run`, `exec`, the init.
