//! Etc: the text of a sandbox's resolv.conf and hosts. Pure.
