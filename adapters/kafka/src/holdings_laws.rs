//! Who may settle what, and when the thread may fetch, commit and leave.

use bytes::Bytes;
use sidegate_broker::Message;

use super::{Arrived, Duty, Held, Holdings, Lost, Mark};
use crate::watermark::Watermark;

fn record(partition: i32, offset: i64) -> Arrived {
    Arrived { partition, offset, message: Some(Message::new("m", "orders", Bytes::new())) }
}

fn owning(partitions: &[i32], held_max: usize) -> Holdings {
    let holdings = Holdings::new(held_max);
    for partition in partitions {
        holdings.take_on(*partition, Watermark::default());
    }
    holdings
}

fn next(holdings: &Holdings) -> Held {
    holdings.next().ok().flatten().expect("a message waits")
}

fn marks(holdings: &Holdings) -> Vec<(i32, i64)> {
    let mut marks: Vec<_> =
        holdings.take_marks().into_iter().map(|mark| (mark.partition, mark.offset)).collect();
    marks.sort_unstable();
    marks
}

#[test]
fn only_what_is_finished_is_committed_and_only_once() {
    let holdings = owning(&[0], 8);
    holdings.arrive([record(0, 5), record(0, 6)]);
    let (first, second) = (next(&holdings), next(&holdings));
    assert_eq!(marks(&holdings), [], "nothing is finished");
    holdings.finish(second.ticket).expect("ours");
    assert_eq!(
        holdings.take_marks(),
        [Mark { partition: 0, offset: 5, note: "1;2;0".to_owned() }],
        "the second is finished, and the position stays before the first"
    );
    assert_eq!(marks(&holdings), [], "it is committed already");
    holdings.finish(first.ticket).expect("ours");
    assert_eq!(marks(&holdings), [(0, 7)], "behind both");
    holdings.mark_again();
    assert_eq!(marks(&holdings), [(0, 7)], "a commit that failed is made again");
}

#[test]
fn what_another_replica_got_cannot_be_settled_here_any_more() {
    let holdings = owning(&[0, 1], 8);
    holdings.arrive([record(0, 1), record(1, 1)]);
    let (zero, one) = (next(&holdings), next(&holdings));
    holdings.let_go(&[0]);
    assert!(holdings.is_lost(zero.ticket), "its partition is somebody else's");
    assert_eq!(holdings.finish(zero.ticket), Err(Lost), "settling would be a lie");
    holdings.take_on(0, Watermark::resume(1, ""));
    assert_eq!(
        holdings.finish(zero.ticket),
        Err(Lost),
        "also after the partition came back: the message comes again"
    );
    assert_eq!(holdings.finish(one.ticket), Ok(()), "the other partition stayed");
    assert_eq!(
        marks(&holdings),
        [(1, 2)],
        "nothing is committed of a partition in which nothing was settled"
    );
}

#[test]
fn what_is_for_somebody_else_is_done_with_at_once() {
    let holdings = owning(&[0], 8);
    holdings.arrive([Arrived { message: None, ..record(0, 1) }, record(0, 2)]);
    assert_eq!(next(&holdings).ticket.offset, 2, "the first is not handed out");
    assert_eq!(marks(&holdings), [(0, 2)], "nor read again");
}

#[test]
fn a_partition_that_leaves_gives_out_nothing_but_lets_finish_what_is_in_hand() {
    let holdings = owning(&[0], 8);
    holdings.arrive([record(0, 1), record(0, 2)]);
    let in_hand = next(&holdings);
    holdings.announce_leave(&[0]);
    assert!(holdings.next().is_ok_and(|next| next.is_none()), "the new owner hands out the second");
    holdings.arrive([record(0, 3)]);
    assert_eq!(holdings.held_of(&[0]), 1, "only what was handed out is waited for");
    assert!(holdings.is_lost(in_hand.ticket), "whoever holds it without working on it should drop it");
    assert_eq!(holdings.finish(in_hand.ticket), Ok(()), "whoever worked on it has finished it");
    let marks = holdings.take_marks_of(&[0]);
    assert_eq!(
        marks,
        [Mark { partition: 0, offset: 2, note: String::new() }],
        "the new owner starts at the second"
    );
}

#[test]
fn fetching_stops_when_it_is_full_and_goes_on_when_one_is_settled() {
    let holdings = owning(&[0], 2);
    holdings.arrive([record(0, 1), record(0, 2)]);
    assert_eq!((holdings.duty(), holdings.room()), (Duty::Wait, 0), "two are held");
    let one = next(&holdings);
    assert_eq!(holdings.duty(), Duty::Wait, "handed out is still held");
    holdings.finish(one.ticket).expect("ours");
    assert_eq!((holdings.duty(), holdings.room()), (Duty::Fetch, 1));
}

#[test]
fn what_is_given_back_comes_again_from_here_while_the_inbox_lives() {
    let holdings = owning(&[0], 2);
    holdings.arrive([record(0, 1)]);
    let held = next(&holdings);
    holdings.give_back(Held { attempt: 2, ..held }).expect("ours");
    let again = next(&holdings);
    assert_eq!((again.ticket.offset, again.attempt), (1, 2), "the same record, one attempt more");
    holdings.drain();
    assert_eq!(holdings.duty(), Duty::Drain, "it is still in hand");
    holdings.give_back(again).expect("still ours");
    assert_eq!(holdings.duty(), Duty::Leave, "without an inbox it goes back to the broker");
    assert_eq!(marks(&holdings), [], "unfinished: nothing is committed over it");
}

#[test]
fn an_inbox_that_is_dropped_lets_its_deliveries_be_settled_before_the_consumer_leaves() {
    let holdings = owning(&[0], 8);
    holdings.arrive([record(0, 1), record(0, 2)]);
    let in_hand = next(&holdings);
    holdings.drain();
    assert_eq!(holdings.duty(), Duty::Drain, "one is in hand");
    assert!(holdings.next().is_err(), "nothing more is handed out");
    holdings.finish(in_hand.ticket).expect("settled by whoever had it");
    assert_eq!(holdings.duty(), Duty::Leave);
    assert_eq!(marks(&holdings), [(0, 2)], "the second was not handed out and comes to somebody else");
}

#[test]
fn a_closed_consumer_hands_out_and_settles_nothing() {
    let holdings = owning(&[0], 8);
    holdings.arrive([record(0, 1)]);
    let in_hand = next(&holdings);
    holdings.close();
    assert_eq!(holdings.duty(), Duty::Leave);
    assert!(holdings.next().is_err(), "the inbox ends");
    assert_eq!(holdings.finish(in_hand.ticket), Err(Lost), "it went to somebody else");
}
