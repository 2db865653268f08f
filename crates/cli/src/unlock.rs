//! Opening the profile: by what it says it is opened with, and for a new one by the best this system has.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use procura_client::{Keeper, Profile, ProfileError, Protection, SystemEntropy};
use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::printer::Printer;

/// What the command line says about opening a profile.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Unlock {
    /// Encrypt keys and connections under the passphrase in this file, or open them with it
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "PROCURA_PASSPHRASE_FILE"
    )]
    passphrase_file: Option<PathBuf>,
    /// Leave the keychain of this system alone: without a passphrase, new keys are not encrypted
    #[cfg(feature = "keychain")]
    #[arg(
        long,
        global = true,
        env = "PROCURA_NO_KEYCHAIN",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    no_keychain: bool,
}

impl Unlock {
    /// Opens the profile in `directory`. For a new one that the keychain does not keep the key of, says why not.
    pub(crate) fn open(
        &self,
        directory: PathBuf,
        printer: &Printer,
    ) -> Result<(Profile, Option<CommandError>), CommandError> {
        let profile = if let Some(file) = &self.passphrase_file {
            encrypted(directory, &Keeper::passphrase(&read_passphrase(file)?)?)?
        } else {
            match Profile::protection_of(&directory)? {
                Protection::Permissions if Profile::has_keys(&directory) => {
                    Profile::open(directory)?
                }
                Protection::Permissions => return self.new_profile(directory),
                Protection::Passphrase => ask_until_it_fits(&directory, printer)?,
                Protection::Keychain(_) => encrypted(directory, &keychain()?)?,
            }
        };
        Ok((profile, None))
    }

    /// One whose keys are yet to be made: the keychain keeps the key to them where there is one.
    #[cfg(feature = "keychain")]
    fn new_profile(
        &self,
        directory: PathBuf,
    ) -> Result<(Profile, Option<CommandError>), CommandError> {
        if self.no_keychain {
            return Ok((Profile::open(directory)?, None));
        }
        match keychain().and_then(|keeper| encrypted(directory.clone(), &keeper)) {
            Ok(profile) => Ok((profile, None)),
            Err(error) if error.is_of_keychain() => Ok((Profile::open(directory)?, Some(error))),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(feature = "keychain"))]
    #[expect(
        clippy::unused_self,
        reason = "there is nothing to choose without a keychain"
    )]
    fn new_profile(
        &self,
        directory: PathBuf,
    ) -> Result<(Profile, Option<CommandError>), CommandError> {
        Ok((Profile::open(directory)?, None))
    }
}

/// The keychain of this system.
#[cfg(feature = "keychain")]
pub(crate) fn keychain() -> Result<Keeper, CommandError> {
    let chain = procura_client::SystemKeychain::connect().map_err(CommandError::Keychain)?;
    Ok(Keeper::Keychain(std::sync::Arc::new(chain)))
}

/// The keychain that this program was built without.
#[cfg(not(feature = "keychain"))]
pub(crate) fn keychain() -> Result<Keeper, CommandError> {
    let reason = "this program was built without it".to_owned();
    Err(CommandError::Keychain(
        procura_client::KeychainError::Unavailable(reason),
    ))
}

/// A passphrase nobody has used yet, from a file or from the person at the terminal, who has to say it twice.
pub(crate) fn new_passphrase(file: Option<&Path>) -> Result<Keeper, CommandError> {
    let passphrase = match file {
        Some(file) => read_passphrase(file)?,
        None => ask("New passphrase", true)?.ok_or(CommandError::NoTerminal)?,
    };
    Ok(Keeper::passphrase(&passphrase)?)
}

fn encrypted(directory: PathBuf, keeper: &Keeper) -> Result<Profile, CommandError> {
    Ok(Profile::open_encrypted(directory, keeper, &SystemEntropy)?)
}

fn ask_until_it_fits(directory: &Path, printer: &Printer) -> Result<Profile, CommandError> {
    let mut tries = 1;
    loop {
        let Some(passphrase) = ask("Passphrase", false)? else {
            // What a closed profile says when it is opened as an open one.
            return Ok(Profile::open(directory)?);
        };
        let keeper = Keeper::passphrase(&passphrase)?;
        match Profile::open_encrypted(directory, &keeper, &SystemEntropy) {
            Err(ProfileError::WrongPassphrase { .. }) if tries < TRIES => {
                printer.insist("That is not the passphrase.");
                tries += 1;
            }
            opened => return Ok(opened?),
        }
    }
}

fn read_passphrase(file: &Path) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let read = std::fs::read(file).map(Zeroizing::new);
    let mut text = read.map_err(|error| CommandError::Passphrase(file.to_owned(), error))?;
    // Editors end a file with a line break, which nobody means.
    let length = text.trim_ascii_end().len();
    text.truncate(length);
    Ok(text)
}

/// Asks the person at the terminal; `None` when there is none. What runs in a pipe is never asked.
fn ask(prompt: &str, is_new: bool) -> Result<Option<Zeroizing<Vec<u8>>>, CommandError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let mut question = dialoguer::Password::new().with_prompt(prompt);
    if is_new {
        question = question.with_confirmation("Once more", "They differ.");
    }
    let dialoguer::Error::IO(error) = match question.interact() {
        Ok(said) => return Ok(Some(Zeroizing::new(said.into_bytes()))),
        Err(error) => error,
    };
    Err(CommandError::Terminal(error))
}

/// How often a passphrase may be mistyped.
const TRIES: u32 = 3;
