//! What one Ed25519 verification costs, with the code and the kind of message the server verifies.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use procura_keys::digest::sha256;
use procura_keys::key::SigningKey;

use crate::server::on_core;

const VERIFICATIONS: u32 = 4000;
/// About as long as what is signed of an agent JWT.
const MESSAGE: [u8; 400] = [b'a'; 400];

/// CPU time of one on the core of the server, in microseconds, taken by a process of its own.
pub(crate) fn on(core: Option<usize>) -> Result<f64> {
    let program = std::env::current_exe()?;
    let mut command = match core {
        Some(core) => on_core(core, program),
        None => Command::new(program),
    };
    let output = command.arg("verify").output()?;
    ensure!(
        output.status.success(),
        "verification could not be measured"
    );
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The same in this process, which has to have one thread only.
pub(crate) fn here() -> Result<f64> {
    let key = SigningKey::from_seed(&sha256(b"load"))?;
    let signature = key.sign(&MESSAGE);
    let before = cpu_nanoseconds()?;
    for _ in 0..VERIFICATIONS {
        let good = black_box(key.public()).verifies(black_box(&MESSAGE), &signature);
        ensure!(good, "a good signature did not verify");
    }
    let spent = cpu_nanoseconds()?.saturating_sub(before);
    Ok(f64::from(u32::try_from(spent / 1000)?) / f64::from(VERIFICATIONS))
}

/// Time on a processor of the main thread, which leaves out what others took of the core.
fn cpu_nanoseconds() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let first = text.split_whitespace().next();
    Ok(first.context("schedstat is empty")?.parse()?)
}
