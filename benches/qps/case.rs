//! What is asked.

/// One case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// A local name's address.
    Local,
    /// The same among 100,000 names.
    Many,
    /// A name that is denied without asking anybody.
    Nxdomain,
    /// A local address back to its name.
    Ptr,
    /// A local name over TCP.
    Tcp,
    /// A name of an upstream that has been asked before.
    Cached,
    /// Names of an upstream, each asked once.
    Uncached,
    /// A local name, one look-up at a time, each from a socket of its own.
    Fresh,
    /// A local name asked by one sandbox over 200 sockets, one query each at a time.
    Sandboxes1,
    /// The same by two sandboxes, 100 sockets each.
    Sandboxes2,
    /// The same by 200 sandboxes, a socket each.
    Sandboxes200,
    /// A name of the last of 16 networks that the asker is on.
    Networks16,
    /// Names of an upstream, the first of two servers being silent; one look-up at a time.
    Dead,
}

/// All of them, by their names on the command line.
const ALL: [(Case, &str, &str); 13] = [
    (Case::Local, "local", "A local name"),
    (Case::Many, "many", "A local name among 100,000"),
    (Case::Nxdomain, "nxdomain", "A name that is denied (NXDOMAIN) without asking anybody"),
    (Case::Ptr, "ptr", "A local address back to its name (PTR)"),
    (Case::Tcp, "tcp", "A local name over TCP"),
    (Case::Cached, "cached", "A forwarded name that was asked before"),
    (Case::Uncached, "uncached", "Forwarded names, each asked once"),
    (Case::Fresh, "fresh", "A local name, one look-up at a time, each from a fresh socket"),
    (Case::Sandboxes1, "sandboxes-1", "A local name, one sandbox with 200 sockets"),
    (Case::Sandboxes2, "sandboxes-2", "A local name, two sandboxes with 100 sockets each"),
    (Case::Sandboxes200, "sandboxes-200", "A local name, 200 sandboxes with a socket each"),
    (Case::Networks16, "networks-16", "A name of the last of the asker's 16 networks"),
    (Case::Dead, "dead", "Forwarded names, the first of two servers silent, one look-up at a time"),
];

impl Case {
    /// Returns all cases.
    pub fn all() -> Vec<Self> {
        ALL.iter().map(|(case, ..)| *case).collect()
    }

    /// Returns those that a list names.
    pub fn chosen(list: &str) -> Result<Vec<Self>, String> {
        let find = |name: &str| ALL.iter().find(|(_, of, _)| *of == name).map(|(case, ..)| *case);
        let all: Vec<&str> = ALL.iter().map(|(_, name, _)| *name).collect();
        let missing = |name| format!("there is no case {name}; there are {}", all.join(", "));
        list.split(',').map(|name| find(name).ok_or_else(|| missing(name))).collect()
    }

    /// Returns its name on the command line and in the raw figures.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(case, ..)| *case == self).map_or("", |(_, name, _)| name)
    }

    /// Returns what it is, for a heading.
    pub fn title(self) -> &'static str {
        ALL.iter().find(|(case, ..)| *case == self).map_or("", |(.., title)| title)
    }

    /// Returns from how many sandboxes 200 sockets ask, if they do.
    pub fn sandboxes(self) -> Option<usize> {
        match self {
            Self::Sandboxes1 => Some(1),
            Self::Sandboxes2 => Some(2),
            Self::Sandboxes200 => Some(200),
            _ => None,
        }
    }
}
