//! The task that owns a confirming channel. It alone publishes on it: the client library numbers a message and queues
//! its frames in two steps, and two tasks between them would have each other's confirms. It also keeps every confirm
//! until it is resolved, however soon its publisher gave up: the library stores abandoned ones for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use compact_str::CompactString;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, ChannelStatus, Confirmation};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::link::Session;
use crate::returns::{Confirmed, Label, Returns, Verdict};
use crate::values;

/// Messages handed to the channel and not confirmed; more wait in line.
const UNDER_WAY_MAX: usize = 2_048;
const IN_LINE_MAX: usize = 1_024;

/// A message as the protocol publishes it.
pub(crate) struct Letter {
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: ShortString,
    /// The broker returns it when no queue takes it.
    pub(crate) is_mandatory: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
    pub(crate) id: CompactString,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Fate {
    Taken,
    /// No queue took it; the broker's words.
    Returned(String),
    /// The queue refused it.
    Nacked,
    /// The channel ended before it was sent.
    NeverSent,
    /// The channel ended before it was confirmed.
    Lost(lapin::Error),
}

/// A letter in line, and whether it may still be taken out of it.
pub(crate) struct Job {
    letter: Letter,
    step: Arc<AtomicU8>,
    done: oneshot::Sender<Fate>,
}

/// The publisher's end of a job.
pub(crate) struct Ticket {
    step: Arc<AtomicU8>,
    pub(crate) fate: oneshot::Receiver<Fate>,
}

/// Where to put jobs.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) jobs: mpsc::Sender<Job>,
    channel: ChannelStatus,
    stuck: Arc<Stuck>,
    given_up: GivenUp,
}

/// Set once: confirms do not come although the connection lives.
#[derive(Default)]
struct Stuck {
    is_set: AtomicBool,
    news: Notify,
}

/// Of one connection: how many channels were given up and have not ended. The broker may never end them.
#[derive(Clone, Default)]
pub(crate) struct GivenUp(Arc<AtomicUsize>);

/// Beyond it publishers stay with a channel that is stuck: the number of channels is limited too.
const GIVEN_UP_MAX: usize = 64;

const IN_LINE: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// One message that the library has.
struct Settled {
    job: Job,
    result: Result<Confirmation, lapin::Error>,
}

struct Desk {
    channel: Channel,
    returns: Returns<Job>,
    unconfirmed: Arc<AtomicU64>,
    /// The header of the message id, where it is not the property.
    id_header: CompactString,
    has_failed: bool,
    stuck: Arc<Stuck>,
    given_up: GivenUp,
}

impl Job {
    pub(crate) fn new(letter: Letter) -> (Self, Ticket) {
        let step = Arc::new(AtomicU8::new(IN_LINE));
        let (done, fate) = oneshot::channel();
        (Self { letter, step: Arc::clone(&step), done }, Ticket { step, fate })
    }

    fn leave_the_line(&self) -> bool {
        self.step.compare_exchange(IN_LINE, SENT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn label(&self) -> Label {
        Label { id: self.letter.id.clone(), place: self.letter.routing_key.as_str().into() }
    }

    fn end(self, fate: Fate) {
        // Whoever asked may have given up.
        let _ = self.done.send(fate);
    }
}

impl Ticket {
    /// `true`: it was not sent, and will not be.
    pub(crate) fn withdraw(&self) -> bool {
        self.step.compare_exchange(IN_LINE, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Outlet {
    /// `channel` is in confirm mode, and nobody else publishes on it.
    pub(crate) fn open(
        channel: Channel,
        unconfirmed: Arc<AtomicU64>,
        id_header: CompactString,
        given_up: GivenUp,
    ) -> Self {
        let (jobs, line) = mpsc::channel(IN_LINE_MAX);
        let status = channel.status().clone();
        let stuck = Arc::new(Stuck::default());
        let desk = Desk {
            channel,
            returns: Returns::default(),
            unconfirmed,
            id_header,
            has_failed: false,
            stuck: Arc::clone(&stuck),
            given_up: given_up.clone(),
        };
        tokio::spawn(desk.serve(line));
        Self { jobs, channel: status, stuck, given_up }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.jobs.is_closed() && self.channel.connected() && !self.stuck.is_set.load(Ordering::Acquire)
    }

    /// A confirm did not come in time. A broker that was killed can leave a channel waiting for ever for a queue that
    /// had no leader yet: a new channel finds it. What is under way here ends as unknown.
    pub(crate) fn give_up(&self) {
        let is_room = self.given_up.0.load(Ordering::Relaxed) < GIVEN_UP_MAX;
        if is_room && !self.stuck.is_set.swap(true, Ordering::AcqRel) {
            self.stuck.news.notify_one();
        }
    }
}

impl Desk {
    /// Until the channel ends or nobody can bring jobs any more.
    async fn serve(mut self, mut line: mpsc::Receiver<Job>) {
        let channel = self.channel.clone();
        let mut under_way = FuturesUnordered::new();
        let (mut is_line_open, mut is_given_up) = (true, false);
        while is_line_open || !under_way.is_empty() {
            tokio::select! {
                biased;
                Some(settled) = under_way.next() => {
                    self.note(settled);
                    // All that is ready: `Returns` counts on it.
                    while let Some(Some(settled)) = under_way.next().now_or_never() {
                        self.note(settled);
                    }
                    self.decide(under_way.is_empty());
                }
                () = self.stuck.news.notified(), if !is_given_up => {
                    (is_given_up, self.has_failed) = (true, true);
                    self.given_up.0.fetch_add(1, Ordering::Relaxed);
                    Session::hang_up(self.channel.clone());
                }
                job = line.recv(), if is_line_open && under_way.len() < UNDER_WAY_MAX => match job {
                    Some(job) => if let Some(job) = self.admit(job) {
                        under_way.push(send(&channel, job));
                    },
                    None => is_line_open = false,
                },
            }
            if self.has_failed {
                line.close();
            }
        }
        if is_given_up {
            self.given_up.0.fetch_sub(1, Ordering::Relaxed);
        }
        Session::hang_up(self.channel);
    }

    fn admit(&mut self, job: Job) -> Option<Job> {
        if self.has_failed || !self.channel.status().connected() {
            self.has_failed = true;
            job.end(Fate::NeverSent);
            return None;
        }
        let is_wanted = job.leave_the_line();
        if is_wanted {
            self.unconfirmed.fetch_add(1, Ordering::Relaxed);
        }
        is_wanted.then_some(job)
    }

    fn note(&mut self, Settled { job, result }: Settled) {
        self.unconfirmed.fetch_sub(1, Ordering::Relaxed);
        match result {
            Ok(Confirmation::Ack(returned)) => {
                let label = job.label();
                self.returns.note(Confirmed {
                    token: job,
                    label,
                    carries: returned.as_ref().map(|returned| self.read_return(returned)),
                });
            }
            Ok(Confirmation::Nack(returned)) => {
                // It may carry somebody else's return all the same.
                if let Some(returned) = &returned {
                    let returned = self.read_return(returned);
                    self.returns.keep(returned);
                }
                job.end(Fate::Nacked);
            }
            Ok(Confirmation::NotRequested) => {
                let kind =
                    lapin::ErrorKind::InvalidChannelState(lapin::ChannelState::Error, "not in confirm mode");
                self.fail(job, kind.into());
            }
            Err(error) => self.fail(job, error),
        }
    }

    fn fail(&mut self, job: Job, error: lapin::Error) {
        self.has_failed = true;
        job.end(Fate::Lost(error));
    }

    fn read_return(&self, returned: &BasicReturnMessage) -> (Label, String) {
        let property =
            returned.properties.message_id().as_ref().map(|id| values::text_of(id.as_str().as_bytes()));
        let header = || {
            let value = returned.properties.headers().as_ref()?.inner().get(self.id_header.as_str())?;
            values::texts_of(value).pop()
        };
        let label = Label {
            id: property.or_else(header).unwrap_or_default(),
            place: returned.routing_key.as_str().into(),
        };
        (label, returned.reply_text.to_string())
    }

    fn decide(&mut self, is_idle: bool) {
        for (job, verdict) in self.returns.decide(is_idle) {
            job.end(match verdict {
                Verdict::Taken => Fate::Taken,
                Verdict::Returned(words) => Fate::Returned(words),
            });
        }
    }
}

/// The first poll numbers the message and queues its frames, in one step and in the order of the line.
async fn send(channel: &Channel, mut job: Job) -> Settled {
    let properties = std::mem::take(&mut job.letter.properties);
    let Letter { exchange, routing_key, is_mandatory, body, .. } = &job.letter;
    let options = BasicPublishOptions { mandatory: *is_mandatory, ..BasicPublishOptions::default() };
    let sent =
        channel.basic_publish((*exchange).into(), routing_key.clone(), options, body, properties).await;
    let result = match sent {
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    Settled { job, result }
}
