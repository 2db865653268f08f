//! Whether a person wants e-mail about what waits for them.

/// What a person chose, or what is known of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailChoice {
    /// They get it. So does whoever has not chosen, if somebody who may know gave the address.
    On,
    /// They want none.
    Off,
    /// They gave the address themselves when they signed up, and it may be somebody else's.
    Unconfirmed,
}

impl MailChoice {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::On, Self::Off, Self::Unconfirmed];

    /// The storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// The choice after the person switched it. An address that was never confirmed cannot be switched on: that takes
    /// [confirming](Self::confirmed) it.
    #[must_use]
    pub fn switched(self, on: bool) -> Self {
        match (self, on) {
            (Self::Unconfirmed, _) => Self::Unconfirmed,
            (_, true) => Self::On,
            (_, false) => Self::Off,
        }
    }

    /// The choice after the person showed that they read what is sent to the address.
    #[must_use]
    pub fn confirmed(self) -> Self {
        match self {
            Self::Unconfirmed => Self::On,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MailChoice::{Off, On, Unconfirmed};

    #[test]
    fn no_way_leads_from_an_unconfirmed_address_to_mail_but_confirming_it() {
        for (before, on, after) in [
            (On, false, Off),
            (Off, true, On),
            (On, true, On),
            (Off, false, Off),
            (Unconfirmed, true, Unconfirmed),
            (Unconfirmed, false, Unconfirmed),
        ] {
            assert_eq!(before.switched(on), after, "{before:?} {on}");
        }
        assert_eq!(Unconfirmed.confirmed(), On);
        assert_eq!(Off.confirmed(), Off);
    }
}
