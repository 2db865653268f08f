//! A store in memory, for tests and programs that need not remember anything.
//!
//! A write transaction waits for its turn, works on its own copy of the state and swaps it in when
//! it commits; a read transaction keeps the state it found. Tables are shared between copies until
//! written to.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use self::dependent::Dependent;
use self::state::State;
use crate::{Store, StoreError, StoreResult, Transaction};

mod agents;
mod approvals;
mod audit;
mod challenges;
mod dependent;
mod grants;
mod hosts;
mod housekeeping;
mod invitations;
mod jobs;
mod labels;
mod nodes;
mod notices;
mod openid;
mod passkeys;
mod persons;
mod recovery_codes;
mod replay;
mod search;
mod secrets;
mod sessions;
mod state;
mod vault;

/// A handle to one store. Clones of it share their records.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    committed: Arc<Mutex<State>>,
    turn: Arc<AsyncMutex<()>>,
}

impl MemoryStore {
    /// A store without any records.
    pub fn new() -> Self {
        Self::default()
    }

    fn snapshot(&self) -> State {
        self.committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let writer = Writer {
            committed: Arc::clone(&self.committed),
            dependents: Vec::new(),
            _turn: turn,
        };
        Ok(Box::new(MemoryTransaction {
            state: self.snapshot(),
            writer: Some(writer),
            salt: [0; 32],
        }))
    }

    async fn read(&self) -> StoreResult<Box<dyn Transaction>> {
        Ok(Box::new(MemoryTransaction {
            state: self.snapshot(),
            writer: None,
            salt: [0; 32],
        }))
    }
}

/// A copy of the state, and the right to replace the original if there is one.
#[derive(Debug)]
struct MemoryTransaction {
    state: State,
    writer: Option<Writer>,
    /// What the records it appends to the audit log are salted with.
    salt: [u8; 32],
}

#[derive(Debug)]
struct Writer {
    committed: Arc<Mutex<State>>,
    /// What was written and points at other records.
    dependents: Vec<Dependent>,
    _turn: OwnedMutexGuard<()>,
}

impl MemoryTransaction {
    /// The state, to be changed.
    fn change(&mut self) -> StoreResult<&mut State> {
        if self.writer.is_some() {
            Ok(&mut self.state)
        } else {
            Err(StoreError::Unavailable(Box::new(ReadOnly)))
        }
    }

    /// Has a record checked at the commit.
    fn check_later(&mut self, dependent: Dependent) {
        if let Some(writer) = &mut self.writer {
            writer.dependents.push(dependent);
        }
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn commit(self: Box<Self>) -> StoreResult<()> {
        let Self { state, writer, .. } = *self;
        let Some(writer) = writer else {
            return Ok(());
        };
        for dependent in &writer.dependents {
            dependent.check(&state)?;
        }
        *writer
            .committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }
}

/// A transaction opened for reading was asked to write.
#[derive(Debug, thiserror::Error)]
#[error("this transaction was opened for reading only")]
struct ReadOnly;
