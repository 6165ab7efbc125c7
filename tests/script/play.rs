//! The stage: plays a script against the resolver's core, without a socket and without waiting.

use hickory_proto::op::{Edns, Message, Query as Asked, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use netdns::resolver::cache::{Cache, Known};
use netdns::resolver::flight::{Ask, Failure, Flight, Sending, Step};
use netdns::resolver::query::{Parsed, parse};
use netdns::resolver::question::Question;
use netdns::resolver::servers::Servers;
use netdns::resolver::wire::Transport;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Plays a script; panics with its line where something else happens.
pub fn play(script: &str) {
    let mut stage = Stage::new();
    let mut lines = script.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut records = Vec::new();
        while let Some((_, record)) = lines.next_if(|(_, line)| line.starts_with("  ")) {
            records.push(record.trim());
        }
        stage.at = format!("line {}: {line}", number + 1);
        stage.line(&line.split_ascii_whitespace().collect::<Vec<_>>(), &records);
    }
    stage.at = "the end".into();
    stage.quiet();
}

struct Stage {
    /// Where the script is.
    at: String,
    begun: Instant,
    now: Instant,
    cache: Arc<Cache>,
    servers: Servers,
    actors: Vec<Actor>,
    flying: Vec<Flying>,
    heard: VecDeque<Message>,
    ids: u16,
}

/// An upstream server.
struct Actor {
    name: String,
    address: SocketAddr,
    seen: VecDeque<(usize, Sending)>,
    /// What it answers to.
    last: Option<(usize, Sending)>,
}

/// A flight, and the client that waits for it.
struct Flying {
    flight: Option<Flight>,
    question: Option<Question>,
    client: Option<(Vec<u8>, Transport)>,
    wait: Option<Instant>,
}

impl Stage {
    fn new() -> Self {
        let (now, cache) = (Instant::now(), Arc::new(Cache::new(1024 * 1024)));
        let servers = Servers::new(&[], &[], cache.clone(), now);
        let (actors, flying, heard) = (Vec::new(), Vec::new(), VecDeque::new());
        let at = String::new();
        Self { at, begun: now, now, cache, servers, actors, flying, heard, ids: 0 }
    }

    fn line(&mut self, words: &[&str], records: &[&str]) {
        match words {
            ["servers", names @ ..] => self.hire(names),
            ["client", "asks", name, rr_type, how @ ..] => self.ask(name, rr_type, how),
            ["client", "hears", rcode, how @ ..] => self.hears(rcode, how, records),
            ["at", time, unit] => self.wait_until(time, unit),
            [actor, "sees", name, rr_type, how @ ..] => self.sees(actor, name, rr_type, how),
            [actor, "says", rcode, how @ ..] => self.says(actor, rcode, how, records),
            [actor, "cannot", "be", "reached"] => self.fails(actor),
            _ => panic!("{}: not understood", self.at),
        }
    }

    fn hire(&mut self, names: &[&str]) {
        let actor = |(number, name): (usize, &&str)| Actor {
            name: (*name).to_owned(),
            address: SocketAddr::from(([192, 0, 2, name.as_bytes()[0]], 53 + number as u16)),
            seen: VecDeque::new(),
            last: None,
        };
        self.actors = names.iter().enumerate().map(actor).collect();
        let addresses: Vec<_> = self.actors.iter().map(|actor| actor.address).collect();
        self.servers = Servers::new(&addresses, &[], self.cache.clone(), self.now);
    }

    fn actor(&mut self, name: &str) -> &mut Actor {
        let found = self.actors.iter_mut().find(|actor| actor.name == name);
        found.unwrap_or_else(|| panic!("{}: there is no {name}", self.at))
    }

    fn ask(&mut self, name: &str, rr_type: &str, how: &[&str]) {
        let tcp = how.contains(&"tcp");
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let message = query(name, rr_type, how);
        let room = message.edns.as_ref().map_or(512, Edns::max_payload);
        let packet = message.to_vec().unwrap();
        let Parsed::Query(query) = parse(&packet) else { panic!("{}: no query", self.at) };
        let question = self.servers.question(&query);
        let known = question.as_ref().and_then(|key| self.servers.recall(key, self.now));
        if let Some(known) = known.filter(|known| !known.expired) {
            return self.tell(&packet, transport, &known);
        }
        let whole = tcp || room > 1232;
        let ask = Ask { packet: packet.as_slice().into(), tcp: whole, truncated: !tcp };
        let flight = self.servers.begin(ask, question.as_ref(), self.now);
        let client = Some((packet, transport));
        self.flying.push(Flying { flight: Some(flight), question, client, wait: None });
        self.settle();
    }

    fn tell(&mut self, packet: &[u8], transport: Transport, known: &Known) {
        let Parsed::Query(query) = parse(packet) else { panic!("{}: no query", self.at) };
        let mut out = vec![0; 65_535];
        let length = known.stored.write(&query, &[], known.age, transport, &mut out);
        let reply = Message::from_vec(&out[..length]).unwrap();
        let asked = Message::from_vec(packet).unwrap();
        assert_eq!(reply.metadata.id, asked.metadata.id, "{}", self.at);
        assert_eq!(reply.queries[0].name.to_string(), asked.queries[0].name.to_string());
        self.heard.push_back(reply);
    }

    /// Lets every flight do what is to be done now.
    fn settle(&mut self) {
        for number in 0..self.flying.len() {
            while let Some(step) = self.step(number) {
                self.act(number, step);
            }
        }
    }

    fn step(&mut self, number: usize) -> Option<Step> {
        let (ids, flying) = (&mut self.ids, &mut self.flying[number]);
        let mut id = || {
            *ids += 1;
            *ids
        };
        match flying.flight.as_mut()?.poll(self.now, &mut id) {
            Step::Wait(until) => {
                assert!(until > self.now, "{}: a wait that is over", self.at);
                flying.wait = Some(until);
                None
            }
            step => Some(step),
        }
    }

    fn act(&mut self, number: usize, step: Step) {
        let known = match step {
            Step::Send(sending) => {
                let address = sending.server.address;
                let actor = self.actors.iter_mut().find(|actor| actor.address == address);
                return actor.expect("a server of the list").seen.push_back((number, sending));
            }
            Step::Stale => {
                let question = self.flying[number].question.as_ref().unwrap();
                self.servers.recall(question, self.now).unwrap()
            }
            Step::Landed(landed) => {
                let flying = &mut self.flying[number];
                (flying.flight, flying.wait) = (None, None);
                self.servers.conclude(flying.question.as_ref(), landed, self.now)
            }
            Step::Wait(_) => return,
        };
        if let Some((packet, transport)) = self.flying[number].client.take() {
            self.tell(&packet, transport, &known);
        }
    }

    fn wait_until(&mut self, time: &str, unit: &str) {
        self.quiet();
        let time: u64 = time.parse().unwrap();
        let time = Duration::from_millis(if unit == "s" { time * 1000 } else { time });
        let until = self.begun + time;
        assert!(until > self.now, "{}: that was before", self.at);
        while let Some(next) = self.flying.iter().filter_map(|flying| flying.wait).min() {
            if next >= until {
                break;
            }
            self.now = next;
            self.settle();
            // Scripts count milliseconds.
            if until - next > Duration::from_millis(1) {
                self.quiet();
            }
        }
        self.now = until;
        self.settle();
    }

    /// Nothing has been seen or heard that the script does not say.
    fn quiet(&self) {
        let time = self.now - self.begun;
        for actor in &self.actors {
            let seen: Vec<_> = actor.seen.iter().map(|(_, sending)| sending.over).collect();
            assert!(seen.is_empty(), "before {}: {} was asked at {time:?}", self.at, actor.name);
        }
        assert!(self.heard.is_empty(), "before {}: {:?} at {time:?}", self.at, self.heard);
    }

    fn sees(&mut self, name: &str, qname: &str, rr_type: &str, how: &[&str]) {
        let at = self.at.clone();
        let actor = self.actor(name);
        let seen = actor.seen.pop_front();
        let (flying, sending) = seen.unwrap_or_else(|| panic!("{at}: nothing came"));
        let query = Message::from_vec(&sending.query).unwrap();
        let asked = format!("{} {}", query.queries[0].name, query.queries[0].query_type());
        assert_eq!(asked, format!("{qname} {rr_type}"), "{at}");
        assert!(query.metadata.recursion_desired, "{at}");
        let payload = (!how.contains(&"plain")).then_some(1232);
        assert_eq!(query.edns.as_ref().map(Edns::max_payload), payload, "{at}");
        let tcp = if how.contains(&"tcp") { Transport::Tcp } else { Transport::Udp };
        assert_eq!(sending.over, tcp, "{at}");
        actor.last = Some((flying, sending));
    }

    fn says(&mut self, name: &str, rcode: &str, how: &[&str], records: &[&str]) {
        let at = self.at.clone();
        let Some((number, sending)) = &self.actor(name).last else { panic!("{at}: to whom?") };
        let (number, attempt) = (*number, sending.attempt);
        let mut reply = Message::from_vec(&sending.query).unwrap().into_response();
        reply.metadata.response_code = code(rcode);
        reply.metadata.truncation = how.contains(&"tc");
        if how.contains(&"plain") {
            reply.edns = None;
        }
        if how.ends_with(&["other", "id"]) {
            reply.metadata.id = reply.metadata.id.wrapping_add(1);
        }
        if how.ends_with(&["other", "name"]) {
            reply.queries[0].name = Name::from_ascii("elsewhere.").unwrap();
        }
        for record in records.iter().map(|line| record(line)) {
            match record.data {
                RData::SOA(_) => reply.add_authority(record),
                _ => reply.add_answer(record),
            };
        }
        let mut bytes = reply.to_vec().unwrap();
        if how.contains(&"scrap") {
            // It says that there is an answer, and ends.
            bytes[7] = 9;
        }
        if how.contains(&"bare") {
            bytes.truncate(12);
            bytes[4..].fill(0);
        }
        if let Some(flight) = &mut self.flying[number].flight {
            let counts = flight.heard(attempt, &bytes, self.now);
            assert_eq!(counts, !how.contains(&"other"), "{at}");
        }
        self.settle();
    }

    fn fails(&mut self, name: &str) {
        let at = self.at.clone();
        let Some((number, sending)) = self.actor(name).last.take() else { panic!("{at}: whom?") };
        let flight = self.flying[number].flight.as_mut().unwrap();
        flight.failed(sending.attempt, Failure::Server, self.now);
        self.settle();
    }

    fn hears(&mut self, rcode: &str, how: &[&str], records: &[&str]) {
        let reply = self.heard.pop_front();
        let reply = reply.unwrap_or_else(|| panic!("{}: nothing came", self.at));
        assert_eq!(reply.metadata.response_code, code(rcode), "{}", self.at);
        assert_eq!(reply.metadata.truncation, how.contains(&"tc"), "{}", self.at);
        let said: Option<u16> = how.iter().position(|word| *word == "ede").map(|place| {
            let code = how.get(place + 1).and_then(|code| code.parse().ok());
            code.unwrap_or_else(|| panic!("{}: which error?", self.at))
        });
        assert_eq!(extended(&reply), said, "{}", self.at);
        let lines: Vec<String> =
            reply.answers.iter().chain(&reply.authorities).map(shown).collect();
        let wanted: Vec<String> = records.iter().map(|line| shown(&record(line))).collect();
        assert_eq!(lines, wanted, "{}", self.at);
    }
}

fn query(name: &str, rr_type: &str, how: &[&str]) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = how.contains(&"cd");
    message.add_query(Asked::query(Name::from_ascii(name).unwrap(), rr_type.parse().unwrap()));
    let payload = how.iter().position(|word| *word == "edns").map(|place| how[place + 1]);
    if payload.is_some() || how.contains(&"do") || how.contains(&"subnet") {
        let mut edns = Edns::new();
        edns.set_max_payload(payload.map_or(1232, |payload| payload.parse().unwrap()));
        edns.set_dnssec_ok(how.contains(&"do"));
        if how.contains(&"subnet") {
            let subnet = vec![0, 1, 24, 0, 192, 0, 2];
            edns.options_mut().insert(EdnsOption::Unknown(8, subnet));
        }
        message.set_edns(edns);
    }
    message
}

fn record(line: &str) -> Record {
    let mut words = line.splitn(4, ' ');
    let mut next = || words.next().unwrap_or_else(|| panic!("{line}: too short"));
    let name = Name::from_ascii(next()).unwrap();
    let ttl = next().parse().unwrap();
    let rr_type: RecordType = next().parse().unwrap();
    Record::from_rdata(name, ttl, RData::try_from_str(rr_type, next()).unwrap())
}

fn shown(record: &Record) -> String {
    format!("{} {} {} {}", record.name, record.ttl, record.record_type(), record.data)
}

fn extended(reply: &Message) -> Option<u16> {
    match reply.edns.as_ref()?.option(EdnsCode::from(15))? {
        EdnsOption::Unknown(_, bytes) => Some(u16::from_be_bytes([bytes[0], bytes[1]])),
        other => panic!("{other:?}"),
    }
}

fn code(rcode: &str) -> ResponseCode {
    match rcode {
        "NOERROR" => ResponseCode::NoError,
        "FORMERR" => ResponseCode::FormErr,
        "NOTIMP" => ResponseCode::NotImp,
        "NXDOMAIN" => ResponseCode::NXDomain,
        "SERVFAIL" => ResponseCode::ServFail,
        "REFUSED" => ResponseCode::Refused,
        other => panic!("{other} is no response code of scripts"),
    }
}
