//! How much memory the process holds, client and server together.

use peak_alloc::PeakAlloc;
use tokio::sync::{Mutex, MutexGuard};

#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

/// Memory is counted for the process, so that one test at a time may count it.
static TURN: Mutex<()> = Mutex::const_new(());

/// How much more than before a request may make the process hold while it is answered: 48 times the largest body.
/// A body of a mebibyte with half a million numbers comes close to half of it.
const BOUND: usize = 48 * 1024 * 1024;

/// Waits for the other tests of this program.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// Does what is bounded, and fails when it is not.
pub(crate) async fn bounded<T>(what: &str, work: impl Future<Output = T>) -> T {
    let before = HELD.current_usage();
    HELD.reset_peak_usage();
    let outcome = work.await;
    let more = HELD.peak_usage().saturating_sub(before);
    assert!(more <= BOUND, "{what} took {more} bytes");
    outcome
}
