//! The calls: a request type, its method name, its reply. The bodies are JSON; a refusal is an [`ErrorBody`].

use super::view;
use crate::channel::Resolution;
use crate::model::{
    DnsName, EndpointRequest, Kind, NetworkRequest, RegisterRequest, RrType, RunRequest,
    SandboxName,
};
use crate::registry::Source;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A request that the daemon answers.
pub trait Call: Serialize + DeserializeOwned + Send + 'static {
    /// The last part of the path.
    const METHOD: &'static str;
    /// What comes back.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
}

/// Why a call failed; the status is 400, 404, 409, 507 or 500.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What sort of no it is; none for a failure.
    pub kind: Option<Kind>,
    /// One line that names the thing.
    pub error: String,
    /// What to do.
    pub hint: Option<String>,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident $method:literal -> $reply:ty { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $name {
            $($(#[$fdoc])* pub $field: $type,)*
        }

        impl Call for $name {
            const METHOD: &'static str = $method;
            type Reply = $reply;
        }
    )*};
}

calls! {
    /// `status`.
    GetStatus "status" -> view::Status {}
    /// `events`: what has happened after an event; where nothing has, waits for it.
    Events "events" -> Happened {
        /// The last event that is known: 0 for all that are kept, none for only what comes.
        after: Option<u64>,
        /// How long to wait at most, in seconds.
        wait: u32,
    }
    /// `query-log`: what sandboxes have asked after a query; where they have asked nothing, waits two seconds for it.
    ReadQueryLog "query.log" -> Asked {
        /// The last query that is known; none for only what comes.
        after: Option<u64>,
        /// Of these sandboxes alone, if there are any: id, name or id prefix.
        sandboxes: Vec<String>,
    }
    /// `reset`: stops every sandbox and removes everything that bears our mark.
    Reset "reset" -> Done {}

    /// `cache flush`.
    FlushCache "cache.flush" -> Done {}

    /// `network create`.
    CreateNetwork "network.create" -> Created {
        /// What is wanted.
        network: NetworkRequest,
    }
    /// `network ls`: all networks as inspect shows them.
    ListNetworks "network.list" -> Vec<view::Network> {}
    /// `network inspect`, one of its arguments.
    InspectNetwork "network.inspect" -> view::Network {
        /// Id, name or id prefix.
        network: String,
    }
    /// `network inspect --ruleset`, one of its arguments: the firewall's rules that serve it, as nftables writes them.
    GetRuleset "network.ruleset" -> String {
        /// Id, name or id prefix.
        network: String,
    }
    /// `network rm`, one of its arguments; replies with the name.
    RemoveNetwork "network.remove" -> Removed {
        /// Id, name or id prefix.
        network: String,
    }
    /// `network connect`.
    Connect "network.connect" -> Done {
        /// The network with what is wanted on it.
        endpoint: EndpointRequest,
        /// The sandbox.
        sandbox: String,
    }
    /// `network disconnect`.
    Disconnect "network.disconnect" -> Done {
        /// The network.
        network: String,
        /// The sandbox.
        sandbox: String,
    }

    /// `run` and `attach`: the namespace exists and waits.
    Attach "sandbox.attach" -> Attached {
        /// What is wanted.
        sandbox: RunRequest,
    }
    /// `detach`; an unknown sandbox is no error, `existed` is false then.
    Detach "sandbox.detach" -> Detached {
        /// The sandbox.
        sandbox: String,
    }
    /// `ps` and `inspect`: all sandboxes as inspect shows them, stopped ones too.
    ListSandboxes "sandbox.list" -> Vec<view::Sandbox> {}
    /// `stats`: all sandboxes with what they have carried, stopped ones too.
    ListStats "sandbox.stats" -> Vec<view::Stats> {}
    /// `inspect`, one of its arguments.
    InspectSandbox "sandbox.inspect" -> view::Sandbox {
        /// Id, name or id prefix.
        sandbox: String,
    }
    /// `stop`: SIGTERM, and SIGKILL after the grace period; returns when the end is recorded. Replies with the name.
    Stop "sandbox.stop" -> Removed {
        /// The sandbox.
        sandbox: String,
        /// The grace period in seconds.
        seconds: u32,
    }
    /// `rm`. Replies with the name.
    RemoveSandbox "sandbox.remove" -> Removed {
        /// The sandbox.
        sandbox: String,
        /// Kill it first if it runs.
        force: bool,
    }
    /// `kill`. Replies with the name.
    Signal "sandbox.signal" -> Removed {
        /// The sandbox.
        sandbox: String,
        /// The signal's number.
        number: i32,
    }
    /// `wait`: replies when the sandbox has ended.
    Wait "sandbox.wait" -> Ended {
        /// The sandbox.
        sandbox: String,
    }
    /// `rename`.
    Rename "sandbox.rename" -> Done {
        /// The sandbox.
        sandbox: String,
        /// Its name from now on.
        name: SandboxName,
    }
    /// What the CLI says when a child of its own has ended: returns when the end is recorded.
    Settle "sandbox.settle" -> Done {
        /// The sandbox's id.
        sandbox: String,
    }

    /// `alias add`.
    AddAlias "alias.add" -> Done {
        /// The network.
        network: String,
        /// The sandbox.
        sandbox: String,
        /// One more name of it there.
        alias: DnsName,
    }
    /// `alias rm`.
    RemoveAlias "alias.remove" -> Done {
        /// The network.
        network: String,
        /// The sandbox.
        sandbox: String,
        /// The name that goes.
        alias: DnsName,
    }
    /// `register`.
    Register "name.register" -> Registered {
        /// What is wanted.
        record: RegisterRequest,
    }
    /// `deregister`; 404 if there was none.
    Deregister "name.deregister" -> Done {
        /// The owner name.
        name: DnsName,
        /// One type only.
        rr_type: Option<RrType>,
        /// One network only: id, name or id prefix.
        network: Option<String>,
    }
    /// `names`.
    ListNames "name.list" -> Vec<NameItem> {}
    /// `resolve`: as a sandbox would see it or as a member of a network would; one of the two.
    Resolve "name.resolve" -> Resolved {
        /// The name.
        name: DnsName,
        /// The type: a mnemonic or `TYPE123`.
        rr_type: String,
        /// The sandbox.
        sandbox: Option<String>,
        /// The network.
        network: Option<String>,
    }
}

/// The command was done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    /// Lines for stderr.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What has happened, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Happened {
    /// The events.
    pub events: Vec<view::Event>,
    /// What to ask with next.
    pub last: u64,
    /// Whether some in between are kept no more.
    pub lost: bool,
}

/// What sandboxes have asked, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The queries.
    pub queries: Vec<view::Query>,
    /// What to ask with next, within ten seconds.
    pub last: u64,
    /// How many in between, of any sandbox, are kept no more.
    pub lost: u64,
}

/// A network was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// Lines for stderr.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Something was removed or stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Lines for stderr.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A sandbox has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code, 128+N for a signal.
    pub code: i32,
}

/// A sandbox was detached, or was not there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detached {
    /// Whether it was there.
    pub existed: bool,
}

/// A sandbox was attached: what the CLI puts into it before its command starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attached {
    /// Its id.
    pub id: String,
    /// Its name, made up if none was given.
    pub name: String,
    /// Its host name.
    pub hostname: String,
    /// /etc/resolv.conf; none on the host's network, where the host's holds.
    pub resolv_conf: Option<String>,
    /// /etc/hosts; none likewise.
    pub hosts: Option<String>,
    /// Lines for stderr.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A name was registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// The data that it replaced, as text.
    pub replaced: Vec<String>,
    /// Lines for stderr.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A line of `names`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameItem {
    /// The owner name.
    pub name: String,
    /// The network's name; `*` for all user-defined ones.
    pub network: String,
    /// The record type.
    pub r#type: String,
    /// The data as text.
    pub data: String,
    /// Seconds.
    #[serde(rename = "TTL")]
    pub ttl: u32,
    /// Where it comes from.
    pub source: Source,
    /// The sandbox's name; empty if it is nobody's.
    pub sandbox: String,
}

/// The reply of `resolve`, with the network's name in the place of its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resolved {
    /// What the resolver said.
    #[serde(flatten)]
    pub resolution: Resolution,
    /// The network's name.
    #[serde(rename = "NetworkName")]
    pub network_name: Option<String>,
}
