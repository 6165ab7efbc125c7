//! Conversations with scripted upstreams: what a client asks, what each upstream sees of it and says or does not say, what
//! the client hears, and when. One file a behaviour. The clock is the script's, so a day takes microseconds.
//!
//! ```text
//! servers a b                             whom unknown names are asked of
//! client asks NAME TYPE [edns N] [do] [cd] [subnet] [tcp]
//! a sees NAME TYPE [tcp] [plain]          the next question that a gets; a plain one has no OPT
//! a says RCODE [tc] [plain] [bare] [other id] [other name] [scrap], then records, each indented: NAME TTL TYPE DATA;
//!                                         a plain reply has no OPT, a bare one is its header alone
//! a cannot be reached
//! at 300 ms                               the clock goes on until then; "at 3 s" is the same in seconds
//! client hears RCODE [tc] [ede N], then the records of all sections
//! ```
//!
//! What a script does not say may not happen: at each new time, and at the end, an upstream has seen and a client has heard
//! nothing else.

mod play;

use play::play;

#[test]
fn a_silent_first_server_costs_one_hedge_and_is_asked_last_from_then_on() {
    play(include_str!("a_silent_first_server.txt"));
}

#[test]
fn patience_follows_the_usual_time_of_a_server() {
    play(include_str!("patience.txt"));
}

#[test]
fn a_server_that_fails_or_talks_nonsense_makes_room_at_once() {
    play(include_str!("failing_servers.txt"));
}

#[test]
fn the_whole_budget_is_four_seconds_and_silence_is_said_to_be_silence() {
    play(include_str!("silence.txt"));
}

#[test]
fn a_server_that_cannot_be_reached_is_a_network_error() {
    play(include_str!("unreachable.txt"));
}

#[test]
fn a_lost_datagram_is_sent_again_after_a_second() {
    play(include_str!("lost_datagram.txt"));
}

#[test]
fn a_forged_reply_is_passed_over_and_the_wait_goes_on() {
    play(include_str!("forged.txt"));
}

#[test]
fn an_upstream_that_does_not_know_edns_is_asked_again_without_it() {
    play(include_str!("edns_unknown.txt"));
}

#[test]
fn a_truncated_reply_is_fetched_over_tcp_for_clients_that_take_the_whole() {
    play(include_str!("truncated.txt"));
}

#[test]
fn a_reply_that_is_truncated_over_tcp_is_a_failure_of_its_server() {
    play(include_str!("truncated_over_tcp.txt"));
}

#[test]
fn a_kept_answer_counts_down_and_is_asked_for_again_when_its_time_is_over() {
    play(include_str!("kept.txt"));
}

#[test]
fn denials_are_kept_as_long_as_their_soa_says_and_an_hour_at_most() {
    play(include_str!("denials.txt"));
}

#[test]
fn a_failure_is_kept_for_five_seconds() {
    play(include_str!("kept_failure.txt"));
}

#[test]
fn what_is_past_its_time_is_given_for_a_day_when_all_servers_fail() {
    play(include_str!("stale.txt"));
}

#[test]
fn what_is_past_its_time_is_given_early_while_servers_are_slow() {
    play(include_str!("stale_while_slow.txt"));
}

#[test]
fn answers_are_kept_apart_by_type_and_flags_and_not_at_all_for_a_client_subnet() {
    play(include_str!("kept_apart.txt"));
}
