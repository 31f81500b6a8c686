//! The operator's shelf.

use super::samples::parked_message;
use super::{Subject, open};
use crate::{NewParked, ParkedMessage};

pub async fn a_message_is_read_as_it_was_set_aside(subject: &impl Subject) {
    let store = open(subject);
    let bare = NewParked {
        key: None,
        reply_to: None,
        correlation_id: None,
        content_type: None,
        headers: Vec::new(),
        last_answer: None,
        ..parked_message(2)
    };
    let ids = store.park(vec![parked_message(1), bare.clone()]).await.unwrap();
    for (id, parked) in ids.into_iter().zip([parked_message(1), bare]) {
        assert_eq!(
            store.parked(id).await.unwrap(),
            Some(ParkedMessage { id, parked }),
            "nothing of it is lost"
        );
    }
    assert_eq!(store.parked(u64::MAX >> 1).await.unwrap(), None);
}

pub async fn the_same_message_is_parked_once(subject: &impl Subject) {
    let store = open(subject);
    let first = store.park(vec![parked_message(1)]).await.unwrap();
    let again =
        NewParked { reason: "once more".to_owned(), attempts: 9, last_answer: None, ..parked_message(1) };
    let second = store.park(vec![again.clone()]).await.unwrap();
    assert_eq!(first, second, "an operator's number stays good");
    let page = store.parked_list(None, 10).await.unwrap();
    assert_eq!(page.items, [ParkedMessage { id: first[0], parked: again }], "the entry is replaced");
    let elsewhere = NewParked { consumer: "audit".into(), ..parked_message(1) };
    assert_ne!(store.park(vec![elsewhere]).await.unwrap(), first, "another consumer's copy is another entry");
}

pub async fn messages_without_an_id_are_never_the_same(subject: &impl Subject) {
    let store = open(subject);
    let nameless = |number| NewParked { message_id: "".into(), ..parked_message(number) };
    store.park(vec![nameless(1), nameless(2)]).await.unwrap();
    let page = store.parked_list(None, 10).await.unwrap();
    assert_eq!(page.items.len(), 2, "a message is not lost for lack of a name");
}

pub async fn pages_go_from_the_newest_to_the_oldest_without_a_gap(subject: &impl Subject) {
    let store = open(subject);
    let mut ids = store.park((0..5).map(parked_message).collect()).await.unwrap();
    ids.reverse();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.parked_list(cursor, 2).await.unwrap();
        assert!(page.items.len() <= 2, "no more than asked for");
        seen.extend(page.items.iter().map(|message| message.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
}

pub async fn a_message_is_taken_off_once(subject: &impl Subject) {
    let store = open(subject);
    let id = store.park(vec![parked_message(1)]).await.unwrap()[0];
    assert!(store.unpark(id).await.unwrap(), "the first takes it");
    assert!(!store.unpark(id).await.unwrap(), "it is redriven once, whoever asks");
    assert_eq!(store.parked(id).await.unwrap(), None);
}

pub async fn a_number_is_never_used_again(subject: &impl Subject) {
    let store = open(subject);
    let id = store.park(vec![parked_message(1)]).await.unwrap()[0];
    store.unpark(id).await.unwrap();
    let next = store.park(vec![parked_message(1)]).await.unwrap()[0];
    assert!(next > id, "an operator who still holds the old number must not discard another message");
}
