//! Who reaches whom, as a table: each row is one question with real packets, and a line of `tests/README.md`.
//!
//! A row that is denied has a twin that is allowed, so that it cannot be denied for want of a path. A scene is a host
//! with its sandboxes; its rows are asked all at once, from each place by one program.

use crate::host::Host;
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread;

/// Seconds after which nobody will answer: for rows that are denied, and for those that must not be.
const PATIENCE: [&str; 2] = ["1", "15"];

/// What becomes of a question.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// It is answered, and the server sees this place ask.
    Seen(&'static str),
    /// Nobody answers; from the first place here to the second, somebody does.
    Denied(&'static str, &'static str),
}

/// One question: the rule that says what becomes of it, who asks, what, and what becomes of it.
pub type Row = (&'static str, &'static str, &'static str, Outcome);

/// Rows that share a host.
pub struct Scene {
    /// What it is about: a heading.
    pub name: &'static str,
    /// What stands there: a sentence.
    pub about: &'static str,
    /// The rows.
    pub rows: &'static [Row],
}

/// Where the places of a scene are: `web.v4` is an address. The namespaces to ask from are `host`, `router`, and sandboxes
/// by their names.
pub struct Places<'a> {
    host: &'a Host,
    addresses: BTreeMap<String, String>,
}

impl<'a> Places<'a> {
    /// Starts with the host and the router, both families.
    pub fn new(host: &'a Host) -> Self {
        let known = [
            ("host.v4", "10.9.0.2"),
            ("host.v6", "fd09::2"),
            ("router.v4", "10.9.0.1"),
            ("router.v6", "fd09::1"),
            ("loopback.v4", "127.0.0.1"),
            ("loopback.v6", "::1"),
        ];
        let addresses = known.map(|(place, address)| (place.to_owned(), address.to_owned()));
        Self { host, addresses: addresses.into() }
    }

    /// Adds `gateway.v4` and `gateway.v6`, a network's.
    pub fn gateway(&mut self, network: &str) {
        let shown = self.shown(&["network", "inspect", network]);
        let subnets = shown[0]["IPAM"]["Config"].as_array().expect("subnets");
        for subnet in subnets {
            let address = subnet["Gateway"].as_str().expect("an address");
            let family = if address.contains(':') { "v6" } else { "v4" };
            self.addresses.insert(format!("gateway.{family}"), address.to_owned());
        }
    }

    /// Adds `NAME.v4` and `NAME.v6`, a sandbox's addresses on a network.
    pub fn sandbox(&mut self, name: &str, network: &str) {
        let shown = self.shown(&["inspect", name]);
        let endpoint = &shown[0]["NetworkSettings"]["Networks"][network];
        for (family, key) in [("v4", "IPAddress"), ("v6", "GlobalIPv6Address")] {
            let address = endpoint[key].as_str().expect("an address");
            self.addresses.insert(format!("{name}.{family}"), address.to_owned());
        }
    }

    fn shown(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.host.netdns(words).ok()).expect("JSON")
    }

    fn address(&self, place: &str) -> &str {
        self.addresses.get(place).unwrap_or_else(|| panic!("no place {place}"))
    }

    /// Writes `web.v6:80/tcp` as `[fd00::2]:80/tcp`.
    fn socket(&self, to: &str) -> String {
        let (place, port) = to.split_once(':').expect("a port");
        let address = self.address(place);
        if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        }
    }

    /// Asks from one place, and returns who each server saw.
    fn ask(&self, from: &str, patience: &str, to: &[&str]) -> Vec<String> {
        let sockets: Vec<String> = to.iter().map(|to| self.socket(to)).collect();
        let mut words = vec!["python3", "-c", include_str!("ask.py"), patience];
        words.extend(sockets.iter().map(String::as_str));
        let ran = match from {
            "host" => self.host.run(&words),
            "router" => self.host.run(&[&["ip", "netns", "exec", "router"], &words[..]].concat()),
            sandbox => self.host.netdns(&[&["exec", sandbox], &words[..]].concat()),
        };
        ran.ok().lines().map(str::to_owned).collect()
    }
}

impl Scene {
    /// Asks every row, and fails with all that came out otherwise.
    #[track_caller]
    pub fn holds(&self, places: &Places, when: &str) {
        let mut questions = Questions::new();
        for (_, from, to, outcome) in self.rows {
            match outcome {
                Outcome::Seen(_) => questions.entry((from, PATIENCE[1])).or_default().push(to),
                Outcome::Denied(by, at) => {
                    questions.entry((from, PATIENCE[0])).or_default().push(to);
                    questions.entry((by, PATIENCE[1])).or_default().push(at);
                }
            }
        }
        let answers = answers(places, &questions);
        let wrong = self.rows.iter().filter_map(|row| wrong(row, places, &answers));
        self.fail(wrong.collect(), when);
    }

    /// Asks the rows that are denied, without their twins, and fails if one is answered.
    #[track_caller]
    pub fn stays_closed(&self, places: &Places, when: &str) {
        let mut questions = Questions::new();
        for (_, from, to, outcome) in self.rows {
            if matches!(outcome, Outcome::Denied(..)) {
                questions.entry((from, PATIENCE[0])).or_default().push(to);
            }
        }
        let answers = answers(places, &questions);
        let open = answers.iter().filter(|(_, answer)| *answer != "-");
        self.fail(
            open.map(|(row, seen)| format!("{row:?} is answered, as {seen}")).collect(),
            when,
        );
    }

    #[track_caller]
    fn fail(&self, wrong: Vec<String>, when: &str) {
        assert!(wrong.is_empty(), "{}, {when}:\n{}", self.name, wrong.join("\n"));
    }

    /// Returns the scene's part of `tests/README.md`.
    pub fn text(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.name, self.about);
        text += "| rule | from | asks | and |\n|---|---|---|---|\n";
        for (rule, from, to, outcome) in self.rows {
            let outcome = match outcome {
                Outcome::Seen(place) => format!("is answered as `{place}`"),
                Outcome::Denied(by, at) => format!("is not; `{by}` at `{at}` is"),
            };
            text += &format!("| {rule} | `{from}` | `{to}` | {outcome} |\n");
        }
        text
    }
}

/// By whom and with which patience what is asked.
type Questions = BTreeMap<(&'static str, &'static str), Vec<&'static str>>;

/// What came of each question, by who asked what.
type Answers = BTreeMap<(&'static str, &'static str), String>;

/// Asks all at once.
fn answers(places: &Places, questions: &Questions) -> Answers {
    thread::scope(|scope| {
        let asked: Vec<_> = questions
            .iter()
            .map(|((from, patience), to)| {
                (from, to, scope.spawn(move || places.ask(from, patience, to)))
            })
            .collect();
        let joined = asked.into_iter().flat_map(|(from, to, asked)| {
            let answers = asked.join().expect("the question is asked");
            to.iter().map(|to| (*from, *to)).zip(answers)
        });
        joined.collect()
    })
}

fn wrong((rule, from, to, outcome): &Row, places: &Places, answers: &Answers) -> Option<String> {
    let answer = |from, to| answers[&(from, to)].as_str();
    match *outcome {
        Outcome::Seen(place) => {
            let (wanted, found) = (places.address(place), answer(*from, *to));
            (wanted != found)
                .then(|| format!("{rule}: {from} at {to} is seen as {found}, not {wanted}"))
        }
        Outcome::Denied(by, at) => match (answer(*from, *to), answer(by, at)) {
            ("-", "-") => {
                Some(format!("{rule}: {from} at {to}: its twin, {by} at {at}, is denied too"))
            }
            ("-", _) => None,
            (found, _) => Some(format!("{rule}: {from} at {to} is answered, as {found}")),
        },
    }
}
