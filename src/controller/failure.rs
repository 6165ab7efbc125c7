//! Failure: why a command did not come true.

use crate::kernel::KernelError;
use crate::model::{Kind, Refusal, with_causes};
use crate::store::StoreError;

/// A refusal, or what the kernel or the disk did.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The kernel would not.
    #[error(transparent)]
    Kernel(KernelError),
    /// It could not be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of this name exists that netdns did not make.
    #[error("{0}")]
    Conflict(String),
    /// The resolver does not answer.
    #[error("the resolver does not answer")]
    Silent,
    /// The sandbox would not die.
    #[error("sandbox {0} did not end after SIGKILL")]
    Undead(crate::model::SandboxName),
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Refused(refusal) => Self::Refused(refusal),
            error => Self::Kernel(error),
        }
    }
}

impl Failure {
    /// Returns what sort of no it is, if it is one.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Refused(refusal) => Some(refusal.kind()),
            Self::Conflict(_) => Some(Kind::Conflict),
            Self::Kernel(_) | Self::Store(_) | Self::Silent | Self::Undead(_) => None,
        }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Kernel(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Conflict(_) => {
                Some("netdns leaves alone what it did not make: rename or remove it".into())
            }
            Self::Silent => Some("netdns status shows whether there is one".into()),
            Self::Undead(_) => None,
        }
    }

    /// Returns the whole chain of causes in one line.
    pub fn text(&self) -> String {
        with_causes(self)
    }
}
