//! How a claim must be proven: the operator's policy, by the beginning of the address.

use vocabulary::{ProviderId, SerialNumber};

use crate::manifest::Shipped;
use crate::words::words;

/// The bits of an address.
const BITS: u32 = 48;

words! {
    /// What a claim must be proven by.
    ClaimProof {
        /// Nothing.
        Open = "open",
        /// The claim states the serial number.
        Serial = "serial",
        /// The manifest says that the phone was sold to the claimant or to somebody above it.
        Manifest = "manifest",
        /// The phone showed its certificate in a window that the claimant opened.
        Certificate = "certificate",
    }
}

words! {
    /// How well a claim is proven.
    Proven {
        /// The manifest says that the phone was sold to the claimant or to somebody above it.
        Manifest = "manifest",
        /// The claimant knows the serial number that the manifest or the owner has noted.
        Serial = "serial",
        None = "none",
    }
}

/// The addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    prefix: u64,
    bits: u8,
}

/// What claims of the addresses that begin so must be proven by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClaimRule {
    pub prefix: Prefix,
    pub proof: ClaimProof,
}

/// The text is not the beginning of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("prefix: expected an address of 48 bits and how many of them count, 0 to 48")]
pub(crate) struct InvalidPrefix;

/// What speaks for a claim.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub claimant: &'a ProviderId,
    /// Who stands above the claimant.
    pub ancestors: &'a [ProviderId],
    /// The serial number that the claimant states.
    pub serial: Option<&'a SerialNumber>,
    /// What the manifest says of the phone.
    pub shipped: Option<&'a Shipped>,
}

/// What a claim lacks. Each says what to do next, and none to whom a phone was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unproven {
    #[error("phones of this kind are claimed with their serial number; give the one on the phone's label")]
    SerialRequired,
    #[error("the manufacturer shipped this phone with another serial number; compare with the phone's label")]
    WrongSerial,
    #[error(
        "the manufacturer's list does not say that this phone was sold to you; \
         ask your supplier to have it reported, or the operator to look into it"
    )]
    NotInManifest,
    #[error("phones of this kind are claimed by their certificate; open a window for its address and plug it in")]
    CertificateRequired,
}

impl Prefix {
    /// The addresses whose first `bits` bits are those of `prefix`; what stands behind them does not count.
    pub fn parse(prefix: u64, bits: u32) -> Result<Self, InvalidPrefix> {
        let length = u8::try_from(bits).map_err(|_| InvalidPrefix)?;
        if prefix >> BITS != 0 || bits > BITS {
            return Err(InvalidPrefix);
        }
        let rest = BITS - bits;
        Ok(Self { prefix: prefix >> rest << rest, bits: length })
    }

    /// The first address, as a number.
    pub const fn first(self) -> u64 {
        self.prefix
    }

    /// How many bits count.
    pub const fn bits(self) -> u8 {
        self.bits
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:012x}/{}", self.prefix, self.bits)
    }
}

impl ClaimProof {
    /// Whether `evidence` is what this policy asks for, where no certificate was shown.
    pub fn is_met_by(self, evidence: &Evidence<'_>) -> Result<(), Unproven> {
        match self {
            Self::Serial if evidence.serial.is_none() => Err(Unproven::SerialRequired),
            Self::Manifest if !evidence.was_sold_to_claimant() => Err(Unproven::NotInManifest),
            Self::Serial | Self::Manifest if evidence.serials_differ() => Err(Unproven::WrongSerial),
            Self::Open | Self::Serial | Self::Manifest => Ok(()),
            Self::Certificate => Err(Unproven::CertificateRequired),
        }
    }

    /// Likewise, where the phone has shown its certificate: that is as good as its serial number, and better.
    pub fn is_met_with_certificate(self, evidence: &Evidence<'_>) -> Result<(), Unproven> {
        match self {
            Self::Serial if evidence.serials_differ() => Err(Unproven::WrongSerial),
            Self::Open | Self::Serial | Self::Certificate => Ok(()),
            Self::Manifest => self.is_met_by(evidence),
        }
    }
}

impl Evidence<'_> {
    /// How well a request for another's phone is proven. `noted` is the serial number that its owner has registered:
    /// one that only the claimant states proves nothing.
    pub fn proves(&self, noted: Option<&SerialNumber>) -> Proven {
        if self.was_sold_to_claimant() && !self.serials_differ() {
            return Proven::Manifest;
        }
        let shipped = self.shipped.and_then(|shipped| shipped.serial.as_ref());
        let is_known =
            |stated: &SerialNumber| shipped.or(noted).is_some_and(|serial| serial.canonical() == stated.canonical());
        if self.serial.is_some_and(is_known) { Proven::Serial } else { Proven::None }
    }

    fn was_sold_to_claimant(&self) -> bool {
        let sold_to = self.shipped.and_then(|shipped| shipped.sold_to.as_ref());
        sold_to.is_some_and(|buyer| buyer == self.claimant || self.ancestors.contains(buyer))
    }

    /// Whether claimant and manufacturer both know a serial number, and not the same one.
    fn serials_differ(&self) -> bool {
        let shipped = self.shipped.and_then(|shipped| shipped.serial.as_ref());
        self.serial.zip(shipped).is_some_and(|(stated, shipped)| stated.canonical() != shipped.canonical())
    }
}

#[cfg(test)]
mod tests;
