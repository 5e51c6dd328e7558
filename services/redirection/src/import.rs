//! Many phones claimed or described at once: what becomes of each row, by the rules of a single claim.
//!
//! The rules are asked in the order of `change/devices.rs`; here all that they ask for was read beforehand, for all rows
//! together. A row that cannot be done is refused and stops no other.

mod blocks;
mod rules;

use std::collections::{BTreeMap, HashMap, HashSet};

use vocabulary::{MacAddress, ProfileId, ProviderId};

pub(crate) use blocks::OwnedBlocks;
pub(crate) use rules::ClaimRules;

use crate::assignment::Description;
use crate::claim::Evidence;
use crate::manifest::Shipped;
use crate::refusal::{DeviceRefused, OnHold};

/// The most rows of one import: a transaction of some tens of milliseconds.
const MOST_ROWS: usize = 5_000;

/// A row as it comes, unchecked.
pub(crate) struct RowText {
    pub mac: u64,
    pub profile: String,
    pub serial: String,
    pub model: String,
    pub note: String,
}

/// A row that says something: this phone, sent to this profile.
#[derive(Debug)]
pub(crate) struct Row {
    /// Counts from 0.
    pub number: usize,
    pub mac: MacAddress,
    /// A profile's id or its name.
    pub profile: String,
    pub description: Description,
}

/// A row that is not done, and why not.
pub(crate) type RefusedRow = (usize, DeviceRefused);

/// The rows of an import, in the order of their addresses, each of another phone; and those that say nothing.
pub(crate) struct Rows {
    pub good: Vec<Row>,
    pub refused: Vec<RefusedRow>,
}

/// The number of rows is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("devices: expected 1 to 5000 rows; send more in several calls")]
pub(crate) struct InvalidRowCount;

impl Rows {
    /// Checks each row by itself. Of a phone that is named twice the first row counts.
    pub fn parse(given: Vec<RowText>) -> Result<Self, InvalidRowCount> {
        if !(1..=MOST_ROWS).contains(&given.len()) {
            return Err(InvalidRowCount);
        }
        let (mut by_mac, mut refused) = (BTreeMap::new(), Vec::new());
        for (number, text) in given.into_iter().enumerate() {
            match Row::parse(number, text) {
                Ok(row) if by_mac.contains_key(&row.mac) => refused.push((number, DeviceRefused::Repeated)),
                Ok(row) => {
                    by_mac.insert(row.mac, row);
                }
                Err(error) => refused.push((number, error)),
            }
        }
        Ok(Self { good: by_mac.into_values().collect(), refused })
    }
}

impl Row {
    fn parse(number: usize, text: RowText) -> Result<Self, DeviceRefused> {
        let RowText { mac, profile, serial, model, note } = text;
        let mac = MacAddress::from_u64(mac)?;
        Ok(Self { number, mac, profile, description: Description::parse(&serial, &model, &note)? })
    }
}

/// What is recorded of a phone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Registered {
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub description: Description,
}

/// Who imports.
pub(crate) struct Claimant {
    pub provider: ProviderId,
    /// Who stands above the provider.
    pub ancestors: Vec<ProviderId>,
}

/// All that the rules ask for, of the phones of one import.
pub(crate) struct Facts {
    /// The claimant's profiles by what the rows call them.
    pub profiles: HashMap<String, ProfileId>,
    pub registered: HashMap<MacAddress, Registered>,
    pub held: HashSet<MacAddress>,
    pub blocks: OwnedBlocks,
    pub rules: ClaimRules,
    /// What the manifest says of them; nothing where there is no rule that would ask.
    pub shipped: HashMap<MacAddress, Shipped>,
}

/// A row that is to be stored.
#[derive(Debug)]
pub(crate) struct Planned {
    pub row: Row,
    pub profile: ProfileId,
    pub what: What,
}

/// What a row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The phone was nobody's.
    Claimed,
    /// It was in a block of the provider's own.
    Registered,
    /// It goes to another profile, whatever else changes.
    Moved,
    /// What is noted of it.
    Described,
}

/// What is to be done.
#[derive(Default)]
pub(crate) struct Plan {
    /// In the order of their addresses.
    pub stored: Vec<Planned>,
    pub unchanged: u64,
    pub refused: Vec<RefusedRow>,
}

impl What {
    /// Whether the phone was not the provider's registered one before.
    pub const fn is_new(self) -> bool {
        matches!(self, Self::Claimed | Self::Registered)
    }

    /// Whether it now goes to another profile than before, or to one for the first time.
    pub const fn is_association(self) -> bool {
        matches!(self, Self::Claimed | Self::Registered | Self::Moved)
    }
}

impl Facts {
    /// What is to be done with the rows.
    pub fn plan(&self, claimant: &Claimant, rows: Rows) -> Plan {
        let mut plan = Plan { refused: rows.refused, ..Plan::default() };
        for row in rows.good {
            match self.judge(claimant, &row) {
                Ok(Some((profile, what))) => plan.stored.push(Planned { row, profile, what }),
                Ok(None) => plan.unchanged += 1,
                Err(error) => plan.refused.push((row.number, error)),
            }
        }
        plan.refused.sort_by_key(|(number, _)| *number);
        plan
    }

    /// `None` where the row says nothing new.
    fn judge(&self, claimant: &Claimant, row: &Row) -> Result<Option<(ProfileId, What)>, DeviceRefused> {
        let registered = self.registered.get(&row.mac);
        let Some(before) = registered.filter(|before| before.provider == claimant.provider) else {
            let what = self.claim(claimant, row)?;
            return Ok(Some((self.profile_of(row)?, what)));
        };
        let profile = self.profile_of(row)?;
        Ok(if before.profile != profile {
            Some((profile, What::Moved))
        } else if before.description != row.description {
            Some((profile, What::Described))
        } else {
            None
        })
    }

    fn claim(&self, claimant: &Claimant, row: &Row) -> Result<What, DeviceRefused> {
        if self.held.contains(&row.mac) {
            return Err(OnHold.into());
        }
        let registered = self.registered.get(&row.mac).map(|registered| &registered.provider);
        match registered.or_else(|| self.blocks.owner_of(row.mac)) {
            Some(owner) if *owner != claimant.provider => Err(DeviceRefused::OwnedByOther),
            // The operator has said whose it is.
            Some(_) => Ok(What::Registered),
            None => {
                let evidence = Evidence {
                    claimant: &claimant.provider,
                    ancestors: &claimant.ancestors,
                    serial: row.description.serial.as_ref(),
                    shipped: self.shipped.get(&row.mac),
                };
                self.rules.of(row.mac).is_met_by(&evidence)?;
                Ok(What::Claimed)
            }
        }
    }

    fn profile_of(&self, row: &Row) -> Result<ProfileId, DeviceRefused> {
        self.profiles.get(&row.profile).cloned().ok_or(DeviceRefused::UnknownProfile)
    }
}
