//! Where a consumer starts to read a partition: where its group was, or where a group starts that was nowhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use crate::holdings::Mark;
use crate::watermark::Watermark;
use crate::wire::survive;

const ANSWER_MAX: Duration = Duration::from_secs(3);
const INSIST_MAX: Duration = Duration::from_secs(10);
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What a group that was never there reads first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewGroup {
    /// What was sent before it came: commands wait for their consumer.
    Beginning,
    /// What comes from now on: an event is for those who have subscribed. Now is written down at once, for all
    /// partitions, so that a partition added later is read from its beginning.
    End,
}

/// Where to start in each of these partitions; `None`: at the beginning of what is there.
pub(crate) fn find<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
    new_group: NewGroup,
) -> KafkaResult<HashMap<i32, Option<Mark>>> {
    if partitions.is_empty() {
        return Ok(HashMap::new());
    }
    let mut found = insist(|| match new_group {
        NewGroup::Beginning => committed(consumer, topic, partitions),
        NewGroup::End => {
            let all = partitions_of(consumer, topic)?;
            let found = committed(consumer, topic, &all)?;
            if found.is_empty() { begin_at_end(consumer, topic, &all) } else { Ok(found) }
        }
    })?;
    Ok(partitions.iter().map(|partition| (*partition, found.remove(partition))).collect())
}

/// A coordinator that has just moved, or a leader that does not know yet that it is one, answers after a moment.
fn insist<T>(mut ask: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let began = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        match ask() {
            Err(_) if began.elapsed() < INSIST_MAX => std::thread::sleep(pause),
            answer => return answer,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// How many partitions a topic has, as their numbers.
pub(crate) fn partitions_of<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
) -> KafkaResult<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_MAX)?;
    let topics = metadata.topics().iter().filter(|known| known.name() == topic);
    let partitions: Vec<i32> =
        topics.flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    Ok(partitions)
}

/// What the group has committed, with the notes.
pub(crate) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
) -> KafkaResult<HashMap<i32, Mark>> {
    let found = consumer.committed_offsets(list(topic, partitions), ANSWER_MAX)?;
    let mut marks = HashMap::new();
    for element in found.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            let note = survive(|| element.metadata().to_owned()).unwrap_or_default();
            marks.insert(element.partition(), Mark { partition: element.partition(), offset, note });
        }
    }
    Ok(marks)
}

/// Where each partition begins (`Offset::Beginning`), or the offset behind its last message (`Offset::End`).
pub(crate) fn edges<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
    edge: Offset,
) -> KafkaResult<HashMap<i32, i64>> {
    if partitions.is_empty() {
        return Ok(HashMap::new());
    }
    let mut asked = list(topic, partitions);
    // Asked for by a time, of which Kafka and librdkafka have the same numbers for these two.
    asked.set_all_offsets(edge)?;
    let found = consumer.offsets_for_times(asked, ANSWER_MAX)?;
    let mut edges = HashMap::new();
    for element in found.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            edges.insert(element.partition(), offset);
        }
    }
    Ok(edges)
}

fn begin_at_end<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
) -> KafkaResult<HashMap<i32, Mark>> {
    let mark = |(partition, offset)| Mark { partition, offset, note: String::new() };
    let marks: Vec<Mark> = edges(consumer, topic, partitions, Offset::End)?.into_iter().map(mark).collect();
    consumer.commit(&marked(topic, &marks)?, CommitMode::Sync)?;
    Ok(marks.into_iter().map(|mark| (mark.partition, mark)).collect())
}

pub(crate) fn list(topic: &str, partitions: &[i32]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, *partition);
    }
    list
}

/// As a commit takes it. An offset is committed as it is: the next to be read.
pub(crate) fn marked(topic: &str, marks: &[Mark]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(marks.len());
    for mark in marks {
        let mut element = list.add_partition(topic, mark.partition);
        element.set_offset(Offset::Offset(mark.offset))?;
        if !mark.note.is_empty() {
            element.set_metadata(&mark.note);
        }
    }
    Ok(list)
}

/// Where fetching starts, and what is known of the partition.
pub(crate) fn resume(start: Option<&Mark>) -> (Offset, Watermark) {
    match start {
        Some(mark) => (Offset::Offset(mark.offset), Watermark::resume(mark.offset, &mark.note)),
        None => (Offset::Beginning, Watermark::default()),
    }
}
