use super::*;
use crate::model::Id;

fn log() -> QueryLog {
    QueryLog::new(UNIX_EPOCH + Duration::from_secs(1))
}

/// The reply to a question for a name, without records.
fn reply(name: &str) -> Vec<u8> {
    let mut packet = vec![0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, name.len() as u8];
    packet.extend(name.bytes());
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

fn note(log: &QueryLog, reply: &[u8]) {
    let sandbox = SandboxId(Id::from_bytes([1; 32]));
    let took = Duration::from_micros(7);
    log.note(|| Entry::new(sandbox, Transport::Udp, reply, How::LOCAL, took));
}

fn names(batch: &LogBatch) -> Vec<&str> {
    batch.queries.iter().map(|query| query.name.as_str()).collect()
}

#[test]
fn nothing_is_kept_while_nobody_reads() {
    let log = log();
    log.note(|| panic!("nobody reads"));
    let begin = log.after(None).last;
    assert!(log.open());
    note(&log, &reply("a"));
    let batch = log.after(Some(begin));
    assert_eq!((names(&batch), batch.lost), (vec!["a."], 0));
    assert!(log.after(Some(batch.last)).queries.is_empty());

    // Read since, it stays open.
    assert_eq!(log.close_unless_read(0), Some(1));
    assert!(!log.open());
    assert_eq!(log.close_unless_read(1), Some(2));
    note(&log, &reply("b"));
    assert_eq!(names(&log.after(Some(batch.last))), ["b."]);
    assert_eq!(log.close_unless_read(2), None);
    log.note(|| panic!("nobody reads"));
    let late = log.after(Some(batch.last));
    assert_eq!((late.queries.len(), late.lost > 0), (0, true), "whoever comes late is told so");
}

#[test]
fn who_reads_slowly_misses_the_oldest_and_is_told_how_many() {
    let log = log();
    let begin = log.after(None).last;
    log.open();
    for number in 0..KEPT + 10 {
        note(&log, &reply(&format!("n{number}")));
    }
    let first = log.after(Some(begin));
    assert_eq!(first.lost, 10);
    assert_eq!(first.queries[0].name, "n10.");
    let mut read = first.queries.len();
    let mut last = first.last;
    while let batch = log.after(Some(last))
        && !batch.queries.is_empty()
    {
        assert_eq!(batch.lost, 0);
        assert_eq!(batch.queries[0].name, format!("n{}.", read + 10));
        (read, last) = (read + batch.queries.len(), batch.last);
    }
    assert_eq!(read, KEPT);
    // Numbers of an earlier process are below all of this one's.
    assert_eq!(log.after(Some(5)).queries.len(), AT_ONCE);
}

#[test]
fn of_a_reply_that_is_long_or_cannot_be_read_the_question_is_told_and_of_a_scrap_the_code() {
    let log = log();
    let begin = log.after(None).last;
    log.open();
    let mut long = reply("long");
    long[6..8].copy_from_slice(&200_u16.to_be_bytes());
    for _ in 0..200 {
        long.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1]);
    }
    note(&log, &long);
    note(&log, &[0, 1, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    // An address of three bytes, as an upstream has sent it.
    let mut odd = reply("odd");
    odd[7] = 1;
    odd.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 3, 10, 0, 0]);
    note(&log, &odd);
    let batch = log.after(Some(begin));
    let [long, scrap, odd] = &batch.queries[..] else { panic!("{batch:?}") };
    assert_eq!((long.name.as_str(), long.records, long.answers.len()), ("long.", 200, 0));
    assert_eq!((long.rr_type.as_str(), long.rcode.as_str(), long.micros), ("A", "NOERROR", 7));
    assert_eq!((odd.name.as_str(), odd.records, odd.rcode.as_str()), ("odd.", 1, "NOERROR"));
    assert_eq!((scrap.name.as_str(), scrap.rcode.as_str()), ("", "FORMERR"));
}

#[test]
fn a_type_that_has_no_name_is_told_by_its_number() {
    let log = log();
    let begin = log.after(None).last;
    log.open();
    let mut unknown = reply("odd");
    let at = unknown.len() - 4;
    unknown[at..at + 2].copy_from_slice(&65400_u16.to_be_bytes());
    unknown[7] = 1;
    unknown.extend([0xc0, 12, 0xff, 0x78, 0, 1, 0, 0, 0, 5, 0, 1, 7]);
    note(&log, &unknown);
    let told = &log.after(Some(begin)).queries[0];
    assert_eq!(told.rr_type, "TYPE65400");
    assert!(told.answers[0].starts_with("TYPE65400 "), "{:?}", told.answers);
}

#[test]
fn the_largest_answer_to_a_reader_fits_a_packet() {
    let log = log();
    let begin = log.after(None).last;
    log.open();
    let mut packet = vec![0, 1, 0x81, 0x80, 0, 1, 0, 8, 0, 0, 0, 0];
    let labels: Vec<u8> = [[&[63][..], &[7; 63]].concat(), [&[60][..], &[7; 60]].concat()].concat();
    packet.extend(labels.repeat(2));
    packet.extend([0, 0, 1, 0, 1]);
    for _ in 0..8 {
        packet.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 5, 0, 101, 100]);
        packet.extend([7; 100]);
    }
    assert!(packet.len() <= WHOLE);
    (0..AT_ONCE).for_each(|_| note(&log, &packet));
    let batch = log.after(Some(begin));
    assert_eq!((batch.queries.len(), batch.queries[0].answers.len()), (AT_ONCE, 8));
    assert!(!batch.queries[0].answers[0].contains('\u{7}'));
    assert!(serde_json::to_vec(&batch).unwrap().len() < 500 * 1024);
}
