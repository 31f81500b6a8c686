//! A command on its way through the writer: what it does, what came of it, and who waits for that.

use tokio::sync::oneshot;

use crate::sqlite::transaction::Tx;
use crate::sqlite::trouble::Trouble;
use crate::{Result, StoreError};

/// A command to the store. It may run more than once: when a neighbour spoils their common transaction, it runs again
/// in one of its own.
pub(in crate::sqlite) trait Command: Send + 'static {
    /// What its caller gets after the commit.
    type Output: Send + 'static;

    /// Whether it brings work that can still be refused, rather than finishing work that was accepted.
    const IS_NEW_WORK: bool = false;

    /// Does it, inside a transaction that others share. `Trouble::Refused` promises that nothing was written.
    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<Self::Output, Trouble>;
}

/// A command with its answer, whatever its type.
pub(super) trait Job: Send {
    /// Runs the command and keeps what came of it. An error spoils the transaction.
    fn run(&mut self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble>;

    /// Tells the caller what came of it; called after the commit.
    fn answer(self: Box<Self>);

    /// Tells the caller that it did not happen.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// The one implementation.
pub(super) struct Waiting<C: Command> {
    command: C,
    outcome: Option<Result<C::Output>>,
    caller: oneshot::Sender<Result<C::Output>>,
}

impl<C: Command> Waiting<C> {
    pub(super) const fn new(command: C, caller: oneshot::Sender<Result<C::Output>>) -> Self {
        Self { command, outcome: None, caller }
    }
}

impl<C: Command> Job for Waiting<C> {
    fn run(&mut self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        self.outcome = Some(match self.command.run(tx) {
            Ok(output) => Ok(output),
            Err(Trouble::Refused(error)) => Err(error),
            Err(spoiled) => return Err(spoiled),
        });
        Ok(())
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // Whoever does not wait any more learns it by reading.
            let _ = self.caller.send(outcome);
        }
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.caller.send(Err(error));
    }
}
