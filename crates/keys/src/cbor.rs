//! As much of CBOR (RFC 8949) as authenticators use for keys: integers, byte strings, texts and maps of these, of
//! definite length, each number in its shortest form as CTAP2 wants it.

/// Reads one item after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// The head of an item; for strings with their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// A map of so many pairs, which follow.
    Map(u64),
}

/// The bytes are not CBOR, or not of the kind that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not the CBOR that authenticators write")]
pub struct NotCbor;

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next item.
    pub fn read(&mut self) -> Result<Item<'a>, NotCbor> {
        let [first, ..] = *self.take(1)? else {
            return Err(NotCbor);
        };
        let argument = self.argument(first & 0x1f)?;
        match first >> 5 {
            0 => i64::try_from(argument)
                .map(Item::Integer)
                .map_err(|_| NotCbor),
            1 => i64::try_from(argument)
                .map(|n| Item::Integer(-1 - n))
                .map_err(|_| NotCbor),
            2 => self.string(argument).map(Item::Bytes),
            3 => std::str::from_utf8(self.string(argument)?)
                .map(Item::Text)
                .map_err(|_| NotCbor),
            5 => Ok(Item::Map(argument)),
            _ => Err(NotCbor),
        }
    }

    fn argument(&mut self, code: u8) -> Result<u64, NotCbor> {
        let (width, least) = match code {
            0..=23 => return Ok(code.into()),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(NotCbor),
        };
        let bytes = self.take(width)?;
        let value = bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        (value >= least).then_some(value).ok_or(NotCbor)
    }

    fn string(&mut self, length: u64) -> Result<&'a [u8], NotCbor> {
        self.take(usize::try_from(length).map_err(|_| NotCbor)?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NotCbor> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(NotCbor)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Item<'_>, NotCbor> {
        Reader::new(bytes).read()
    }

    /// From RFC 8949, appendix A.
    #[test]
    fn items_are_read_as_the_standard_writes_them() {
        let cases: [(&[u8], Item<'_>); 11] = [
            (&[0x00], Item::Integer(0)),
            (&[0x17], Item::Integer(23)),
            (&[0x18, 0x18], Item::Integer(24)),
            (&[0x19, 0x03, 0xe8], Item::Integer(1000)),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], Item::Integer(1_000_000)),
            (&[0x20], Item::Integer(-1)),
            (&[0x39, 0x03, 0xe7], Item::Integer(-1000)),
            (&[0x44, 1, 2, 3, 4], Item::Bytes(&[1, 2, 3, 4])),
            (&[0x40], Item::Bytes(&[])),
            (&[0x64, b'I', b'E', b'T', b'F'], Item::Text("IETF")),
            (&[0xa2], Item::Map(2)),
        ];
        for (bytes, item) in cases {
            assert_eq!(read(bytes), Ok(item), "{bytes:02x?}");
        }
    }

    #[test]
    fn second_spellings_and_other_kinds_are_refused() {
        let cases: [&[u8]; 11] = [
            &[],
            &[0x18, 0x17],
            &[0x19, 0x00, 0xff],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x44, 1, 2, 3],
            &[0x5f, 0x41, 1, 0xff],
            &[0x61, 0xff],
            &[0x80],
            &[0xc0],
            &[0xf5],
            &[0x1c],
        ];
        for bytes in cases {
            assert_eq!(read(bytes), Err(NotCbor), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            let mut left = bytes.len();
            while reader.read().is_ok() {
                prop_assert!(reader.rest().len() < left);
                left = reader.rest().len();
            }
        }
    }
}
