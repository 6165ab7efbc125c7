//! Floods: whatever one sandbox sends, another's look-ups are all answered, and what the process keeps is bounded.

use crate::SERVER;
use crate::lab::*;
use hickory_proto::op::{Edns, Message};
use netdns::channel::ToResolver;
use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What a packet of a flood is, by its number.
type Packet = fn(u32) -> Vec<u8>;

fn unknown_name(number: u32) -> Vec<u8> {
    query(&format!("flood{number}.example.")).to_vec().unwrap()
}

/// Bytes without a meaning, of any length.
fn garbage(number: u32) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9) | 1;
    let length = state % 600;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A question whose name leads to itself, and records whose names lead to each other in a circle.
fn loops(number: u32) -> Vec<u8> {
    let mut packet = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 200];
    packet[..2].copy_from_slice(&(number as u16).to_be_bytes());
    let question: &[u8] = if number.is_multiple_of(2) { &[0xc0, 12] } else { &[1, b'a', 0] };
    packet.extend([question, &[0, 1, 0, 1]].concat());
    let first = packet.len() as u16;
    for record in 0..200 {
        let target = first + (record + 1) % 200 * 12;
        packet.extend((0xc000 | target).to_be_bytes());
        packet.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    packet
}

/// A query that is cut, or whose counts promise what does not come.
fn scraps(number: u32) -> Vec<u8> {
    let mut packet = unknown_name(number);
    let at = number as usize % packet.len();
    match number % 3 {
        0 => packet.truncate(at),
        1 => packet[4 + at % 8] ^= 0xff,
        _ => packet.extend(vec![0; 4000]),
    }
    packet
}

#[tokio::test]
async fn whatever_one_sandbox_floods_with_another_loses_no_look_up() {
    let lab = Lab::start();
    // It never answers what the flood asks.
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let names = seen.clone();
    let server = upstream(move |query| match query.queries[0].name().to_string() {
        name if name.starts_with("flood") => {
            names.lock().unwrap().insert(name);
            Vec::new()
        }
        _ => vec![known(&query, &[SERVER])],
    });
    let (greedy, other) = (lab.serve(2, &[server]).await, lab.serve(3, &[server]).await);
    lab.update(vec![endpoint(3, "web")]).await;
    assert_eq!(addresses(&other.ask("warm.example.")), [SERVER]);
    let (before, begun) = (lab.peak(), Instant::now());
    for packet in [unknown_name as Packet, garbage, loops, scraps] {
        let sends = greedy.client.try_clone().unwrap();
        let flood = std::thread::spawn(move || flood(&sends, packet));
        let mut number = 0;
        while number < 50 || !flood.is_finished() {
            assert_eq!(addresses(&other.ask("web.")), [[172, 18, 0, 3]]);
            assert_eq!(addresses(&other.ask(&format!("n{number}.example."))), [SERVER]);
            number += 1;
        }
        flood.join().unwrap();
        // Whoever flooded is served as well, once it waits for its answers.
        assert!(answer_to(&greedy, &query("web.")).is_some());
    }
    let bytes = (lab.peak() - before) * 1024;
    let seen = seen.lock().unwrap().len();
    println!("{bytes} bytes for the flood, {seen} names went on");
    assert!(bytes < 32 * 1024 * 1024, "{bytes} bytes");
    // So many at a time, each for the 4 s that a question has.
    assert!(seen as u64 <= 1024 * (1 + begun.elapsed().as_secs() / 4 + 1), "{seen} names");
}

#[tokio::test]
async fn what_upstreams_say_is_kept_within_the_size_of_the_cache() {
    const SIZE: u64 = 1024 * 1024;
    let lab = Lab::start();
    let server = upstream(|query| {
        let all: Vec<_> = (0..50).map(|number| [192, 0, 2, number]).collect();
        vec![known(&query, &all)]
    });
    let inside = lab.serve(2, &[server]).await;
    lab.tell(ToResolver::CacheSize(SIZE)).await;
    for number in 0..2000 {
        inside.send(&roomy(&format!("n{number}.example.")));
        assert_eq!(addresses(&inside.receive()).len(), 50);
    }
    let counters = lab.counters().await;
    assert_eq!(counters.cache_size, SIZE);
    assert!((SIZE / 2..=SIZE).contains(&counters.cache_bytes), "{counters:?}");
}

/// A question of a client that takes 4,096 bytes.
fn roomy(name: &str) -> Message {
    let (mut message, mut edns) = (query(name), Edns::new());
    edns.set_max_payload(4096);
    message.edns = Some(edns);
    message
}

fn flood(client: &UdpSocket, packet: Packet) {
    for number in 0..10_000 {
        // What does not fit into the socket is lost, which is the sender's own loss.
        let _ = client.send(&packet(number));
    }
}

/// Passes over what is left of the flood's replies.
fn answer_to(inside: &Inside, query: &Message) -> Option<Message> {
    let mut buffer = [0; 4096];
    for _ in 0..100 {
        inside.send(query);
        while let Ok(length) = inside.client.recv(&mut buffer) {
            match Message::from_vec(&buffer[..length]) {
                Ok(reply)
                    if reply.metadata.id == query.metadata.id && !reply.answers.is_empty() =>
                {
                    return Some(reply);
                }
                _ => {}
            }
        }
    }
    None
}
