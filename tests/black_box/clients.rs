//! The programs that ask: each client resolves, in a sandbox, names of every kind, and says what is not there in its own
//! words: the table of `tests/README.md`.

use crate::host::Host;
use crate::names::upstream::Upstream;
use std::fs;
use std::path::Path;
use std::thread;

/// What is asked: a name, a type, and what that is.
const QUESTIONS: [(&str, &str, &str); 6] = [
    ("web", "A", "local A"),
    ("web", "AAAA", "local AAAA"),
    ("four", "AAAA", "no such type"),
    ("nobody", "A", "no such name"),
    ("www.example.test", "A", "forwarded A"),
    ("big", "TXT", "TXT of 3,000 bytes"),
];

const V4: &str = "172.18.0.2";
const V6: &str = "fd18::2";
const FAR: &str = "198.51.100.7";
const WHOLE: &str = "3000 bytes";

/// A client: its name, how it is asked, and what it says to each of [`QUESTIONS`].
struct Client(&'static str, &'static [&'static str], [&'static str; 6]);

const CLIENTS: [Client; 11] = [
    Client("dig", &["bash", "ask.sh", "dig"], [V4, V6, "NOERROR", "NXDOMAIN", FAR, WHOLE]),
    Client("kdig", &["bash", "ask.sh", "kdig"], [V4, V6, "NOERROR", "NXDOMAIN", FAR, WHOLE]),
    Client("drill", &["bash", "ask.sh", "drill"], [V4, V6, "NOERROR", "NXDOMAIN", FAR, WHOLE]),
    Client(
        "delv",
        &["bash", "ask.sh", "delv"],
        [V4, V6, "ncache nxrrset", "ncache nxdomain", FAR, WHOLE],
    ),
    Client("glibc", &["./glibc"], [V4, V6, "EAI_NODATA", "EAI_NONAME", FAR, WHOLE]),
    // Before 1.2.4 it does not ask again over TCP: what is truncated is empty.
    Client("musl", &["./musl"], [V4, V6, "EAI_NONAME", "EAI_NONAME", FAR, "NO_DATA"]),
    Client("Go", &["./go"], [V4, V6, "no such host", "no such host", FAR, WHOLE]),
    Client("Node, c-ares", &["node", "ask.js"], [V4, V6, "ENODATA", "ENOTFOUND", FAR, WHOLE]),
    Client(
        "Java, InetAddress",
        &["java", "-cp", ".", "Ask", "InetAddress"],
        [V4, "fd18:0:0:0:0:0:0:2", "others alone", "UnknownHostException", FAR, ""],
    ),
    Client(
        "Java, JNDI",
        &["java", "-cp", ".", "Ask", "JNDI"],
        [V4, V6, "no attribute", "NameNotFoundException", FAR, WHOLE],
    ),
    Client(
        "Python, dnspython",
        &["/usr/bin/python3", "ask.py"],
        [V4, V6, "NoAnswer", "NXDOMAIN", FAR, WHOLE],
    ),
];

/// What the clients are made of, and how those that are compiled are made.
const SOURCES: [(&str, &str); 6] = [
    ("ask.sh", include_str!("clients/ask.sh")),
    ("ask.c", include_str!("clients/ask.c")),
    ("ask.go", include_str!("clients/ask.go")),
    ("ask.js", include_str!("clients/ask.js")),
    ("Ask.java", include_str!("clients/Ask.java")),
    ("ask.py", include_str!("clients/ask.py")),
];
const MADE_BY: [&str; 4] = [
    "gcc -o glibc ask.c -lresolv",
    "musl-gcc -static -o musl ask.c",
    "CGO_ENABLED=0 GOPATH=$PWD/gopath GOCACHE=$PWD/gocache go build -o go ask.go",
    "javac Ask.java",
];

impl Client {
    /// Asks everything, and returns what it said otherwise than it should.
    fn wrong(&self, host: &Host) -> Vec<String> {
        let Self(client, words, wanted) = self;
        let asked = QUESTIONS.iter().zip(wanted).filter(|(_, wanted)| !wanted.is_empty());
        let questions: Vec<&str> =
            asked.clone().flat_map(|((name, kind, _), _)| [*name, *kind]).collect();
        let script =
            format!("cd {} && {} {}", host.dir().display(), words.join(" "), questions.join(" "));
        let ran = host.inside("client", &script);
        let said: Vec<&str> = ran.out.lines().collect();
        if said.len() != asked.clone().count() {
            return vec![format!("{client} does not run: {}{}", ran.out, ran.err)];
        }
        let each = asked.zip(said).filter(|((_, wanted), said)| *wanted != said);
        each.map(|(((_, _, what), wanted), said)| format!("{client}: {what}: {said}, not {wanted}"))
            .collect()
    }

    fn row(&self) -> String {
        let Self(client, _, said) = self;
        format!("| {client} | {} |\n", said.join(" | "))
    }
}

#[test]
fn every_client_resolves_local_missing_forwarded_and_large_and_says_so_in_its_words() {
    let mut host = Host::new();
    host.start(&[]);
    let _upstream = Upstream::at_router(&host);
    host.netdns(&["network", "create", "--ipv6", "--subnet", "fd18::/64", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("client", &["--network", "localnet"]);
    host.netdns(&["register", "four", "192.0.2.4"]).ok();
    host.netdns(&["register", "big", "--type", "TXT", &"0123456789".repeat(300)]).ok();
    for (name, text) in SOURCES {
        fs::write(host.path(name), text).expect("a source");
    }
    let wrong: Vec<String> = thread::scope(|scope| {
        let made = MADE_BY.map(|made| {
            let script = format!("cd {} && {made}", host.dir().display());
            let host = &host;
            scope.spawn(move || host.sh(&script).ok())
        });
        for made in made {
            made.join().expect("a client of tests/run.sh's packages is made");
        }
        let asked: Vec<_> =
            CLIENTS.iter().map(|client| scope.spawn(|| client.wrong(&host))).collect();
        asked.into_iter().flat_map(|asked| asked.join().expect("it is asked")).collect()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// `UPDATE=1` writes it.
#[test]
fn the_table_of_clients_in_the_readme_is_what_is_tested() {
    const MARKS: [&str; 2] = [
        "<!-- made by the tests: UPDATE=1 writes the clients -->\n",
        "<!-- the clients end here -->\n",
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let found = fs::read_to_string(&path).expect("tests/README.md");
    let (head, rest) = found.split_once(MARKS[0]).expect("the first mark");
    let (tail, after) = rest.split_once(MARKS[1]).expect("the second mark");
    let mut table = format!("\n| client | {} |\n", QUESTIONS.map(|(_, _, what)| what).join(" | "));
    table += &format!("|{}\n", "---|".repeat(1 + QUESTIONS.len()));
    table.extend(CLIENTS.iter().map(Client::row));
    table.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        let text = [head, MARKS[0], &table, MARKS[1], after].concat();
        fs::write(&path, text).expect("tests/README.md is written");
        return;
    }
    assert_eq!(tail, table, "UPDATE=1 rewrites tests/README.md");
}
