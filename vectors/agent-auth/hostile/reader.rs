//! How the tests of this repository read the files beside this one.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One file.
#[derive(Deserialize)]
pub(crate) struct Corpus<C> {
    controls: Vec<C>,
    cases: Vec<C>,
}

impl<C: DeserializeOwned> Corpus<C> {
    pub(crate) fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Controls first.
    pub(crate) fn into_all(self) -> impl Iterator<Item = C> {
        self.controls.into_iter().chain(self.cases)
    }
}

/// A text, or pieces to be joined.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Pieces {
    Text(String),
    Joined(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Piece {
    Text(String),
    Repeated { repeat: String, times: usize },
    Bytes { hex: String },
}

impl Pieces {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Joined(pieces) => pieces.iter().flat_map(Piece::bytes).collect(),
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Repeated { repeat, times } => repeat.repeat(*times).into_bytes(),
            Self::Bytes { hex } => {
                let digits = |at| hex.get(at..at + 2).unwrap_or_default();
                let bytes = (0..hex.len()).step_by(2).map(digits);
                bytes
                    .filter_map(|two| u8::from_str_radix(two, 16).ok())
                    .collect()
            }
        }
    }
}
