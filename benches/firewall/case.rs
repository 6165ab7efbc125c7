//! What can be measured.

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// One port.
    One,
    /// Many ports as one range.
    Range,
    /// As many by themselves.
    Singles,
    /// As many UDP ports as one range: flows that were begun to them before are forgotten.
    Udp,
    /// Many sandboxes with a port each.
    Endpoints,
    /// From beyond the host through a published port.
    Published,
    /// From a sandbox to another on its network.
    Neighbours,
}

impl Case {
    pub const ALL: [Self; 7] = [
        Self::One,
        Self::Range,
        Self::Singles,
        Self::Udp,
        Self::Endpoints,
        Self::Published,
        Self::Neighbours,
    ];

    /// Returns what `--only` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Range => "range",
            Self::Singles => "singles",
            Self::Udp => "udp",
            Self::Endpoints => "endpoints",
            Self::Published => "published",
            Self::Neighbours => "neighbours",
        }
    }

    /// Finds the cases of a list.
    pub fn chosen(names: &str) -> Result<Vec<Self>, String> {
        let find = |name: &str| {
            let found = Self::ALL.into_iter().find(|case| case.name() == name);
            let known = || Self::ALL.map(Self::name).join(", ");
            found.ok_or_else(|| format!("{name} is no case; there are {}", known()))
        };
        names.split(',').map(find).collect()
    }
}
