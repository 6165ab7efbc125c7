//! Forward: from a query that is not local to the client's reply: at once from what upstreams have said before, else by
//! asking them, whatever happens on the way.

use super::answer::{Forward, Transport, failure};
use super::cache::Known;
use super::encode::UDP_MAX;
use super::flight::Ask;
use super::query::{Parsed, Query, parse};
use super::query_log::{Entry, How};
use super::question::Question;
use super::sandbox::{Permit, Sandbox};
use super::shared::{Shared, Tally};
use super::stored::Age;
use super::upstream::Upstreams;
use super::wire::{Rcode, ede};
use std::sync::Arc;
use std::time::Instant;

/// The largest answer that upstreams give over UDP; a client with more room can take what needs TCP.
const OVER_UDP: u16 = 1232;

/// What a reply may hold beyond the upstream's own: CNAMEs that led there and an OPT.
const MARGIN: usize = 4096;

/// A question that upstreams are to be asked, with the right to do so.
#[derive(Debug)]
pub struct Pending {
    sandbox: Arc<Sandbox>,
    upstreams: Arc<Upstreams>,
    question: Option<Question>,
    what: Forward,
    permit: Arc<Permit>,
    since: Instant,
}

/// How and when a query came, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What all shards share.
    pub shared: &'a Shared,
    /// Who asks.
    pub sandbox: &'a Arc<Sandbox>,
    /// How.
    pub transport: Transport,
    /// When.
    pub now: Instant,
}

impl Arrival<'_> {
    /// Writes what is known of a query already and returns its length; else takes the right to ask upstreams. Without it,
    /// the reply is SERVFAIL at once.
    pub fn begin(
        self,
        packet: &[u8],
        what: Forward,
        tally: &mut Tally,
        out: &mut [u8],
    ) -> Result<Pending, usize> {
        let Self { shared, sandbox, transport, now } = self;
        let Parsed::Query(query) = parse(what.asks(packet)) else { return Err(0) };
        let upstreams = sandbox.upstreams(shared, query.name());
        let question = upstreams.servers.question(&query);
        let known = question.as_ref().and_then(|question| upstreams.servers.recall(question, now));
        if let Some(known) = known.filter(|known| !known.expired) {
            tally.cached += 1;
            tally.stale += u64::from(known.age == Age::Stale);
            let length = write(packet, &what, &known, transport, out);
            self.log(&out[..length], How::of(&known, true));
            return Err(length);
        }
        let Some(permit) = sandbox.permit(shared) else {
            tally.failed += 1;
            let length = failure(packet, Rcode::ServFail, Some(ede::OTHER), transport, out);
            self.log(&out[..length], How::NOBODY);
            return Err(length);
        };
        tally.forwarded += 1;
        let sandbox = sandbox.clone();
        Ok(Pending { sandbox, upstreams, question, what, permit: Arc::new(permit), since: now })
    }

    /// Tells whoever reads the log what is answered now.
    pub fn log(self, reply: &[u8], how: How) {
        let Self { shared, sandbox, transport, now } = self;
        shared.log.note(|| Entry::new(sandbox.id, transport, reply, how, now.elapsed()));
    }
}

impl Pending {
    /// Asks, and returns the client's reply, within the budget of a flight. What comes with it is to be dropped once the
    /// reply is sent: a process that drains waits for it.
    pub async fn finish(
        self,
        shared: &Shared,
        packet: &[u8],
        transport: Transport,
    ) -> (Vec<u8>, Arc<Permit>) {
        let Self { sandbox, upstreams, question, what, permit, since } = self;
        let tcp = transport == Transport::Tcp;
        let ask = Ask {
            packet: what.asks(packet).into(),
            tcp: tcp || room(packet) > OVER_UDP,
            truncated: !tcp,
        };
        let known = upstreams.ask(ask, question, permit.clone()).await;
        let mut tally = Tally::default();
        tally.stale += u64::from(known.age == Age::Stale);
        tally.failed += u64::from(!known.stored.is_usable());
        shared.stats.add(&tally);
        sandbox.stats.add(&tally);
        let mut out = vec![0; (known.stored.size() + MARGIN).clamp(UDP_MAX, usize::from(u16::MAX))];
        let length = write(packet, &what, &known, transport, &mut out);
        out.truncate(length);
        let arrival = Arrival { shared, sandbox: &sandbox, transport, now: since };
        arrival.log(&out, How::of(&known, false));
        (out, permit)
    }
}

fn write(
    packet: &[u8],
    what: &Forward,
    known: &Known,
    transport: Transport,
    out: &mut [u8],
) -> usize {
    match parse(packet) {
        Parsed::Query(query) => known.stored.write(&query, what.links(), known.age, transport, out),
        Parsed::Reply(_) | Parsed::Nothing => 0,
    }
}

/// Returns the UDP payload that a client takes.
fn room(packet: &[u8]) -> u16 {
    match parse(packet) {
        Parsed::Query(Query { edns: Some(edns), .. }) => edns.payload,
        _ => 512,
    }
}
